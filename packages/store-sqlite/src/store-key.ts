// SPDX-License-Identifier: Apache-2.0
/**
 * Where the key that locks a store comes from: a key file, the environment, a passphrase, or the
 * application itself.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { WaxwingError, fromBase64Url, toBase64Url, utf8 } from '@waxwing/core'
import { KEY_BYTES } from './value-cipher.js'

/** How much work a guess at the passphrase costs (Argon2id, RFC 9106). */
export interface PassphraseCost {
  /** Passes over the memory, 1 to 16. Default 3. */
  readonly passCount?: number
  /** Memory in bytes, 8 KiB to 1 GiB. Default 64 MiB. */
  readonly memoryBytes?: number
}

export type StoreKeySource =
  /** A file made by {@link createKeyFile}, readable by its owner only. */
  | { readonly keyFile: string }
  /** Name of an environment variable with 32 bytes in base64url without padding. */
  | { readonly environmentVariable: string }
  /** 32 bytes of full entropy. Copied. */
  | { readonly keyBytes: Uint8Array }
  /** Anything a person can remember. The cost applies when a key is set; the store keeps it. */
  | { readonly passphrase: string; readonly cost?: PassphraseCost }

/** Raw key material of a source, before it is stretched. */
export type KeyMaterial =
  | { readonly kind: 'key'; readonly keyBytes: Uint8Array }
  | { readonly kind: 'passphrase'; readonly passphrase: Uint8Array; readonly cost: PassphraseCost }

/** Bits of a file's mode that let others than its owner do something. */
const OTHERS = 0o077

/**
 * Makes a new key file, for its owner only (mode 0600). Never overwrites.
 *
 * @throws {Error} The file system's own, for example `EEXIST`.
 */
export function createKeyFile(path: string): void {
  const text = `${toBase64Url(randomBytes(KEY_BYTES))}\n`
  writeFileSync(path, text, { flag: 'wx', mode: 0o600, flush: true })
}

/**
 * Reads the key material that a source names. Returns copies.
 *
 * @throws {WaxwingError} `ERR_STORE_KEY` if it is missing, not a key, or not kept secret.
 * @throws {RangeError} If `keyBytes` are not 32 bytes.
 */
export function readKeySource(source: StoreKeySource): KeyMaterial {
  if ('keyFile' in source) return { kind: 'key', keyBytes: readKeyFile(source.keyFile) }
  if ('environmentVariable' in source) {
    const name = source.environmentVariable
    const text = process.env[name]
    if (text === undefined) throw storeKeyError(`the environment variable ${name} is not set`)
    return { kind: 'key', keyBytes: parseKey(text, `the environment variable ${name}`) }
  }
  if ('keyBytes' in source) {
    if (source.keyBytes.length !== KEY_BYTES) throw new RangeError('keyBytes must be 32 bytes')
    // Not by slice, which of a Buffer is no copy: what is wiped later would be the caller's.
    return { kind: 'key', keyBytes: Uint8Array.from(source.keyBytes) }
  }
  if (source.passphrase === '') throw storeKeyError('the passphrase is empty')
  // The same words typed on another keyboard are the same bytes (RFC 8265 Section 4.2.1).
  const passphrase = utf8(source.passphrase.normalize('NFC'))
  return { kind: 'passphrase', passphrase, cost: source.cost ?? {} }
}

/** The failure to get at the key of a store. */
export function storeKeyError(message: string, cause?: unknown): WaxwingError {
  return new WaxwingError('ERR_STORE_KEY', message, {}, { cause })
}

function readKeyFile(path: string): Uint8Array {
  let file: number
  try {
    file = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
  } catch (cause) {
    throw storeKeyError(`the key file '${path}' cannot be read`, cause)
  }
  try {
    assertPrivate(file, path)
    return parseKey(readFileSync(file, 'latin1'), `the key file '${path}'`)
  } finally {
    closeSync(file)
  }
}

function assertPrivate(file: number, path: string): void {
  const stats = fstatSync(file)
  if (!stats.isFile() || stats.size > 1024) throw storeKeyError(`'${path}' is not a key file`)
  if (process.platform !== 'win32' && (stats.mode & OTHERS) !== 0) {
    throw storeKeyError(`the key file '${path}' is open to other users: chmod 600 '${path}'`)
  }
}

function parseKey(text: string, what: string): Uint8Array {
  const keyBytes = fromBase64Url(text.trimEnd())
  if (keyBytes?.length === KEY_BYTES) return keyBytes
  throw storeKeyError(`${what} does not hold 32 bytes in base64url`)
}
