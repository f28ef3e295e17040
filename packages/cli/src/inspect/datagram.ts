// SPDX-License-Identifier: Apache-2.0
/**
 * Datagrams of CoAP (RFC 7252 Section 3) as somebody captured them: bytes, hex as Wireshark copies it, one
 * a line as `tshark -T fields -e udp.payload` prints them, or base64.
 *
 * What is taken for one is told from everything else by its form: version 1, a registered code, options
 * that can be read to the end. Objects and control messages begin with other bits.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { type CoapMessage, decodeCoap } from '@waxwing/oscore'
import { nameOfCode } from './coap-codes.js'

const VERSION = 1
const HEADER_BYTES = 4
const MAX_TOKEN_BYTES = 8
const CODE_EMPTY = 0

const TYPES = ['CON', 'NON', 'ACK', 'RST'] as const

export type MessageType = (typeof TYPES)[number]

export interface Datagram {
  readonly type: MessageType
  readonly messageId: number
  readonly token: Uint8Array
  readonly message: CoapMessage
  readonly bytes: Uint8Array
}

/** Reads a datagram; `undefined` if it is none of CoAP over UDP. */
export function readDatagram(bytes: Uint8Array): Datagram | undefined {
  const [first = 0, code = 0] = bytes
  const tokenBytes = first & 0x0f
  if (bytes.length < HEADER_BYTES + tokenBytes || first >> 6 !== VERSION) return undefined
  if (tokenBytes > MAX_TOKEN_BYTES || !isKnownCode(code)) return undefined
  const type = TYPES[(first >> 4) & 0b11] ?? 'CON'
  const isEmpty = code === CODE_EMPTY
  if (isEmpty ? bytes.length > HEADER_BYTES : type === 'RST') return undefined
  const message = readMessage(bytes.subarray(HEADER_BYTES + tokenBytes), code)
  if (message === undefined) return undefined
  const messageId = ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0)
  const token = bytes.subarray(HEADER_BYTES, HEADER_BYTES + tokenBytes)
  return { type, messageId, token, message, bytes }
}

/** The datagrams that a file holds, in whichever form; `undefined` if it is anything else. */
export function datagramsOf(bytes: Uint8Array): readonly Datagram[] | undefined {
  const text = asciiOf(bytes)
  const inText = text === undefined ? undefined : datagramsOfText(text)
  if (inText !== undefined) return inText
  const one = readDatagram(bytes)
  return one === undefined ? undefined : [one]
}

/** Bytes of text in hex, whatever stands between the digits; `undefined` if it is none. */
export function hexBytes(text: string): Uint8Array | undefined {
  const digits = text.trim().replace(/^0x/i, '').replaceAll(/[\s:]/g, '')
  if (digits === '' || digits.length % 2 !== 0 || !/^[0-9a-f]+$/i.test(digits)) return undefined
  return new Uint8Array(Buffer.from(digits, 'hex'))
}

function datagramsOfText(text: string): readonly Datagram[] | undefined {
  const lines = text.split('\n').filter((line) => line.trim() !== '')
  return allOf(lines, hexBytes) ?? allOf([text], hexBytes) ?? allOf([text], base64Bytes)
}

function allOf(
  texts: readonly string[],
  decode: (text: string) => Uint8Array | undefined,
): readonly Datagram[] | undefined {
  const found: Datagram[] = []
  for (const text of texts) {
    const bytes = decode(text)
    const datagram = bytes === undefined ? undefined : readDatagram(bytes)
    if (datagram === undefined) return undefined
    found.push(datagram)
  }
  return found.length === 0 ? undefined : found
}

function base64Bytes(text: string): Uint8Array | undefined {
  const characters = text.replaceAll(/\s/g, '')
  if (!/^[\w+/-]+={0,2}$/.test(characters)) return undefined
  return new Uint8Array(Buffer.from(characters, 'base64'))
}

function asciiOf(bytes: Uint8Array): string | undefined {
  return bytes.every((byte) => byte < 0x80) ? new TextDecoder().decode(bytes) : undefined
}

/** Code 0.00, a method, or a response of the registry. */
function isKnownCode(code: number): boolean {
  return code === CODE_EMPTY || nameOfCode(code) !== undefined
}

function readMessage(rest: Uint8Array, code: number): CoapMessage | undefined {
  try {
    return decodeCoap(Uint8Array.of(code, ...rest))
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}
