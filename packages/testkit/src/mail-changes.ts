// SPDX-License-Identifier: Apache-2.0
/**
 * What gateways, lists and people do to mails on their way, as functions of a mail's bytes: footers, other
 * transfer encodings and line lengths, other media types, mails within mails. Written for mails as this
 * project composes them: parts in base64, one level deep.
 *
 * @module
 */

/** A mail's bytes, and what becomes of them. */
export type MailChange = (mail: Uint8Array) => Uint8Array

interface Split {
  readonly header: string
  readonly body: string
}

function split(mail: Uint8Array): Split {
  const text = Buffer.from(mail).toString('latin1')
  const end = text.indexOf('\r\n\r\n')
  return { header: text.slice(0, end + 2), body: text.slice(end + 4) }
}

function joined(header: string, body: string): Uint8Array {
  return Buffer.from(`${header}\r\n${body}`, 'latin1')
}

/** The fields that say what the body is, and the others. */
function contentFields(header: string): { content: string; others: string } {
  const fields = header.match(/^[^\s:]+:.*\r\n(?:[ \t].*\r\n)*/gm) ?? []
  const isContent = (field: string): boolean => /^(content-|mime-version)/i.test(field)
  return {
    content: fields.filter((field) => isContent(field) && !/^mime/i.test(field)).join(''),
    others: fields.filter((field) => !isContent(field)).join(''),
  }
}

/** As list software does: the whole mail becomes a part, and words of the list another one. */
export const withFooter: MailChange = (mail) => {
  const { header, body } = split(mail)
  const { content, others } = contentFields(header)
  const footer = '_______________\r\nTo leave the list, write to leave@example.test'
  return joined(
    `${others}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="list=_1"\r\n`,
    [
      '--list=_1',
      `${content}\r\n${body}`,
      '--list=_1',
      `Content-Type: text/plain; charset="us-ascii"\r\n\r\n${footer}`,
      '--list=_1--',
      '',
    ].join('\r\n'),
  )
}

/** As a person does who forwards a mail as an attachment. */
export const forwarded: MailChange = (mail) => {
  const inner = Buffer.from(mail).toString('latin1')
  return joined(
    [
      'From: Somebody Else <else@example.test>',
      'To: colleague@example.test',
      'Subject: =?utf-8?q?Fwd=3A_f=C3=BCr_Dich?=',
      'MIME-Version: 1.0',
      'Content-Type: multipart/mixed; boundary=fwd',
      '',
    ].join('\r\n'),
    [
      '--fwd',
      'Content-Type: text/html\r\n\r\n<p>See below.</p>',
      '--fwd',
      `Content-Type: message/rfc822\r\nContent-Disposition: attachment\r\n\r\n${inner}`,
      '--fwd--',
      '',
    ].join('\r\n'),
  )
}

const BASE64_PART =
  /Content-Transfer-Encoding: base64\r\n((?:[^\r\n]+\r\n)*)\r\n([A-Za-z\d+/=\r\n]*?)(?=\r\n--)/g

function reencoded(
  mail: Uint8Array,
  encode: (bytes: Buffer) => { readonly encoding: string; readonly text: string },
): Uint8Array {
  const { header, body } = split(mail)
  const changed = body.replaceAll(BASE64_PART, (_part, fields: string, base64: string) => {
    const { encoding, text } = encode(Buffer.from(base64, 'base64'))
    return `Content-Transfer-Encoding: ${encoding}\r\n${fields}\r\n${text}`
  })
  return joined(header, changed)
}

/** Quoted-printable, as a gateway does that takes the bytes for bytes. */
export const asQuotedPrintable: MailChange = (mail) =>
  reencoded(mail, (bytes) => {
    const signs = [...bytes].map((byte) =>
      byte > 32 && byte < 127 && byte !== 0x3d
        ? String.fromCharCode(byte)
        : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`,
    )
    let text = ''
    let length = 0
    for (const sign of signs) {
      if (length + sign.length > 73) {
        text += '= \r\n' // with white space that some relay has added
        length = 0
      }
      text += sign
      length += sign.length
    }
    return { encoding: 'Quoted-Printable', text }
  })

/** The bytes as they are (RFC 3030). */
export const asBinary: MailChange = (mail) =>
  reencoded(mail, (bytes) => ({ encoding: 'binary', text: bytes.toString('latin1') }))

/** Base64 in lines of another length, with line feeds alone. */
export const withOtherLines: MailChange = (mail) =>
  reencoded(mail, (bytes) => ({
    encoding: 'BASE64 (as they say)',
    text: bytes.toString('base64').replaceAll(/.{1,52}/g, '$& \n'),
  }))

/** Types that a gateway does not know become unknown ones; the file names stay. */
export const withoutTypes: MailChange = (mail) => {
  const { header, body } = split(mail)
  return joined(
    header,
    body.replaceAll(
      /Content-Type: application\/(?:cose|cbor-seq)(?:;(?:[ \t]|\r\n[ \t])*[^\s;]+)*/gi,
      'Content-Type: application/octet-stream',
    ),
  )
}

/** File names and locations go, the types stay. */
export const withoutNames: MailChange = (mail) => {
  const { header, body } = split(mail)
  const nameless = body
    .replaceAll(/^Content-(?:Disposition|Location):.*\r\n(?:[ \t].*\r\n)*/gm, '')
    .replaceAll(/;(?:[ \t]|\r\n[ \t])*name=[^\s;]+/g, '')
  return joined(header, nameless)
}

/** Fields that are added, folded, in other cases and in another order. */
export const withOtherHeader: MailChange = (mail) => {
  const { header, body } = split(mail)
  const fields = header.match(/^[^\s:]+:.*\r\n(?:[ \t].*\r\n)*/gm) ?? []
  const changed = fields
    .toReversed()
    .map((field) => field.replace(/^[^:]+/, (name) => name.toUpperCase()))
    .map((field) => field.replace(/^SUBJECT: /, 'SUBJECT: [list] '))
  const received = 'Received: from a by b;\r\n\tMon, 23 Nov 2026 07:00:00 +0000\r\n'
  return joined(`${received.repeat(5)}${changed.join('')}X-Spam-Score: -1\r\n`, body)
}

/** Line ends of one byte, as mail takes them that was kept in a file. */
export const withLineFeeds: MailChange = (mail) =>
  Buffer.from(Buffer.from(mail).toString('latin1').replaceAll('\r\n', '\n'), 'latin1')

/** All of them, by name. */
export const MAIL_CHANGES: Readonly<Record<string, MailChange>> = {
  'a footer of a list': withFooter,
  'forwarding as an attachment': forwarded,
  'quoted-printable': asQuotedPrintable,
  'binary parts': asBinary,
  'other line lengths': withOtherLines,
  'other media types': withoutTypes,
  'no file names and locations': withoutNames,
  'another header': withOtherHeader,
  'line feeds alone': withLineFeeds,
}
