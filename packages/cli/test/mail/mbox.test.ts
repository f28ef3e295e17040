// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { Overlong, splitMails } from '../../src/mail/mbox.js'

async function* inChunks(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) {
    await Promise.resolve()
    yield bytes.subarray(at, at + size)
  }
}

async function split(text: string, maxBytes = 1_000_000, size = 7): Promise<readonly string[]> {
  const mails: string[] = []
  for await (const mail of splitMails(inChunks(text, size), maxBytes)) {
    mails.push(mail instanceof Overlong ? mail.error.code : Buffer.from(mail).toString())
  }
  return mails
}

const MAIL = 'Subject: a\r\n\r\ntext\r\n'

describe('a file with mails', () => {
  it('holds one, where it does not begin as a mailbox file does', async () => {
    const text = `${MAIL}\r\nFrom here on\r\n>From there\r\n`
    for (const size of [1, 7, 10_000]) expect(await split(text, 1000, size)).toEqual([text])
  })

  it('holds many, each behind a line that follows an empty one', async () => {
    const text = `From a@x Mon\n${MAIL}\nFrom b@x Tue\nSubject: b\n\nlast\nFrom here on\n`
    const expected = [`${MAIL}\n`, 'Subject: b\n\nlast\nFrom here on\n']
    for (const size of [1, 7, 10_000]) expect(await split(text, 1000, size)).toEqual(expected)
  })

  it('loses the mark in front of such lines in texts, once', async () => {
    const text = 'From a\nSubject: a\n\n>From me\n>>From you\n> From him\n'
    expect(await split(text)).toEqual(['Subject: a\n\nFrom me\n>From you\n> From him\n'])
  })

  it('is read to its end where one mail is too long: of that one nothing is kept', async () => {
    const text = `From a\n${MAIL}\nFrom b\n${'x'.repeat(300)}\n${'y\n'.repeat(300)}\nFrom c\n${MAIL}`
    expect(await split(text, 200)).toEqual([`${MAIL}\n`, 'ERR_LIMIT', MAIL])
    expect(await split('z'.repeat(500_000), 200, 10_000)).toEqual(['ERR_LIMIT'])
  })

  it('keeps a line that is longer than any, and holds nothing where it is empty', async () => {
    const line = `>From ${'x'.repeat(200_000)}>From ${'y'.repeat(100_000)}\n`
    expect(await split(`From a\n${line}`, 1_000_000, 65_530)).toEqual([line.slice(1)])
    expect(await split('')).toEqual([])
  })
})
