// SPDX-License-Identifier: Apache-2.0
/**
 * Files that carry control messages and objects: read whole, written anew.
 *
 * @module
 */

import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { ArchiveReader, concatBytes, encodeArchiveItem } from '@waxwing/core'
import { UsageError } from './exit-codes.js'
import { hexBytes } from './inspect/datagram.js'

/** What fits into memory without a thought; archives are read piece by piece elsewhere. */
const MAX_INPUT_BYTES = 64 * 1024 * 1024
const BASE64 = /^[A-Za-z0-9+/=_\-\s]+$/

/** Reads a file, or standard input for `-`. */
export async function readInput(path: string): Promise<Uint8Array> {
  if (path === '-') return readStdin()
  if (statSync(path).size > MAX_INPUT_BYTES) throw new UsageError(`${path} is too long`)
  return new Uint8Array(readFileSync(path))
}

/** Splits what a file or mail brought into control messages and objects; base64 is undone. */
export function splitItems(bytes: Uint8Array): readonly Uint8Array[] {
  const reader = new ArchiveReader()
  const items = reader.push(unwrapped(bytes))
  reader.end()
  return items
}

/** Writes items one after the other to a new file, readable by its owner. Overwrites nothing. */
export function writeItems(path: string, items: readonly Uint8Array[]): void {
  writeFileSync(path, concatBytes(...items.map((item) => encodeArchiveItem(item))), {
    flag: 'wx',
    mode: 0o600,
    flush: true,
  })
}

async function readStdin(): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let byteCount = 0
  for await (const chunk of process.stdin as AsyncIterable<Uint8Array>) {
    byteCount += chunk.length
    if (byteCount > MAX_INPUT_BYTES) throw new UsageError('standard input is too long')
    chunks.push(chunk)
  }
  return concatBytes(...chunks)
}

/**
 * Undoes base64, as mail programs carry bytes, and hex, as tools that capture them do. A CBOR item that we
 * know looks like neither, and never so in base64 that it is hex too.
 */
export function unwrapped(bytes: Uint8Array): Uint8Array {
  const text = bytes.every((byte) => byte < 0x80) ? new TextDecoder().decode(bytes).trim() : ''
  const inHex = hexBytes(text)
  if (inHex !== undefined) return inHex
  if (text === '' || !BASE64.test(text)) return bytes
  const isUrl = /[-_]/.test(text)
  return new Uint8Array(Buffer.from(text, isUrl ? 'base64url' : 'base64'))
}
