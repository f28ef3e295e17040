// SPDX-License-Identifier: Apache-2.0
/**
 * What a payload is preceded by in an SMS, where its kind cannot be told from its first byte
 * (`docs/spec/09-bindings.md` Section 9.10.2). Data that are objects have none: they travel in their compact
 * form (Section 4.7), or as they are.
 *
 * Everything in it is a hint of anyone. The kinds are bytes that no compact form begins with.
 *
 * @module
 */

import {
  concatBytes,
  CONTROL_PREFIX,
  decodeCompact,
  encodeCompact,
  fromBase64Url,
  fromHex,
  inboxAddress,
  isControlAddress,
  malformed,
  requestAddress,
  toBase64Url,
  utf8,
  WaxwingError,
} from '@waxwing/core'
import { assertAddress, inboxOf } from '@waxwing/transport-kit'

/** Of a principal id, as much as stands in an envelope. */
export const SENDER_BYTES = 8
export const PRINCIPAL_BYTES = 32

const KIND = {
  ownInbox: 0x40,
  request8: 0x41,
  request4: 0x42,
  inbox: 0x43,
  address: 0x44,
  asItIs: 0x4f,
} as const
/** Is added to a kind where the sender does not say who it is. */
const NO_SENDER = 0x08
const MAX_FLAGS = 0x3f
const FIRST_OBJECT_BYTE = 0x80

/** No envelope is longer. */
export const MAX_ENVELOPE_BYTES: number = 1 + SENDER_BYTES + 1 + 255

/** What one message says, once it is whole. */
export interface Letter {
  /** Where it is for; `inbox` where it is for whoever got it, `data` where it is no control message. */
  readonly to: { readonly kind: 'inbox' | 'data' } | { readonly kind: 'address'; address: string }
  /** The first bytes of the sender's principal id, where it says so. */
  readonly sender: Uint8Array | undefined
  readonly payload: Uint8Array
}

export interface SealingTerms {
  /** The first bytes of the own principal id, if the endpoint has one. */
  readonly sender: Uint8Array | undefined
  /** Whether it goes to the number of the inbox's owner, which knows who it is. */
  readonly isDirect: boolean
  /** Whether data carry their address. */
  readonly carriesAddress: boolean
}

/**
 * The bytes of a message.
 *
 * @param address - Well-formed.
 * @throws {WaxwingError} `ERR_LIMIT` if the address is longer than an envelope has room for.
 */
export function encodeLetter(
  address: string,
  payload: Uint8Array,
  terms: SealingTerms,
): Uint8Array {
  if (!isControlAddress(address)) {
    const data = encodeData(payload)
    return terms.carriesAddress
      ? concatBytes(head(KIND.address, undefined), addressField(address), data)
      : data
  }
  return concatBytes(controlHead(address, terms), payload)
}

function controlHead(address: string, { sender, isDirect }: SealingTerms): Uint8Array {
  const kid = /^waxwing\/v1\/request\/((?:[0-9a-f]{8}){1,2})$/.exec(address)?.[1]
  if (kid !== undefined) {
    const kind = kid.length === 16 ? KIND.request8 : KIND.request4
    return concatBytes(head(kind, sender), fromHex(kid))
  }
  const inbox = inboxOf(address)
  if (inbox !== undefined && isDirect) return head(KIND.ownInbox, sender)
  const principal = inbox === undefined ? undefined : principalOf(inbox)
  if (principal?.length === PRINCIPAL_BYTES) return concatBytes(head(KIND.inbox, sender), principal)
  return concatBytes(head(KIND.address, sender), addressField(address))
}

/** Data: the compact form where there is one; a byte before what could be mistaken for it. */
function encodeData(payload: Uint8Array): Uint8Array {
  if ((payload[0] ?? 0) < FIRST_OBJECT_BYTE) {
    return concatBytes(Uint8Array.of(KIND.asItIs), payload)
  }
  try {
    return encodeCompact(payload)
  } catch {
    return payload
  }
}

function head(kind: number, sender: Uint8Array | undefined): Uint8Array {
  return sender === undefined
    ? Uint8Array.of(kind | NO_SENDER)
    : concatBytes(Uint8Array.of(kind), sender)
}

function addressField(address: string): Uint8Array {
  const bytes = utf8(address)
  if (bytes.length > 255) {
    const rule = 'address'
    throw new WaxwingError('ERR_LIMIT', 'the address is longer than 255 bytes', { rule })
  }
  return concatBytes(Uint8Array.of(bytes.length), bytes)
}

/**
 * Reads a message.
 *
 * @param bytes - Untrusted, and the whole of it.
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_UNSUPPORTED` if it is of a kind that is reserved.
 */
export function decodeLetter(bytes: Uint8Array): Letter {
  const first = bytes[0]
  if (first === undefined) throw malformed('SMS', 'length')
  if (first <= MAX_FLAGS || first >= FIRST_OBJECT_BYTE || first === KIND.asItIs) {
    return { to: { kind: 'data' }, sender: undefined, payload: decodeData(bytes) }
  }
  if (first > KIND.asItIs) throw unknownKind()
  const start = (first & NO_SENDER) === 0 ? 1 + SENDER_BYTES : 1
  if (bytes.length < start) throw malformed('SMS', 'sender')
  const sender = start === 1 ? undefined : bytes.slice(1, start)
  return { sender, ...decodeControl(first & ~NO_SENDER, bytes.subarray(start)) }
}

function decodeControl(kind: number, rest: Uint8Array): Pick<Letter, 'to' | 'payload'> {
  const field = (length: number): Uint8Array => {
    if (rest.length < length) throw malformed('SMS', 'envelope')
    return rest.subarray(0, length)
  }
  const sent = (address: string, length: number): Pick<Letter, 'to' | 'payload'> => ({
    to: { kind: 'address', address },
    payload: rest.slice(length),
  })
  switch (kind) {
    case KIND.ownInbox:
      return { to: { kind: 'inbox' }, payload: rest.slice() }
    case KIND.request8:
      return sent(requestAddress(field(8)), 8)
    case KIND.request4:
      return sent(requestAddress(field(4)), 4)
    case KIND.inbox:
      return sent(inboxAddress(field(PRINCIPAL_BYTES)), PRINCIPAL_BYTES)
    case KIND.address:
      return decodeAddressed(rest)
    default:
      throw unknownKind()
  }
}

function unknownKind(): WaxwingError {
  return new WaxwingError('ERR_UNSUPPORTED', 'SMS: unknown kind', { field: 'kind' })
}

function decodeAddressed(rest: Uint8Array): Pick<Letter, 'to' | 'payload'> {
  const start = 1 + (rest[0] ?? rest.length)
  if (rest.length < start) throw malformed('SMS', 'address')
  const address = decodeAddress(rest.subarray(1, start))
  const bytes = rest.subarray(start)
  const payload = isControlAddress(address) ? bytes.slice() : decodeData(bytes)
  return { to: { kind: 'address', address }, payload }
}

function decodeAddress(bytes: Uint8Array): string {
  try {
    const address = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    assertAddress(address)
    if (address.startsWith(NUMBER_PREFIX)) throw new TypeError('an address of its own')
    return address
  } catch (error) {
    throw malformed('SMS', 'address', error)
  }
}

function decodeData(bytes: Uint8Array): Uint8Array {
  const first = bytes[0]
  if (first === undefined) throw malformed('SMS', 'length')
  if (first === KIND.asItIs) return bytes.slice(1)
  if (first >= FIRST_OBJECT_BYTE) return bytes.slice()
  return decodeCompact(bytes)
}

/** Before the number that data came from. */
export const NUMBER_PREFIX = 'sms/'

/** The inbox address that the first bytes of a principal id stand for, where only those are known. */
export function shortInbox(sender: Uint8Array): string {
  return `${CONTROL_PREFIX}inbox/${toBase64Url(sender)}`
}

/** The principal id in the address of an inbox; `undefined` where there is none. */
export function principalOf(inbox: string): Uint8Array | undefined {
  return fromBase64Url(inbox.slice(inbox.lastIndexOf('/') + 1))
}
