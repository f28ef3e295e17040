// SPDX-License-Identifier: Apache-2.0
import PostalMime from 'postal-mime'
import { describe, expect, it } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import { composeMail, readMail, type Envelope, type Letter } from '@waxwing/email'

const FROM = 'thermometer@example.test'
const INBOX = inboxAddress(new Uint8Array(32).fill(7))
const OBJECT = Uint8Array.of(0xd0, 0x83, 13, 10, 0, 255)
const STATEMENT = Uint8Array.of(0xd2, 0x84, 46, 13, 10, 46)

const compose = (letter: Partial<Letter>, envelope: Partial<Envelope> = {}): Promise<Uint8Array> =>
  composeMail({ to: 'desk@example.test', ...letter }, { from: FROM, ...envelope })

const headerOf = async (mail: Promise<Uint8Array>): Promise<string> =>
  Buffer.from(await mail)
    .toString('latin1')
    .split('\r\n\r\n')[0] ?? ''

describe('a mail that is composed', () => {
  it('is read back with addresses, payloads and who sent it', async () => {
    const items = [
      { address: 'plant/ü 1/temperature', payload: OBJECT },
      { address: INBOX, payload: STATEMENT },
      { payload: new Uint8Array() },
    ]
    const mail = await compose({ items }, { inbox: INBOX, messageId: '<1@example.test>' })
    const content = readMail(mail)
    expect(content).toMatchObject({
      from: FROM,
      replyTo: FROM,
      inbox: INBOX,
      messageId: '<1@example.test>',
      subject: 'Sealed data',
      damaged: [],
    })
    expect(content.items.map(({ address, payload }) => ({ address, payload }))).toEqual([
      items[0],
      items[1],
      { address: undefined, payload: new Uint8Array() },
    ])
  })

  it('is the same to a parser of others: COSE attachments, base64, with locations', async () => {
    const mail = await compose({ items: [{ address: 'plant/1', payload: OBJECT }] })
    const { attachments } = await PostalMime.parse(mail)
    expect(attachments).toHaveLength(1)
    expect(attachments[0]).toMatchObject({
      filename: 'plant-1.cose',
      mimeType: 'application/cose',
      disposition: 'attachment',
    })
    expect(new Uint8Array(attachments[0]?.content as ArrayBuffer)).toEqual(OBJECT)
    const text = Buffer.from(mail).toString('latin1')
    expect(text).toMatch(/cose-type="?cose-encrypt0\b/)
    expect(text).toContain('Content-Location: plant/1')
  })

  it('tells a person without Waxwing what it is, and what of it is text of the sender', async () => {
    const mail = await compose({
      text: 'Guten Tag,\n\nhier ist der Bericht.',
      items: [{ payload: OBJECT }],
    })
    const { text } = await PostalMime.parse(mail)
    expect(text).toMatch(/^Guten Tag,\s+hier ist der Bericht\./)
    expect(text).toContain('waxwing open FILE')
  })

  it('asks machines not to answer, and has a date and a name of its own', async () => {
    const header = await headerOf(compose({ items: [{ payload: OBJECT }] }))
    expect(header).toMatch(/^Auto-Submitted: auto-generated$/m)
    expect(header).toMatch(/^Message-ID: <[\w-]+@example\.test>$/m)
    expect(header).toMatch(/^Date: /m)
    expect(header).toMatch(/^Waxwing-Items: 1$/m)
  })

  it('has all items in one archive where that is asked for', async () => {
    const items = [{ address: 'plant/1', payload: OBJECT_ITEM }, { payload: OBJECT_ITEM }]
    const content = readMail(await compose({ items, asArchive: true }))
    expect(content.items.map(({ payload, name }) => ({ payload, name }))).toEqual([
      { payload: OBJECT_ITEM, name: 'objects.wax' },
      { payload: OBJECT_ITEM, name: 'objects.wax' },
    ])
  })

  it('has only ASCII and short lines, whatever is in it', async () => {
    const letter = {
      subject: 'Prüfbericht – täglich',
      text: 'ä'.repeat(2_000),
      items: [{ address: `a/${'ö'.repeat(300)}`, payload: new Uint8Array(3_000) }],
    }
    const mail = Buffer.from(await compose(letter, { inbox: INBOX })).toString('latin1')
    expect(mail).toMatch(/^[\t\r\n -~]*$/)
    expect(Math.max(...mail.split('\r\n').map((line) => line.length))).toBeLessThan(998)
    expect(readMail(Buffer.from(mail, 'latin1'))).toMatchObject({
      subject: letter.subject,
      items: [{ address: letter.items[0]?.address }],
    })
  })

  it('is refused where a line end, a bad mailbox or nothing is in it', async () => {
    const items = [{ payload: OBJECT }]
    await expect(compose({ items, subject: 'a\r\nBcc: b@example.test' })).rejects.toThrow(
      RangeError,
    )
    await expect(compose({ items, to: 'a@b.test\r\nDATA' })).rejects.toThrow(TypeError)
    await expect(compose({ items, to: 'a@b.test>, <c@d.test' })).rejects.toThrow(TypeError)
    await expect(compose({ items, to: [] })).rejects.toThrow(RangeError)
    await expect(compose({})).rejects.toThrow(TypeError)
    await expect(compose({ items: [{ address: 'a/+', payload: OBJECT }] })).rejects.toThrow(
      TypeError,
    )
  })
})

/** An item of CBOR that begins as an object does. */
const OBJECT_ITEM = Uint8Array.of(0xd0, 0x83, 0x40, 0xa0, 0x41, 0x00)
