// SPDX-License-Identifier: Apache-2.0
/** What becomes of mails whose server refuses, waits, breaks or is somebody else. */
import { onTestFinished, describe, expect, it } from 'vitest'
import {
  emailTransport,
  openMailer,
  readMail,
  type EmailTransportOptions,
  type Mailer,
  type MailerOptions,
} from '@waxwing/email'
import { inboxAddress, type Transport } from '@waxwing/core'
import { startProxy, startSmtpSink, type SmtpSink, type SmtpSinkOptions } from '@waxwing/testkit'

const PAYLOAD = Uint8Array.of(0xd0, 1, 2, 3)
const LETTER = { to: 'desk@example.test', items: [{ address: 'plant/1', payload: PAYLOAD }] }
const FAST = { reconnectMinMs: 20, reconnectMaxMs: 100, closeTimeoutMs: 200 }

async function openSink(options?: SmtpSinkOptions): Promise<SmtpSink> {
  const sink = await startSmtpSink(options)
  onTestFinished(() => sink.close())
  return sink
}

function openMail(
  smtp: MailerOptions['smtp'],
  options: Partial<MailerOptions> = {},
): { mailer: Mailer; errors: unknown[] } {
  const mailer = openMailer({ smtp, from: 'a@example.test', ...FAST, ...options })
  onTestFinished(() => mailer.close())
  const errors: unknown[] = []
  mailer.onError((error) => errors.push(error))
  return { mailer, errors }
}

function openSender(
  smtp: MailerOptions['smtp'],
  options: Partial<EmailTransportOptions> = {},
): Transport {
  const transport = emailTransport({
    smtp,
    from: 'a@example.test',
    routes: { 'plant/#': ['desk@example.test', 'office@example.test'] },
    ...FAST,
    ...options,
  })
  onTestFinished(() => transport.close())
  return transport
}

const idsOf = ({ mails }: SmtpSink): (string | undefined)[] =>
  mails.map(({ bytes }) => readMail(bytes).messageId)

describe('a mail that is sent', () => {
  it('goes to all its recipients, over a connection that is kept', async () => {
    const sink = await openSink()
    const { mailer } = openMail({ url: sink.url })
    const { messageId } = await mailer.send({ ...LETTER, to: ['a@b.test', 'c@d.test'] })
    await mailer.send(LETTER)
    expect(sink.mails[0]).toMatchObject({ from: 'a@example.test', to: ['a@b.test', 'c@d.test'] })
    expect(idsOf(sink)[0]).toBe(messageId)
    expect(sink.connectionCount).toBe(1)
  })

  it('is sent again under its own name while the server says not now', async () => {
    const sink = await openSink()
    sink.refuse(
      { stage: 'connect', code: 421, text: 'busy' },
      { stage: 'from', code: 451, text: 'wait' },
      { stage: 'to', code: 450, text: 'greylisted' },
      { stage: 'data', code: 452, text: 'mailbox full' },
    )
    const { mailer, errors } = openMail({ url: sink.url })
    const { messageId } = await mailer.send(LETTER)
    expect(idsOf(sink)).toEqual([messageId])
    expect(errors).toHaveLength(4)
    expect(errors).toMatchObject(errors.map(() => ({ code: 'ERR_TRANSPORT' })))
  })

  it('fails where the server refuses it for good, and holds up no other', async () => {
    const sink = await openSink()
    for (const stage of ['from', 'to', 'data'] as const) {
      sink.refuse({ stage, code: 552, text: 'mailbox full' })
      const { mailer } = openMail({ url: sink.url })
      const sends = [mailer.send(LETTER), mailer.send(LETTER)]
      const outcomes = (await Promise.allSettled(sends)).map(({ status }) => status)
      expect(outcomes.toSorted()).toEqual(['fulfilled', 'rejected'])
      const refused = await Promise.any(
        sends.map((send) =>
          send.then(
            () => Promise.reject(new Error('sent')),
            (error: unknown) => error,
          ),
        ),
      )
      expect(refused).toMatchObject({
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining('552') as string,
      })
    }
  })

  it('reports the one recipient that is refused, and tries again for the one that is delayed', async () => {
    const sink = await openSink()
    sink.refuse(
      { stage: 'to', code: 550, text: 'nobody', to: 'gone@example.test' },
      { stage: 'to', code: 450, text: 'later', to: 'slow@example.test' },
    )
    const { mailer, errors } = openMail({ url: sink.url })
    await mailer.send({
      ...LETTER,
      to: ['desk@example.test', 'gone@example.test', 'slow@example.test'],
    })
    expect(sink.mails.map(({ to }) => to)).toEqual([['desk@example.test'], ['slow@example.test']])
    expect(new Set(idsOf(sink)).size).toBe(1)
    expect(errors.map(String).join()).toContain('gone@example.test')
  })

  it('was sent where somebody got it, though the other is refused after a delay', async () => {
    const sink = await openSink()
    sink.refuse(
      { stage: 'to', code: 450, text: 'later', to: 'slow@example.test' },
      { stage: 'to', code: 550, text: 'nobody', to: 'slow@example.test' },
    )
    const { mailer, errors } = openMail({ url: sink.url })
    await mailer.send({ ...LETTER, to: ['desk@example.test', 'slow@example.test'] })
    expect(sink.mails.map(({ to }) => to)).toEqual([['desk@example.test']])
    expect(errors.map(String).join()).toMatch(/not taken for slow@.*550/)
  })

  it("is in nobody's way while its recipient is away, however few may be under way", async () => {
    const sink = await openSink()
    const slow = { stage: 'to', code: 450, text: 'later', to: 'slow@example.test' } as const
    sink.refuse(...Array.from({ length: 100 }, () => slow))
    const { mailer } = openMail({ url: sink.url }, {
      maxInFlight: 1,
      reconnectMinMs: 60_000,
      reconnectMaxMs: 60_000,
    } as Partial<MailerOptions>)
    const delayed = [0, 1, 2].map(() => mailer.send({ ...LETTER, to: 'slow@example.test' }))
    for (const send of delayed) send.catch(() => undefined)
    await mailer.send(LETTER)
    expect(sink.mails.map(({ to }) => to)).toEqual([['desk@example.test']])
  })

  it('is sent again under its own name where the connection breaks before the answer', async () => {
    const sink = await openSink()
    sink.cutNext()
    const { mailer } = openMail({ url: sink.url })
    const { messageId } = await mailer.send(LETTER)
    expect(idsOf(sink)).toEqual([messageId, messageId])
  })

  it('is sent whole where the connection broke in the middle of it', async () => {
    const sink = await openSink()
    const proxy = await startProxy(sink.port)
    onTestFinished(() => proxy.close())
    const { mailer, errors } = openMail({ url: `smtp://127.0.0.1:${proxy.port}` })
    proxy.sever()
    const payload = new Uint8Array(3_000_000).fill(0xd0)
    const sent = mailer.send({ ...LETTER, items: [{ payload }] })
    await expect.poll(() => errors.length).toBeGreaterThan(0)
    proxy.heal()
    const cutting = setInterval(() => proxy.cut(), 15)
    setTimeout(() => clearInterval(cutting), 300)
    await sent
    clearInterval(cutting)
    for (const { bytes } of sink.mails) expect(readMail(bytes).items[0]?.payload).toEqual(payload)
  })

  it('waits for a server that is away', async () => {
    const gone = await startSmtpSink()
    const { port } = gone
    await gone.close()
    const { mailer, errors } = openMail({ url: `smtp://127.0.0.1:${port}` })
    const sent = mailer.send(LETTER)
    await expect.poll(() => errors.length).toBeGreaterThan(0)
    const sink = await openSink({ port })
    await sent
    expect(sink.mails).toHaveLength(1)
  })

  it('is refused at once where it is longer than the server says it takes', async () => {
    const sink = await openSink({ maxBytes: 2_000 })
    const { mailer } = openMail({ url: sink.url })
    const letter = { ...LETTER, items: [{ payload: new Uint8Array(5_000) }] }
    await expect(mailer.send(letter)).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await expect(mailer.send(LETTER)).resolves.toBeDefined()
  })

  it('is refused where too many wait, or the mailer is closed', async () => {
    const { mailer } = openMail({ url: 'smtp://127.0.0.1:9' }, {
      maxWaitingSends: 1,
      maxInFlight: 1,
    } as Partial<MailerOptions>)
    const waiting = [mailer.send(LETTER), mailer.send(LETTER)]
    await Promise.resolve()
    const refused = mailer.send(LETTER)
    await expect(refused).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await mailer.close()
    for (const each of waiting) await expect(each).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(mailer.send(LETTER)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe('a mail server that is logged in to', () => {
  const users = { a: 'secret' }

  it('is asked with a password that comes from a function, over TLS of both kinds', async () => {
    for (const tls of ['implicit', 'starttls'] as const) {
      const sink = await openSink({ tls, users })
      const { mailer } = openMail({
        url: sink.url,
        username: 'a',
        password: async () => 'secret',
        tls: { ca: sink.authority?.ca ?? '' },
      })
      await mailer.send(LETTER)
      expect(sink.mails).toHaveLength(1)
    }
  })

  it('is given up where it knows no such user', async () => {
    const sink = await openSink({ users })
    const { mailer } = openMail({ url: sink.url, username: 'a', password: 'wrong' })
    await expect(mailer.send(LETTER)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(mailer.send(LETTER)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('hears no password in the clear: one without STARTTLS, or of another authority, gets nothing', async () => {
    const plain = await openSink({ users })
    const other = await openSink({ users, tls: 'starttls' })
    for (const { url } of [plain, other]) {
      const { mailer, errors } = openMail({ url, username: 'a', password: 'secret', tls: {} })
      const sent = mailer.send(LETTER).catch((error: unknown) => error)
      await expect.poll(() => errors.length).toBeGreaterThan(0)
      await mailer.close()
      expect(await sent).toMatchObject({ code: 'ERR_CLOSED' })
    }
    expect([...plain.mails, ...other.mails]).toEqual([])
  })
})

describe('a transport that only sends', () => {
  it('sends to the mailboxes of the first route, and to those of principals', async () => {
    const sink = await openSink()
    const principal = inboxAddress(new Uint8Array(32)).split('/').at(-1) ?? ''
    const transport = openSender(
      { url: sink.url },
      { mailboxes: { [principal]: 'owner@example.test' } },
    )
    await transport.send('plant/1', PAYLOAD)
    await transport.send(`waxwing/v1/inbox/${principal}/0011223344556677-abcdefghijk`, PAYLOAD)
    expect(sink.mails.map(({ to }) => to)).toEqual([
      ['desk@example.test', 'office@example.test'],
      ['owner@example.test'],
    ])
  })

  it('says what to configure where it knows nobody', async () => {
    const transport = openSender({ url: (await openSink()).url })
    await expect(transport.send('elsewhere', PAYLOAD)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('configure routes') as string,
    })
    const inbox = inboxAddress(new Uint8Array(32))
    await expect(transport.send(inbox, PAYLOAD)).rejects.toThrow(/configure mailboxes\['A{43}'\]/)
  })

  it('says that it is disconnected while the server is away, and connected when it is back', async () => {
    const gone = await startSmtpSink()
    const { port } = gone
    await gone.close()
    const transport = openSender({ url: `smtp://127.0.0.1:${port}` })
    const states: string[] = []
    transport.onStatus(({ state }) => void (state === 'error' || states.push(state)))
    const sent = transport.send('plant/1', PAYLOAD)
    await expect.poll(() => states).toEqual(['connected', 'disconnected'])
    await openSink({ port })
    await sent
    expect(states).toEqual(['connected', 'disconnected', 'connected'])
  })

  it('refuses properties, and to receive', async () => {
    const transport = openSender({ url: (await openSink()).url })
    const unsupported = { code: 'ERR_UNSUPPORTED' }
    await expect(
      transport.send('plant/1', PAYLOAD, { properties: { a: 'b' } }),
    ).rejects.toMatchObject(unsupported)
    await expect(transport.subscribe('a', async () => undefined)).rejects.toMatchObject(unsupported)
    expect(transport.replay).toBeUndefined()
    expect(transport.limits).toEqual({
      maxPayloadBytes: 10 * 1024 * 1024,
      binary: true,
      retained: false,
      properties: false,
      answerSeconds: 3_600,
    })
  })
})
