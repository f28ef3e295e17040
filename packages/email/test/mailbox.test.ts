// SPDX-License-Identifier: Apache-2.0
/** Reading a mailbox of Dovecot: what is fetched, what becomes of it, and what is left alone. */
import { createHash, randomBytes } from 'node:crypto'
import { memoryStore } from '@waxwing/client'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import {
  composeMail,
  emailTransport,
  openMailbox,
  type Letter,
  type LetterItem,
  type Mailbox,
  type MailboxOptions,
  type ReceivedMail,
} from '@waxwing/email'
import type { Transport } from '@waxwing/core'
import {
  dovecotAvailable,
  expectReceived,
  LmtpClient,
  MAIL_CHANGES,
  MessageLog,
  requireOrSkip,
  startDovecot,
  startProxy,
  type Dovecot,
} from '@waxwing/testkit'
import { imapClient, imapOf, mailboxOf, mailsIn, rejectionsOf } from './post.js'

const FAST = { reconnectMinMs: 20, reconnectMaxMs: 200 }
let count = 0

requireOrSkip('dovecot', dovecotAvailable())('a mailbox', () => {
  let dovecot: Dovecot
  let lmtp: LmtpClient

  beforeAll(async () => {
    dovecot = await startDovecot()
    lmtp = new LmtpClient(dovecot.lmtpPort)
  })

  afterAll(async () => {
    lmtp.close()
    await dovecot.close()
  })

  const newUser = (): string => `reader${count++}`

  const deliver = (user: string, bytes: Uint8Array | string): Promise<void> =>
    lmtp.deliver({ from: 'a@example.test', to: [mailboxOf(user)], bytes: Buffer.from(bytes) })

  const post = async (user: string, letter: Partial<Letter>): Promise<void> =>
    deliver(user, await composeMail({ to: mailboxOf(user), ...letter }, { from: 'a@example.test' }))

  const objects = (...numbers: readonly number[]): readonly LetterItem[] =>
    numbers.map((number) => ({ address: `plant/${number}`, payload: Uint8Array.of(0xd0, number) }))

  function open(
    user: string,
    options: Partial<MailboxOptions> = {},
  ): { mailbox: Mailbox; errors: unknown[] } {
    const mailbox = openMailbox({ imap: imapOf(dovecot, user), ...FAST, ...options })
    onTestFinished(() => mailbox.close())
    const errors: unknown[] = []
    mailbox.onError((error) => errors.push(error))
    return { mailbox, errors }
  }

  function openTransport(
    user: string,
    options: Parameters<typeof emailTransport>[0] = {},
  ): Transport {
    const transport = emailTransport({ imap: imapOf(dovecot, user), ...FAST, ...options })
    onTestFinished(() => transport.close())
    return transport
  }

  async function fetchAll(
    mailbox: Mailbox,
    settle: (mail: ReceivedMail) => Promise<void> = (mail) => mail.acknowledge(),
  ): Promise<ReceivedMail[]> {
    const mails: ReceivedMail[] = []
    for await (const mail of mailbox.fetch()) {
      mails.push(mail)
      await settle(mail)
    }
    return mails
  }

  const numbersOf = (mails: readonly Pick<ReceivedMail, 'items'>[]): number[][] =>
    mails.map(({ items }) => items.map(({ payload }) => payload[1] ?? 0))

  const flagsIn = async (user: string): Promise<string[][]> => {
    const client = await imapClient(dovecot, user)
    const { exists } = await client.mailboxOpen('INBOX', { readOnly: true })
    const messages = exists === 0 ? [] : await client.fetchAll('1:*', { flags: true })
    await client.logout()
    return messages.map(({ flags }) =>
      [...(flags ?? [])].filter((flag) => flag !== '\\Recent').toSorted(),
    )
  }

  it('yields mails with their items, once each, and sets its keyword and no other flag', async () => {
    const user = newUser()
    await post(user, { items: objects(1, 2) })
    await post(user, { items: objects(3) })
    const { mailbox } = open(user)
    expect(numbersOf(await fetchAll(mailbox))).toEqual([[1, 2], [3]])
    expect(await fetchAll(mailbox)).toEqual([])
    expect(await flagsIn(user)).toEqual([['$WaxwingDone'], ['$WaxwingDone']])
  })

  it('yields again what nobody settled, and says so', async () => {
    const user = newUser()
    await post(user, { items: objects(1) })
    const { mailbox } = open(user)
    await fetchAll(mailbox, async () => undefined)
    expect(numbersOf(await fetchAll(mailbox))).toEqual([[1]])
    expect(await flagsIn(user)).toEqual([['$WaxwingDone']])
  })

  it('leaves mails of people alone, and does not download them', async () => {
    const user = newUser()
    await deliver(user, `Subject: hello\r\n\r\n${'words '.repeat(10_000)}`)
    await deliver(user, 'Content-Type: application/pdf; name=a.pdf\r\n\r\nx')
    const { mailbox, errors } = open(user)
    expect(await fetchAll(mailbox)).toEqual([])
    expect(await flagsIn(user)).toEqual([[], []])
    expect(errors).toEqual([])
    expect(dovecot.log()).not.toMatch(new RegExp(`imap\\(${user}@.*body_count=[1-9]`))
  })

  it('has the same bytes in it after whatever happened to mails on their way', async () => {
    const user = newUser()
    const payloads = [0, 1, 57, 1_000, 100_000].map((length) => new Uint8Array(randomBytes(length)))
    const items = payloads.map((payload, index) => ({ address: `plant/${index}`, payload }))
    const mail = await composeMail({ to: mailboxOf(user), items }, { from: 'a@example.test' })
    // DATA has lines: what is binary for real only goes by BDAT (RFC 3030).
    const { 'binary parts': _binary, ...changes } = MAIL_CHANGES
    for (const change of Object.values(changes)) await deliver(user, change(mail))
    const mails = await fetchAll(open(user).mailbox)
    expect(mails).toHaveLength(Object.keys(changes).length)
    const digest = ({ payload }: LetterItem): string =>
      createHash('sha256').update(payload).digest('hex')
    for (const received of mails) expect(received.items.map(digest)).toEqual(items.map(digest))
  })

  it('moves what was handled, or deletes it, as it is told to', async () => {
    for (const afterwards of ['move', 'delete'] as const) {
      const user = newUser()
      await post(user, { items: objects(1) })
      await deliver(user, 'Subject: hello\r\n\r\nx')
      expect(await fetchAll(open(user, { afterwards }).mailbox)).toHaveLength(1)
      expect(await mailsIn(dovecot, user)).toHaveLength(1)
      expect(await mailsIn(dovecot, user, 'Waxwing/Done')).toHaveLength(
        afterwards === 'move' ? 1 : 0,
      )
    }
  })

  it('copies what is rejected, with the reason, and keeps the original as it keeps all', async () => {
    const user = newUser()
    await post(user, { items: objects(1) })
    await fetchAll(open(user).mailbox, (mail) => mail.reject('näh; 100 %'))
    const [copy = new Uint8Array()] = await mailsIn(dovecot, user, 'Waxwing/Rejected')
    expect(rejectionsOf(copy)).toEqual(['näh; 100 %'])
    const [original = new Uint8Array()] = await mailsIn(dovecot, user)
    expect(
      Buffer.from(copy).toString('latin1').endsWith(Buffer.from(original).toString('latin1')),
    ).toBe(true)
    expect(await flagsIn(user)).toEqual([['$WaxwingDone']])
  })

  it('refuses what cannot be read, once, and tells of it', async () => {
    const user = newUser()
    await deliver(
      user,
      `Content-Type: application/cose\r\nX: ${'a'.repeat(900)}${'\r\n a'.repeat(200)}\r\n\r\nx`,
    )
    await post(user, { items: [{ payload: new Uint8Array(5_000) }] })
    await post(user, { items: objects(1) })
    const { mailbox, errors } = open(user, { maxHeaderBytes: 1_024, maxMailBytes: 4_096 })
    expect(numbersOf(await fetchAll(mailbox))).toEqual([[1]])
    expect(errors).toMatchObject([
      { code: 'ERR_LIMIT', details: { rule: 'maxHeaderBytes' } },
      { code: 'ERR_LIMIT', details: { rule: 'maxMailBytes' } },
    ])
    await expect
      .poll(() => flagsIn(user))
      .toEqual([
        ['$WaxwingDone', '$WaxwingRefused'],
        ['$WaxwingDone', '$WaxwingRefused'],
        ['$WaxwingDone'],
      ])
    expect(await fetchAll(mailbox)).toEqual([])
    expect(errors).toHaveLength(2)
  })

  it('tells of a mail that came back, and gives nobody what is in it', async () => {
    const user = newUser()
    const own = Buffer.from(
      await composeMail({ to: 'gone@example.test', items: objects(1) }, { from: 'a@example.test' }),
    )
    await deliver(
      user,
      [
        'From: MAILER-DAEMON@example.test',
        'Content-Type: multipart/report; report-type=delivery-status; boundary=b',
        '',
        '--b',
        'Content-Type: message/delivery-status\r\n\r\nAction: failed',
        '--b',
        `Content-Type: message/rfc822\r\n\r\n${own.toString('latin1')}`,
        '--b--',
        '',
      ].join('\r\n'),
    )
    const { mailbox, errors } = open(user)
    expect(await fetchAll(mailbox)).toEqual([])
    expect(errors).toMatchObject([{ code: 'ERR_TRANSPORT' }])
    await expect.poll(() => flagsIn(user)).toEqual([['$WaxwingDone']])
  })

  it('refuses at the start what the folder cannot do', async () => {
    const user = newUser()
    const wrong = openMailbox({
      imap: { ...imapOf(dovecot, user), password: 'wrong' },
      ...FAST,
    })
    onTestFinished(() => wrong.close())
    await expect(fetchAll(wrong)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    const { mailbox } = open(user, { folder: 'Not/There' })
    await expect(fetchAll(mailbox)).rejects.toThrow(/could not open the folder Not\/There/)
  })

  it('waits for mails, and hands over what comes while it waits', async () => {
    const user = newUser()
    const { mailbox } = open(user)
    const mails = mailbox.fetch({ follow: true })[Symbol.asyncIterator]()
    const first = mails.next()
    await post(user, { items: objects(7) })
    const result = await first
    if (result.done === true) throw new Error('it ended')
    expect(numbersOf([result.value])).toEqual([[7]])
    await result.value.acknowledge()
    await mails.return?.()
    expect(await flagsIn(user)).toEqual([['$WaxwingDone']])
  })

  it('gives each of two readers with keywords of their own every mail', async () => {
    const user = newUser()
    const logs = [new MessageLog(), new MessageLog()]
    for (const [index, log] of logs.entries()) {
      const transport = openTransport(user, { keyword: `$Reader${index}` })
      await transport.subscribe('plant/#', log.acknowledge)
    }
    for (let number = 0; number < 5; number++) await post(user, { items: objects(number) })
    for (const log of logs) {
      await log.until((messages) => messages.length >= 5)
      expect(log.messages).toHaveLength(5)
    }
  })

  it('gives two readers with one keyword every mail between them', async () => {
    const user = newUser()
    const log = new MessageLog()
    for (let reader = 0; reader < 2; reader++) {
      await openTransport(user).subscribe('plant/#', log.tolerant)
    }
    const all = Array.from({ length: 10 }, (_, number) => Uint8Array.of(0xd0, number))
    for (const payload of all) await post(user, { items: [{ address: 'plant/x', payload }] })
    await expectReceived(log, ...all)
    await expect
      .poll(async () => (await flagsIn(user)).every((flags) => flags.includes('$WaxwingDone')))
      .toBe(true)
  })

  it('goes on under new numbers when the server numbers its mails anew', async () => {
    const user = newUser()
    const proxy = await startProxy(dovecot.port)
    onTestFinished(() => proxy.close())
    /** Makes the folder, under another UIDVALIDITY than before, with one mail for each number. */
    const fillAnew = async (...numbers: readonly number[]): Promise<void> => {
      const client = await imapClient(dovecot, user)
      if ((await client.list()).some(({ path }) => path === 'Team'))
        await client.mailboxDelete('Team')
      await client.mailboxCreate('Team')
      for (const number of numbers) {
        const letter = { to: mailboxOf(user), items: objects(number) }
        await client.append(
          'Team',
          Buffer.from(await composeMail(letter, { from: 'a@example.test' })),
        )
      }
      await client.logout()
    }
    await fillAnew(1, 2)
    const log = new MessageLog()
    const imap = imapOf(dovecot, user, proxy.port)
    const transport = openTransport(user, { imap, folder: 'Team', store: memoryStore() })
    const errors: unknown[] = []
    transport.onStatus((status) => void (status.state === 'error' && errors.push(status.error)))
    await transport.subscribe('plant/#', log.tolerant)
    await expectReceived(log, Uint8Array.of(0xd0, 1), Uint8Array.of(0xd0, 2))
    proxy.sever()
    await fillAnew(3, 4)
    proxy.heal()
    await expectReceived(log, Uint8Array.of(0xd0, 3), Uint8Array.of(0xd0, 4))
    expect(errors.map(String).join()).toContain('UIDVALIDITY')
  })

  it('keeps in the mailbox what nobody subscribes to, until somebody does', async () => {
    const user = newUser()
    await post(user, { items: [...objects(1), ...objects(2)] })
    const transport = openTransport(user)
    const [first, second] = [new MessageLog(), new MessageLog()]
    await transport.subscribe('plant/1', first.acknowledge)
    await expectReceived(first, Uint8Array.of(0xd0, 1))
    expect(await flagsIn(user)).toEqual([[]])
    await transport.subscribe('plant/2', second.acknowledge)
    await expectReceived(second, Uint8Array.of(0xd0, 2))
    await expect.poll(() => flagsIn(user)).toEqual([['$WaxwingDone']])
    expect(first.messages).toHaveLength(1)
  })

  it('gives objects without an address to who reads data, and control messages to the own inbox', async () => {
    const user = newUser()
    const object = Buffer.from(
      'd08357a40118180448c0ffee00c0ffee000641050a4400000007a050' + '00'.repeat(16),
      'hex',
    )
    await post(user, { items: [{ payload: object }, { payload: Uint8Array.of(0xd2, 1) }] })
    const transport = openTransport(user)
    const [data, control] = [new MessageLog(), new MessageLog()]
    const inbox = `waxwing/v1/inbox/${'A'.repeat(43)}`
    await transport.subscribe('plant/#', data.acknowledge)
    await transport.subscribe(`${inbox}/#`, control.acknowledge)
    expect(await data.at(0)).toMatchObject({
      address: 'mail/unnamed',
      payload: new Uint8Array(object),
    })
    expect(await control.at(0)).toMatchObject({ address: inbox })
    expect([data.messages.length, control.messages.length]).toEqual([1, 1])
  })

  it('does not look again at what it looked at, with a store', async () => {
    const user = newUser()
    const store = memoryStore()
    for (let index = 0; index < 3; index++) await deliver(user, 'Subject: hello\r\n\r\nx')
    await post(user, { items: objects(1) })
    await fetchAll(open(user, { store }).mailbox)
    const [entry] = await store.scan('email.scanned')
    expect(new TextDecoder().decode(entry?.value)).toMatch(/^\d+ 4$/)
    await post(user, { items: objects(2) })
    expect(numbersOf(await fetchAll(open(user, { store }).mailbox))).toEqual([[2]])
  })

  it('reads the history of months from the dates at which mails came', async () => {
    const user = newUser()
    const client = await imapClient(dovecot, user)
    const dates = ['2026-01-15', '2025-12-01', '2026-03-01'].map(
      (day) => new Date(`${day}T12:00:00Z`),
    )
    for (const [index, date] of dates.entries()) {
      const mail = await composeMail(
        { to: mailboxOf(user), items: objects(index) },
        { from: 'a@example.test' },
      )
      await client.append('INBOX', Buffer.from(mail), [], date)
    }
    await client.logout()
    const { mailbox } = open(user)
    const history = async (span: { from?: Date; until?: Date }): Promise<number[][]> =>
      numbersOf(await Array.fromAsync(mailbox.history(span)))
    expect(await history({})).toEqual([[1], [0], [2]])
    expect(await history({ from: new Date('2026-01-01') })).toEqual([[0], [2]])
    expect(await history({ from: new Date('2026-01-01'), until: new Date('2026-02-01') })).toEqual([
      [0],
    ])
    expect(await flagsIn(user)).toEqual([[], [], []])
  })

  it('reads a history to its end though the connection breaks, each mail once', async () => {
    const user = newUser()
    for (let number = 0; number < 12; number++) await post(user, { items: objects(number) })
    const proxy = await startProxy(dovecot.port)
    onTestFinished(() => proxy.close())
    const { mailbox } = open(user, { imap: imapOf(dovecot, user, proxy.port) })
    const numbers: number[] = []
    for await (const { items } of mailbox.history()) {
      numbers.push(items[0]?.payload[1] ?? -1)
      if (numbers.length % 4 === 1) proxy.cut()
    }
    expect(numbers).toEqual(Array.from({ length: 12 }, (_, number) => number))
  })

  it('has no more data in hand than its bounds, though mails do not say what they hold', async () => {
    const user = newUser()
    const inbox = `waxwing/v1/inbox/${'A'.repeat(43)}`
    for (let number = 0; number < 6; number++) {
      await post(user, { items: [{ payload: objectOf(number) }] })
    }
    await post(user, { items: [{ payload: Uint8Array.of(0xd2, 9) }] })
    const [data, control] = [new MessageLog(), new MessageLog()]
    const transport = openTransport(user, { maxUnacknowledged: 2 })
    await transport.subscribe('plant/#', data.hold)
    await transport.subscribe(`${inbox}/#`, control.acknowledge)
    await data.until((messages) => messages.length >= 2)
    expect(await control.at(0)).toMatchObject({ payload: Uint8Array.of(0xd2, 9) })
    expect(data.messages).toHaveLength(2)
    for (let number = 0; number < 6; number++) await (await data.at(number)).acknowledge()
    await expect
      .poll(async () => (await flagsIn(user)).every((flags) => flags.includes('$WaxwingDone')))
      .toBe(true)
    expect(data.messages).toHaveLength(6)
  })

  it('hands over the control message of a mail at once, and its data when there is room', async () => {
    const user = newUser()
    const inbox = `waxwing/v1/inbox/${'A'.repeat(43)}`
    await post(user, { items: objects(1) })
    await post(user, {
      items: [{ address: inbox, payload: Uint8Array.of(0xd2, 9) }, ...objects(2)],
    })
    const [data, control] = [new MessageLog(), new MessageLog()]
    const transport = openTransport(user, { maxUnacknowledgedBytes: 1 })
    await transport.subscribe('plant/#', data.hold)
    const first = await data.at(0)
    await transport.subscribe(`${inbox}/#`, control.acknowledge)
    await control.at(0)
    expect(data.messages).toHaveLength(1)
    await first.acknowledge()
    const second = await data.at(1)
    await second.acknowledge()
    await expect.poll(() => flagsIn(user)).toEqual([['$WaxwingDone'], ['$WaxwingDone']])
    expect([data.messages.length, control.messages.length]).toEqual([2, 1])
    expect([first.payload[1], second.payload[1]]).toEqual([1, 2])
  })
})

/** The least that has the form of an object. */
function objectOf(number: number): Uint8Array {
  const head = 'd08357a40118180448c0ffee00c0ffee000641050a4400000007a050'
  return new Uint8Array([...Buffer.from(head, 'hex'), number, ...new Uint8Array(15)])
}
