// SPDX-License-Identifier: Apache-2.0
/**
 * The header of CoAP over UDP (RFC 7252 Section 3): version, type, token length, code, message id,
 * token. What follows is what `@waxwing/oscore` encodes and decodes.
 *
 * Tokens are strings of one character per byte, so that they are keys of maps as they stand.
 *
 * @module
 */

import { malformed } from '@waxwing/core'
import { type CoapMessage, decodeCoap, encodeCoap } from '@waxwing/oscore'

/** Types of messages (Section 3). */
export const TYPE = { con: 0, non: 1, ack: 2, rst: 3 } as const

export interface Header {
  readonly type: number
  /** 0 to 15; above 8 the message is malformed. */
  readonly tokenBytes: number
  readonly code: number
  readonly messageId: number
}

const VERSION = 1
/** All that an empty message has. */
export const HEADER_BYTES = 4
const MAX_TOKEN_BYTES = 8
/** The code of a message that has nothing after its header (Section 4.1). */
export const CODE_EMPTY = 0

/**
 * Reads the first four bytes.
 *
 * @param bytes - Untrusted.
 * @returns `undefined` for what is to be ignored silently: too short, or another version (Section 3).
 */
export function readHeader(bytes: Buffer): Header | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0]! >> 6 !== VERSION) return undefined
  return {
    type: (bytes[0]! >> 4) & 0b11,
    tokenBytes: bytes[0]! & 0b1111,
    code: bytes[1]!,
    messageId: bytes.readUInt16BE(2),
  }
}

/**
 * Reads what follows the header.
 *
 * @returns Views into `bytes`.
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function readMessage(bytes: Buffer, { tokenBytes, code }: Header): CoapMessage {
  if (tokenBytes > MAX_TOKEN_BYTES) throw malformed('CoAP message', 'token length')
  if (code === CODE_EMPTY && bytes.length > HEADER_BYTES) throw malformed('CoAP message', 'code')
  if (bytes.length < HEADER_BYTES + tokenBytes) throw malformed('CoAP message', 'token')
  // The decoder takes the byte before the options for the code, which stands elsewhere here.
  const offset = HEADER_BYTES - 1 + tokenBytes
  // No Buffer, whose `slice` would hand applications a view where they expect a copy.
  const body = new Uint8Array(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset)
  const { options, payload } = decodeCoap(body)
  return { code, options, payload }
}

/** The token of a message that was read. */
export function readToken(bytes: Buffer, { tokenBytes }: Header): string {
  return bytes.toString('latin1', HEADER_BYTES, HEADER_BYTES + tokenBytes)
}

/**
 * What a message and its duplicates have in common: message id and token. By the message id alone
 * (Section 4.2) a peer could send 65,536 messages in EXCHANGE_LIFETIME, 265 a second.
 */
export function messageKey(bytes: Buffer, { tokenBytes }: Header): string {
  return bytes.toString('latin1', 2, HEADER_BYTES + tokenBytes)
}

/**
 * Writes a message.
 *
 * @param messageId - 0 where it is not known yet; see {@link stampMessageId}.
 * @throws {RangeError} If the message cannot be encoded.
 */
export function encodeDatagram(
  type: number,
  messageId: number,
  token: string,
  message: CoapMessage,
): Buffer {
  const body = encodeCoap(message)
  const headBytes = HEADER_BYTES + token.length
  const datagram = Buffer.allocUnsafe(headBytes - 1 + body.length)
  // The first byte of the body is the code; the header is written over it.
  datagram.set(body, headBytes - 1)
  datagram[0] = (VERSION << 6) | (type << 4) | token.length
  datagram[1] = message.code
  datagram.writeUInt16BE(messageId, 2)
  datagram.write(token, HEADER_BYTES, 'latin1')
  return datagram
}

/** An empty message: an acknowledgement, a reset. */
export function emptyDatagram(type: number, messageId: number): Buffer {
  const datagram = Buffer.allocUnsafe(HEADER_BYTES)
  datagram[0] = (VERSION << 6) | (type << 4)
  datagram[1] = CODE_EMPTY
  datagram.writeUInt16BE(messageId, 2)
  return datagram
}

/** Gives a message that was written before the id with which it is sent. */
export function stampMessageId(datagram: Buffer, messageId: number): void {
  datagram.writeUInt16BE(messageId, 2)
}

/** Takes the wish for an acknowledgement from a message that was written before. */
export function unconfirm(datagram: Buffer): void {
  datagram[0] = (datagram[0]! & 0b1100_1111) | (TYPE.non << 4)
}

/** Another message with type, message id and token of one that was written before. */
export function withMessage(datagram: Buffer, message: CoapMessage): Buffer {
  const header = readHeader(datagram)!
  return encodeDatagram(header.type, header.messageId, readToken(datagram, header), message)
}
