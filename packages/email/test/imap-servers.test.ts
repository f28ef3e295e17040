// SPDX-License-Identifier: Apache-2.0
/** IMAP servers that want TLS, keep no keywords, know no IDLE, end in the middle of a mail, or lie. */
import { describe, expect, it, onTestFinished } from 'vitest'
import { composeMail, emailTransport, openMailbox, type MailboxOptions } from '@waxwing/email'
import {
  createAuthority,
  dovecotAvailable,
  expectReceived,
  LmtpClient,
  MessageLog,
  requireOrSkip,
  startDovecot,
  startProxy,
  type Dovecot,
  type DovecotOptions,
} from '@waxwing/testkit'
import { imapOf, mailboxOf } from './post.js'
import { startScriptedImap, type Script } from './scripted-imap.js'

const USER = 'reader'
const FAST = { reconnectMinMs: 20, reconnectMaxMs: 200 }

async function openDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const dovecot = await startDovecot(options)
  onTestFinished(() => dovecot.close())
  return dovecot
}

async function post({ lmtpPort }: Dovecot, payload: Uint8Array): Promise<void> {
  const letter = { to: mailboxOf(USER), items: [{ address: 'plant/1', payload }] }
  const bytes = await composeMail(letter, { from: 'a@example.test' })
  const lmtp = new LmtpClient(lmtpPort)
  await lmtp.deliver({ from: 'a@example.test', to: [mailboxOf(USER)], bytes })
  lmtp.close()
}

async function countOf(options: MailboxOptions): Promise<number> {
  const mailbox = openMailbox({ ...FAST, ...options })
  onTestFinished(() => mailbox.close())
  let count = 0
  for await (const mail of mailbox.fetch()) {
    await mail.acknowledge()
    count++
  }
  return count
}

requireOrSkip('dovecot', dovecotAvailable())('an IMAP server', () => {
  it('that wants TLS gets it, from the first byte or by STARTTLS, and no password without', async () => {
    for (const tls of ['implicit', 'starttls'] as const) {
      const dovecot = await openDovecot({ tls })
      await post(dovecot, Uint8Array.of(0xd0))
      const imap = { ...imapOf(dovecot, USER), url: dovecot.url }
      const ca = dovecot.authority?.ca ?? ''
      expect(await countOf({ imap: { ...imap, tls: { ca } } })).toBe(1)
      const other = createAuthority('another').ca
      for (const wrong of [{ ca: other }, {}]) {
        await expect(countOf({ imap: { ...imap, tls: wrong } })).rejects.toMatchObject({
          code: 'ERR_TRANSPORT',
        })
      }
      expect(dovecot.log()).not.toMatch(/auth failed|Login: .*secured=no/i)
    }
  })

  it('without TLS is refused where TLS is wanted, before anything is said', async () => {
    const dovecot = await openDovecot()
    const imap = { ...imapOf(dovecot, USER), tls: {} }
    await expect(countOf({ imap })).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    expect(dovecot.log()).not.toMatch(/Login: user/)
  })

  it('that does not know IDLE is asked again and again', async () => {
    const dovecot = await openDovecot({
      config: ['imap_capability = IMAP4rev1 UIDPLUS LITERAL+ MOVE'],
    })
    const log = new MessageLog()
    const transport = emailTransport({ imap: imapOf(dovecot, USER), pollSeconds: 1, ...FAST })
    onTestFinished(() => transport.close())
    await transport.subscribe('plant/#', log.acknowledge)
    await post(dovecot, Uint8Array.of(0xd0, 7))
    await expectReceived(log, Uint8Array.of(0xd0, 7))
  })

  it('whose connection breaks in the middle of a mail gives it whole over the next one', async () => {
    const dovecot = await openDovecot()
    const proxy = await startProxy(dovecot.port)
    onTestFinished(() => proxy.close())
    const payload = new Uint8Array(4_000_000).fill(0xd0)
    await post(dovecot, payload)
    const log = new MessageLog()
    const transport = emailTransport({ imap: imapOf(dovecot, USER, proxy.port), ...FAST })
    onTestFinished(() => transport.close())
    let breaks = 0
    transport.onStatus(({ state }) => {
      if (state === 'connected' && breaks++ < 2) setTimeout(() => proxy.cut(), 10)
    })
    await transport.subscribe('plant/#', log.tolerant)
    const { payload: received } = await log.at(0)
    expect(Buffer.compare(received, payload)).toBe(0)
  })
})

const PASSWORD = 'x'
const ONE = '* 1 EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT 2] x\r\n'
const STRUCTURE = 'BODYSTRUCTURE ("application" "cose" NIL NIL NIL "base64" 4)'
const DATE = 'INTERNALDATE "23-Nov-2026 07:00:00 +0000"'

describe('an IMAP server of whoever', () => {
  const imapAt = (port: number): MailboxOptions['imap'] =>
    imapOf({ port, password: PASSWORD }, USER)

  it('that keeps no keywords, or cannot move or expunge, is refused with what is left', async () => {
    const noKeywords = { SELECT: `${ONE}* OK [PERMANENTFLAGS (\\Seen)] x\r\n` }
    const old = { CAPABILITY: '* CAPABILITY IMAP4rev1\r\n' }
    const refusals = [
      ['flag', noKeywords, /keeps no keywords: set afterwards to/],
      ['move', old, /cannot move single mails/],
      ['delete', old, /cannot expunge single mails/],
      [
        'flag',
        { SELECT: (socket, tag) => void socket.write(`${tag} NO [NONEXISTENT] x\r\n`) },
        /could not open/,
      ],
    ] as const satisfies readonly (readonly [MailboxOptions['afterwards'], Script, RegExp])[]
    for (const [afterwards, script, said] of refusals) {
      const { port, commands } = await startScriptedImap(script)
      await expect(countOf({ imap: imapAt(port), afterwards })).rejects.toThrow(said)
      expect(commands).not.toContain('FETCH')
    }
  })

  it('that breaks the connection over a mail each time has that mail set aside', async () => {
    let stored = ''
    const { port } = await startScriptedImap({
      SELECT: `${ONE}* OK [PERMANENTFLAGS (\\*)] x\r\n`,
      SEARCH: '* SEARCH 1\r\n',
      FETCH: (() => {
        let count = 0
        return (socket, tag) => {
          if (count++ % 2 === 1) socket.destroy()
          else
            socket.write(
              `* 1 FETCH (UID 1 FLAGS () RFC822.SIZE 100 ${DATE} ${STRUCTURE})\r\n${tag} OK x\r\n`,
            )
        }
      })(),
      STORE: (socket, tag) => {
        stored = tag
        socket.write(`${tag} OK x\r\n`)
      },
    })
    const errors: unknown[] = []
    const transport = emailTransport({ imap: imapAt(port), ...FAST })
    onTestFinished(() => transport.close())
    transport.onStatus((status) => void (status.state === 'error' && errors.push(status.error)))
    await transport.subscribe('plant/#', async () => undefined)
    await expect.poll(() => stored).not.toBe('')
    expect(errors.map(String).join()).toContain('broke at each attempt')
  })

  it('that sends more than was asked for is left, and takes no memory for it', async () => {
    const { port } = await startScriptedImap({
      SELECT: `${ONE}* OK [PERMANENTFLAGS (\\*)] x\r\n`,
      SEARCH: '* SEARCH 1\r\n',
      FETCH: (socket) => void socket.write('* 1 FETCH (UID 1 BODY[] {1000000000}\r\n'),
    })
    const errors: unknown[] = []
    const transport = emailTransport({ imap: imapAt(port), ...FAST })
    onTestFinished(() => transport.close())
    transport.onStatus((status) => void (status.state === 'error' && errors.push(status.error)))
    await transport.subscribe('plant/#', async () => undefined)
    await expect.poll(() => errors.map(String).join()).toContain('exceeds maximum')
    expect(errors[0]).toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('with more mails that nobody wants than are remembered hides none that somebody does', async () => {
    const count = 20_200
    const locationOf = (uid: number): string => (uid > count - 2 ? 'plant/1' : 'elsewhere')
    const selected = `* ${count} EXISTS\r\n* OK [UIDVALIDITY 1] x\r\n* OK [UIDNEXT ${count + 1}] x\r\n`
    const fetched = new Set<number>()
    const { port } = await startScriptedImap({
      SELECT: `${selected}* OK [PERMANENTFLAGS (\\*)] x\r\n`,
      SEARCH: `* SEARCH ${Array.from({ length: count }, (_, index) => index + 1).join(' ')}\r\n`,
      FETCH: (socket, tag, line) => {
        const set = line.split(' ')[3] ?? ''
        const uids = set.split(',').flatMap((range) => {
          const [first = 0, last = first] = range.split(':').map(Number)
          return Array.from({ length: last - first + 1 }, (_, index) => first + index)
        })
        const isWhole = line.includes('BODY.PEEK')
        const answers = uids.map((uid) => {
          if (isWhole) fetched.add(uid)
          const mail = `Content-Type: application/cose\r\nContent-Location: ${locationOf(uid)}\r\n\r\nx`
          const structure = `BODYSTRUCTURE ("application" "cose" NIL NIL NIL "7bit" 1 NIL NIL NIL "${locationOf(uid)}")`
          const what = isWhole ? `BODY[]<0> {${mail.length}}\r\n${mail}` : `${DATE} ${structure}`
          return `* ${uid} FETCH (UID ${uid} FLAGS () RFC822.SIZE ${mail.length} ${what})\r\n`
        })
        socket.write(`${answers.join('')}${tag} OK x\r\n`)
      },
    })
    const [wanted, late] = [new MessageLog(), new MessageLog()]
    const transport = emailTransport({ imap: imapAt(port), ...FAST })
    onTestFinished(() => transport.close())
    await transport.subscribe('plant/#', wanted.acknowledge)
    await wanted.until((messages) => messages.length >= 2)
    expect([...fetched]).toEqual([count - 1, count])
    await transport.subscribe('elsewhere', late.hold)
    await late.at(63)
  })

  it('that is silent, or says nonsense, is given up after a while and asked again', async () => {
    for (const script of [
      { LOGIN: () => undefined },
      { LOGIN: (socket) => void socket.write('\0\xff((((\r\n* {}\r\n') },
      { CAPABILITY: (socket) => void socket.end() },
    ] satisfies readonly Script[]) {
      const { port } = await startScriptedImap(script)
      const errors: unknown[] = []
      const transport = emailTransport({ imap: imapAt(port), connectTimeoutMs: 300, ...FAST })
      transport.onStatus((status) => void (status.state === 'error' && errors.push(status.error)))
      await expect.poll(() => errors.length).toBeGreaterThan(1)
      expect(errors[0]).toMatchObject({ code: 'ERR_TRANSPORT' })
      await transport.close()
    }
  })
})
