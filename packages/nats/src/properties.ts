// SPDX-License-Identifier: Apache-2.0
/**
 * Properties as headers (`docs/spec/09-bindings.md` Section 9.7.2). What a header cannot hold is
 * percent-encoded, and so is the beginning of a name that means something to the server: a property
 * tells it nothing.
 *
 * @module
 */

import { MsgHdrsImpl, type MsgHdrs } from '@nats-io/transport-node'

/** What the server and its clients give a meaning to. */
const RESERVED = /^(nats-|kv-|waxwing-|status$|description$)/i

const NONE: Readonly<Record<string, string>> = Object.freeze({})

/** The header by which JetStream knows a message that is sent again. */
export const MESSAGE_ID = 'Nats-Msg-Id'

/** Headers of a message. @param own - The transport's own. */
export function headersOf(
  own: Readonly<Record<string, string>>,
  properties: Readonly<Record<string, string>> = NONE,
): MsgHdrsImpl {
  const headers = new MsgHdrsImpl()
  const map = headers.headers // names and values are legal: the library need not look again
  for (const [name, value] of Object.entries(properties)) map.set(nameOf(name), [valueOf(value)])
  for (const [name, value] of Object.entries(own)) map.set(name, [value])
  return headers
}

/** The properties in the headers of a message; where a name comes several times, the first. */
export function propertiesOf(headers: MsgHdrs | undefined): Readonly<Record<string, string>> {
  if (headers === undefined || isOnlyId(headers)) return NONE
  const properties: [string, string][] = []
  for (const [name, values] of headers) {
    if (!RESERVED.test(name)) properties.push([decoded(name), decoded(values[0] ?? '')])
  }
  return Object.fromEntries(properties)
}

/** A name is printable ASCII without a colon, and none of those with a meaning. */
function nameOf(name: string): string {
  if (name === '') return '%'
  const plain = encode(name, /[^!-9;-~]|%/gu)
  return RESERVED.test(plain) ? percent(plain.slice(0, 1)) + plain.slice(1) : plain
}

/** A value has no line ends, and no white space at its ends, which would be taken off. */
function valueOf(value: string): string {
  return encode(value, /[\p{Cc}%]|^\s|\s$/gu)
}

function encode(text: string, forbidden: RegExp): string {
  return text.toWellFormed().replaceAll(forbidden, percent)
}

function percent(text: string): string {
  const hex = Buffer.from(text, 'utf8').toString('hex').toUpperCase()
  return hex.replaceAll(/../g, '%$&')
}

/** Whatever is not encoded stays what it is: others write headers too. */
function decoded(text: string): string {
  if (!text.includes('%')) return text
  if (text === '%') return ''
  return text.replaceAll(/(?:%[0-9A-F]{2})+/g, (escapes) =>
    Buffer.from(escapes.replaceAll('%', ''), 'hex').toString('utf8'),
  )
}

function isOnlyId(headers: MsgHdrs): boolean {
  let count = 0
  for (const [name] of headers) if (name !== MESSAGE_ID || ++count > 1) return false
  return true
}
