// SPDX-License-Identifier: Apache-2.0
/**
 * Contents for eyes: text where it is text, else hex.
 *
 * @module
 */

import { CONTENT_FORMAT } from '@waxwing/coap'
import { fromUtf8, toHex } from '@waxwing/core'
import { cborText } from './cbor-text.js'

const MAX_HEX_BYTES = 64

/** The text of bytes that are UTF-8 and hold no control characters but line breaks and tabs. */
export function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = fromUtf8(bytes)
    // oxlint-disable-next-line no-control-regex -- that is what is looked for
    return /[\u0000-\u0008\u000B\u000C\u000E-\u001F\u007F]/.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Bytes in one line: text, or the beginning in hex. */
export function previewOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return '(empty)'
  const text = textOf(bytes)
  if (text !== undefined) return text
  const shown = toHex(bytes.subarray(0, MAX_HEX_BYTES))
  return bytes.length > MAX_HEX_BYTES ? `0x${shown}… (${bytes.length} bytes)` : `0x${shown}`
}

/** A payload by what it is said to be: links a line each, CBOR in its notation, else as any bytes. */
export function payloadText(bytes: Uint8Array, contentFormat: number | undefined): string {
  const cbor = contentFormat === CONTENT_FORMAT.cbor ? cborText(bytes) : undefined
  const text = cbor ?? previewOf(bytes)
  return contentFormat === CONTENT_FORMAT.linkFormat ? text.replaceAll(/,(?=<)/g, ',\n') : text
}

/** A hex dump: offset, sixteen bytes, and what of them is text. */
export function hexDump(bytes: Uint8Array): readonly string[] {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16)
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const text = [...row].map((byte) => (byte > 31 && byte < 127 ? String.fromCharCode(byte) : '.'))
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text.join('')}`)
  }
  return lines
}
