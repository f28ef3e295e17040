// SPDX-License-Identifier: Apache-2.0
/** Through Postfix into Dovecot: the parts of the contract that need no mail to be there at once, and bytes. */
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { emailTransport, openMailbox, openMailer } from '@waxwing/email'
import {
  describeTransportParts,
  dovecotAvailable,
  expectReceived,
  MessageLog,
  postfixAvailable,
  requireOrSkip,
} from '@waxwing/testkit'
import { ContractEndpoints } from './contract-endpoints.js'
import { MISSING } from './describe-contract.js'
import { imapOf, mailboxOf, openPostfixPost, type PostfixPost } from './post.js'

requireOrSkip('postfix and dovecot', postfixAvailable() && dovecotAvailable())('Postfix', () => {
  let post: PostfixPost

  beforeAll(async () => {
    post = await openPostfixPost()
  })

  afterAll(() => post.close())

  describeTransportParts(
    'e-mail through Postfix',
    ['interruption'], // 'carriage' takes for granted that what was sent last comes last
    async () => {
      const endpoints = new ContractEndpoints({
        dovecot: post.dovecot,
        smtpPort: post.postfix.port,
      })
      onTestFinished(() => endpoints.close())
      return endpoints.fixture()
    },
    MISSING,
  )

  it('brings payloads of all lengths, byte for byte', async () => {
    const lengths = [0, 1, 2, 3, 56, 57, 58, 997, 998, 999, 1_000, 65_536, 1_048_576]
    const payloads = lengths.map((length) => new Uint8Array(randomBytes(length)))
    const mailer = openMailer({ smtp: { url: post.postfix.url }, from: mailboxOf('sender') })
    onTestFinished(() => mailer.close())
    const items = payloads.map((payload, index) => ({ address: addressAt(index), payload }))
    await mailer.send({ to: mailboxOf('lengths'), items })
    const mailbox = openMailbox({ imap: imapOf(post.dovecot, 'lengths') })
    onTestFinished(() => mailbox.close())
    for await (const mail of mailbox.fetch({ follow: true })) {
      expect(mail.items.map(({ payload }) => Buffer.from(payload))).toEqual(
        payloads.map((payload) => Buffer.from(payload)),
      )
      expect(mail.items.map(({ address }) => address)).toEqual(items.map(({ address }) => address))
      await mail.acknowledge()
      break
    }
  })

  it('loses nothing while the server is stopped and started, sending and waiting', async () => {
    const sender = emailTransport({
      smtp: { url: post.postfix.url },
      from: mailboxOf('sender'),
      routes: { '#': mailboxOf('restarts') },
      reconnectMinMs: 50,
      reconnectMaxMs: 500,
    })
    const receiver = emailTransport({
      imap: imapOf(post.dovecot, 'restarts'),
      reconnectMinMs: 50,
      reconnectMaxMs: 500,
    })
    onTestFinished(async () => {
      await Promise.all([sender.close(), receiver.close()])
    })
    const log = new MessageLog()
    await receiver.subscribe('plant/#', log.tolerant)
    const payloads = Array.from({ length: 30 }, (_, index) => Uint8Array.of(0xd0, index))
    const sends = payloads.slice(0, 10).map((payload) => sender.send('plant/1', payload))
    await post.postfix.stop()
    sends.push(...payloads.slice(10, 20).map((payload) => sender.send('plant/1', payload)))
    await post.dovecot.stop()
    await post.postfix.start()
    sends.push(...payloads.slice(20).map((payload) => sender.send('plant/1', payload)))
    await Promise.all(sends)
    await post.dovecot.start()
    await expectReceived(log, ...payloads)
    expect(log.messages.every(({ address }) => address === 'plant/1')).toBe(true)
  })

  it('tells of a mail that came back, since the mailbox it was for is full', async () => {
    const full = await openPostfixPost({ quotaKibibytes: 300 })
    onTestFinished(() => full.close())
    const transport = emailTransport({
      smtp: { url: full.postfix.url },
      imap: imapOf(full.dovecot, 'sender'),
      from: mailboxOf('sender'),
      routes: { '#': mailboxOf('reader') },
    })
    onTestFinished(() => transport.close())
    const { promise: told, resolve } = Promise.withResolvers<unknown>()
    transport.onStatus((status) => void (status.state === 'error' && resolve(status.error)))
    for (let mail = 0; mail < 4; mail++) {
      await transport.send('plant/1', new Uint8Array(randomBytes(100_000)))
    }
    expect(await told).toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringMatching(
        /could not be delivered.*for reader@.*\(5\.2\.2 .*quota/i,
      ) as string,
    })
  })
})

/** Ordinary ones, long ones, and some that need to be encoded. */
function addressAt(index: number): string {
  return (
    ['plant/1', `/${'level/'.repeat(60)}`, 'a//b c/%25 é', '.', '日本/=?utf-8?q?x?='][index % 5] ??
    ''
  )
}
