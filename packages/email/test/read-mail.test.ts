// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto'
import { deflateRawSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { WaxwingError } from '@waxwing/core'
import {
  composeMail,
  formatReport,
  readMail,
  type DeliveryReport,
  type MailLimits,
} from '@waxwing/email'
import { MAIL_CHANGES } from '@waxwing/testkit'

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index)
/** What text would be changed: line ends, white space before them, dots, dashes, equals signs. */
const LINES = Buffer.from('\r\n.\r\n--x \r\n\n\r=\r\n=3D \t\r\n--\r\n', 'latin1')
const PAYLOADS = [
  ALL_BYTES,
  new Uint8Array(LINES),
  new Uint8Array(),
  new Uint8Array(randomBytes(5_000)),
]

const composed = composeMail(
  {
    to: 'desk@example.test',
    text: 'Hello',
    items: PAYLOADS.map((payload, index) => ({ address: `plant/${index}`, payload })),
  },
  { from: 'a@example.test' },
)

/** A mail of one multipart, written by hand. */
function mailOf(parts: readonly string[], header = 'From: a@example.test\r\n'): Buffer {
  const body = parts.map((part) => `--b\r\n${part}\r\n`).join('')
  return Buffer.from(
    `${header}Content-Type: multipart/mixed; boundary=b\r\n\r\n${body}--b--\r\n`,
    'latin1',
  )
}

function codeOf(mail: Uint8Array, limits: MailLimits = {}): string | undefined {
  try {
    readMail(mail, limits)
    return undefined
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return error.details.rule ?? error.code
  }
}

describe('a mail that was changed on its way', () => {
  for (const [name, change] of Object.entries(MAIL_CHANGES)) {
    it(`has the same bytes after ${name}`, async () => {
      const { items, damaged } = readMail(change(await composed))
      expect(damaged).toEqual([])
      expect(items.map(({ payload }) => Buffer.from(payload).toString('hex'))).toEqual(
        PAYLOADS.map((payload) => Buffer.from(payload).toString('hex')),
      )
    })
  }

  it('has the same bytes after all of that, one after the other', async () => {
    let mail: Uint8Array = await composed
    for (const name of [
      'quoted-printable',
      'other media types',
      'a footer of a list',
      'another header',
      'forwarding as an attachment',
      'a footer of a list',
    ]) {
      mail = MAIL_CHANGES[name]?.(mail) ?? mail
    }
    expect(readMail(mail).items.map(({ payload }) => payload)).toEqual(PAYLOADS)
  })
})

describe('a mail that is read', () => {
  it('has its file names in any form there is', () => {
    const names = [
      'filename="a.cose"',
      "filename*=utf-8''%C3%A4.cose",
      'filename*0*=utf-8\'\'%C3%A4; filename*1="b.cose"',
      'filename="=?utf-8?q?=C3=A4=2Ecose?="',
      'filename=UPPER.COSE',
    ]
    const mail = mailOf(
      names.map(
        (name) =>
          `Content-Type: application/octet-stream\r\nContent-Disposition: attachment; ${name}\r\n\r\nx`,
      ),
    )
    expect(readMail(mail).items.map(({ name }) => name)).toEqual([
      'a.cose',
      'ä.cose',
      'äb.cose',
      'ä.cose',
      'UPPER.COSE',
    ])
  })

  it('answers to Reply-To, else to From, and to nothing that is no mailbox', () => {
    const replyTo = (header: string): string | undefined => readMail(mailOf([], header)).replyTo
    expect(replyTo('From: "A, B" <a@example.test>\r\n')).toBe('a@example.test')
    expect(
      replyTo('From: a@example.test\r\nReply-To: L <l@example.test>, m@example.test\r\n'),
    ).toBe('l@example.test')
    expect(replyTo('From: a@example.test\r\nReply-To: nobody\r\n')).toBe('a@example.test')
    expect(replyTo('From: <a@example.test\r\n')).toBe('a@example.test')
    expect(replyTo('From: a b@c@d\r\n')).toBeUndefined()
    expect(replyTo('')).toBeUndefined()
  })

  it('knows a mail that came back', () => {
    const report = mailOf(
      [
        'Content-Type: message/delivery-status\r\n\r\nAction: failed',
        'Content-Type: message/rfc822\r\n\r\nContent-Type: application/cose\r\n\r\nx',
      ],
      '',
    )
    const text = report
      .toString('latin1')
      .replace('multipart/mixed', 'multipart/report; report-type=delivery-status')
    expect(readMail(Buffer.from(text, 'latin1'))).toMatchObject({
      report: { action: 'failed', recipients: [] },
      items: [{}],
    })
  })

  it('knows one that came back by its header alone, and leaves those of people alone', async () => {
    const [header = ''] = Buffer.from(await composed)
      .toString('latin1')
      .split('\r\n\r\n')
    const reportOf = (returned: string): boolean => {
      const parts = [
        'Content-Type: message/delivery-status\r\n\r\nAction: failed',
        `Content-Type: text/rfc822-headers\r\n\r\n${returned}\r\n`,
      ]
      const text = mailOf(parts, '')
        .toString('latin1')
        .replace('multipart/mixed', 'multipart/report')
      return readMail(Buffer.from(text, 'latin1')).report !== undefined
    }
    expect(reportOf(header)).toBe(true)
    expect(reportOf('Subject: hello')).toBe(false)
  })

  it('is told for whom a mail failed, is delayed or arrived, and in bounds', () => {
    const reportOf = (status: string): DeliveryReport | undefined => {
      const parts = [
        `Content-Type: message/delivery-status\r\n\r\n${status}`,
        'Content-Type: message/rfc822\r\n\r\nContent-Type: application/cose\r\n\r\nx',
      ]
      const text = mailOf(parts, '').toString('latin1')
      const mail = text.replace('multipart/mixed', 'multipart/report')
      return readMail(Buffer.from(mail, 'latin1')).report
    }
    const server = 'Reporting-MTA: dns; mail.example.test\r\n\r\n'
    const full =
      'Final-Recipient: rfc822; full@example.test\r\nAction: FAILED\r\nStatus: 5.2.2\r\n' +
      'Diagnostic-Code: smtp; 552 5.2.2 Quota\r\n exceeded\r\n'
    const slow =
      'Original-Recipient: rfc822;slow@example.test\r\nFinal-Recipient: rfc822; x@y.test\r\nAction: delayed\r\n'
    const fine = 'Final-Recipient: rfc822; fine@example.test\r\nAction: relayed\r\n'
    expect(reportOf(`${server}${fine}\r\n${full}\r\n${slow}`)).toEqual({
      action: 'failed',
      recipients: [
        { mailbox: 'full@example.test', status: '5.2.2', diagnostic: '552 5.2.2 Quota exceeded' },
      ],
    })
    expect(reportOf(`${server}${fine}\r\n${slow}`)).toEqual({
      action: 'delayed',
      recipients: [{ mailbox: 'slow@example.test' }],
    })
    expect(reportOf(`${server}${fine}`)).toMatchObject({ action: 'delivered' })
    expect(reportOf('')).toEqual({ action: 'failed', recipients: [] })
    expect(reportOf('Final-Recipient: \x00; \x1b[31m\r\nAction: ?\r\nStatus: x\r\n')).toEqual({
      action: 'failed',
      recipients: [],
    })
    const many = reportOf(`${server}${`${full}\r\n`.repeat(10_000)}`)
    expect(many?.recipients).toHaveLength(10)
    expect(formatReport({ action: 'failed', recipients: many?.recipients.slice(0, 1) ?? [] })).toBe(
      'a mail could not be delivered, and came back: for full@example.test (5.2.2 552 5.2.2 Quota exceeded)',
    )
  })

  it('gives what comes before damage in an archive, and says what is damaged', () => {
    const item = 'd08340a04100'
    const archive = Buffer.from(`${item}${item}00ff`, 'hex').toString('base64')
    const { items, damaged } = readMail(
      mailOf([
        `Content-Type: application/cbor-seq\r\nContent-Transfer-Encoding: base64\r\n\r\n${archive}`,
      ]),
    )
    expect(items).toHaveLength(2)
    expect(damaged).toMatchObject([{ error: { code: 'ERR_MALFORMED' } }])
  })

  it('leaves everything else alone: no archive is unpacked', () => {
    const bomb = deflateRawSync(Buffer.alloc(50_000_000)).toString('base64')
    const mail = mailOf([
      `Content-Type: application/zip; name="objects.cose.zip"\r\nContent-Transfer-Encoding: base64\r\n\r\n${bomb}`,
      'Content-Type: application/gzip\r\nContent-Encoding: gzip\r\n\r\nx',
      'Content-Type: text/plain\r\n\r\nHello',
    ])
    expect(readMail(mail)).toMatchObject({ items: [], damaged: [] })
  })

  it('tells of an attachment in an unknown encoding, and of one that is too long', () => {
    const { damaged } = readMail(
      mailOf([
        'Content-Type: application/cose\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\nx',
        'Content-Type: application/cose; name=a.cose\r\n\r\nxxxx',
      ]),
      { maxPayloadBytes: 3 },
    )
    expect(damaged).toMatchObject([
      { error: { code: 'ERR_MALFORMED' } },
      { name: 'a.cose', error: { code: 'ERR_LIMIT', details: { rule: 'maxPayloadBytes' } } },
    ])
  })
})

describe('a hostile mail', () => {
  it('has too many bytes, parts, items or header fields, or is nested too deep', () => {
    const cose = 'Content-Type: application/cose\r\n\r\nx'
    expect(codeOf(Buffer.alloc(2_000), { maxMailBytes: 1_999 })).toBe('maxMailBytes')
    expect(codeOf(mailOf(Array.from({ length: 1_000 }, () => cose)))).toBe('maxParts')
    expect(codeOf(mailOf([cose, cose, cose]), { maxItems: 2 })).toBe('maxItems')
    const archive = Buffer.concat(Array.from({ length: 10_001 }, () => Buffer.of(0xd2, 0)))
    const wax = `Content-Type: application/cbor-seq\r\n\r\n${archive.toString('latin1')}`
    expect(codeOf(mailOf([wax]))).toBe('maxItems')
    expect(codeOf(Buffer.from(`X: ${'a'.repeat(300_000)}\r\n\r\n`))).toBe('maxHeaderBytes')
    const deep = 'Content-Type: message/rfc822\r\n\r\n'.repeat(10_000)
    expect(codeOf(Buffer.from(deep))).toBe('maxDepth')
    let nested = cose
    for (let depth = 0; depth < 20; depth++) {
      nested = `Content-Type: multipart/mixed; boundary=b${depth}\r\n\r\n--b${depth}\r\n${nested}\r\n--b${depth}--`
    }
    expect(codeOf(Buffer.from(nested))).toBe('maxDepth')
  })

  it('has boundaries within themselves, without ends, of nothing but dashes', () => {
    const type = (boundary: string): string =>
      `Content-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n`
    const mails = [
      `${type('b')}--b\r\n${type('b')}--b\r\n${type('b')}--b`,
      `${type('--')}${'--'.repeat(100_000)}`,
      `${type('-'.repeat(70))}${`\r\n${'-'.repeat(72)}`.repeat(900)}`,
      `${type('b')}${'--b\n'.repeat(900)}`,
      `${type('b')}--b${' '.repeat(200_000)}x\r\n--b\t \r\n\r\n--b-- `,
      `${type('b'.repeat(10_000))}--b`,
      type(''),
      '--b--',
    ]
    for (const mail of mails) {
      expect([undefined, 'maxDepth', 'maxParts']).toContain(codeOf(Buffer.from(mail)))
    }
  })

  it('has an archive of millions of items of nobody, and is refused at the first of them', () => {
    const archive = Buffer.concat([
      Buffer.from(
        'Content-Type: application/cbor-seq\r\nContent-Transfer-Encoding: binary\r\n\r\n',
      ),
      Buffer.alloc(10_000_000),
    ])
    expect(() => readMail(archive)).toThrow(
      expect.objectContaining({ code: 'ERR_LIMIT', details: { rule: 'maxItems' } }),
    )
  })

  it('is encoded within itself again and again, and takes no memory for that', () => {
    const head =
      'Content-Type: message/rfc822\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    const mail = Buffer.from(`${head.repeat(14)}\r\n${'a'.repeat(500_000)}`)
    const limits = { maxMailBytes: 1_000_000 }
    expect(() => readMail(mail, limits)).toThrow(expect.objectContaining({ code: 'ERR_LIMIT' }))
    const twice = Buffer.from(`${head}Content-Type: application/cose\r\n\r\n${'a'.repeat(400_000)}`)
    expect(readMail(twice, limits).items[0]?.payload).toHaveLength(400_000)
  })

  it('says nonsense in its fields, and is read all the same', () => {
    const fields = [
      'Content-Type: multipart/mixed; boundary*0*=b; boundary*1*="%',
      'Content-Type: ;;;=;=;"',
      `Content-Type: a/b${'; x=y'.repeat(10_000)}`,
      `From: ${'('.repeat(8_000)}`,
      `From: ${'<'.repeat(8_000)}`,
      `From: ${'"\\'.repeat(4_000)}`,
      `From: ${'a:'.repeat(4_000)}`,
      `Subject: ${'=?utf-8?q?=ff'.repeat(500)}`,
      'Content-Location: %ff%00+#',
      'Waxwing-Inbox: %',
    ]
    for (const field of fields) {
      expect(readMail(Buffer.from(`${field}\r\n\r\nx`, 'latin1')).items).toEqual([])
    }
  })

  it('throws nothing but typed errors, and gives no more than it had, in 2,000 changed mails', async () => {
    const random = mulberry32(20_261_123)
    const mails = await Promise.all(
      Object.values(MAIL_CHANGES).map(async (change) => Buffer.from(change(await composed))),
    )
    for (let round = 0; round < 2_000; round++) {
      const mail = mutated(mails[round % mails.length] ?? Buffer.of(), mails, random)
      try {
        const { items } = readMail(mail)
        const bytes = items.reduce((sum, { payload }) => sum + payload.length, 0)
        expect(bytes).toBeLessThanOrEqual(mail.length)
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(WaxwingError)
      }
    }
  })
})

/** From 0 to below 1, the same in each run. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A few changes: bytes, pieces that go, come twice, come from another mail. */
function mutated(mail: Buffer, others: readonly Buffer[], random: () => number): Buffer {
  let bytes = Buffer.from(mail)
  const place = (length: number): number => Math.floor(random() * length)
  for (let count = 1 + place(6); count > 0; count--) {
    const [at, length] = [place(bytes.length), place(200)]
    const other = others[place(others.length)] ?? Buffer.of()
    const from = place(other.length)
    const piece = [
      Buffer.of(place(256)),
      Buffer.of(),
      other.subarray(from, from + length),
      Buffer.concat([bytes.subarray(at, at + length), bytes.subarray(at, at + length)]),
      Buffer.from(['\r\n', '\r\n\r\n', '--', '=', '"', ';', ': '][place(7)] ?? ''),
    ][place(5)]
    const replaced = random() < 0.5 ? length : 1
    bytes = Buffer.concat([
      bytes.subarray(0, at),
      piece ?? Buffer.of(),
      bytes.subarray(at + replaced),
    ])
  }
  return bytes
}
