// SPDX-License-Identifier: Apache-2.0
/**
 * The record in each store that turns a store key into the data key: the data key, wrapped, and how
 * the store key is made from a passphrase where it is.
 *
 * A checksum tells a damaged record from a wrong key. It needs no key, so it proves nothing against
 * an attacker: the wrapping does.
 *
 * @module
 */

import { createHash, randomBytes } from 'node:crypto'
import sodium from 'sodium-native'
import { WaxwingError, concatBytes, equalBytes, toHex, utf8 } from '@waxwing/core'
import { storeKeyError } from './store-key.js'
import type { KeyMaterial } from './store-key.js'
import { KEY_BYTES, openBytes, sealBytes } from './value-cipher.js'

export interface KeyRecord {
  readonly kdf: 'none' | 'argon2id'
  /** 0 where there is no KDF; else 1 to 16. */
  readonly passCount: number
  /** 0 where there is no KDF; else 8 KiB to 1 GiB. */
  readonly memoryBytes: number
  /** Empty where there is no KDF; else 16 bytes. */
  readonly salt: Uint8Array
  readonly wrappedKey: Uint8Array
  readonly checksum: Uint8Array
}

const SALT_BYTES = 16
const MAX_PASS_COUNT = 16
const MIN_MEMORY_BYTES = 2 ** 13
const MAX_MEMORY_BYTES = 2 ** 30

type Derivation = Pick<KeyRecord, 'kdf' | 'passCount' | 'memoryBytes' | 'salt'>

/**
 * Wraps a data key for key material.
 *
 * @throws {RangeError} If the passphrase's cost is out of range.
 */
export function wrapDataKey(material: KeyMaterial, dataKey: Uint8Array): KeyRecord {
  const derivation = newDerivation(material)
  const storeKey = deriveStoreKey(material, derivation)
  const wrappedKey = sealBytes(storeKey, contextOf(derivation), dataKey)
  storeKey.fill(0)
  return { ...derivation, wrappedKey, checksum: checksumOf(derivation, wrappedKey) }
}

/**
 * Unwraps the data key: 32 new bytes.
 *
 * @throws {WaxwingError} `ERR_STORE_KEY` if the key is not the one that the record was made for.
 */
export function unwrapDataKey(material: KeyMaterial, record: KeyRecord): Uint8Array {
  if ((material.kind === 'passphrase') !== (record.kdf === 'argon2id')) {
    const wanted = record.kdf === 'argon2id' ? 'a passphrase' : 'a key, not with a passphrase'
    throw storeKeyError(`this store is opened with ${wanted}`)
  }
  const storeKey = deriveStoreKey(material, record)
  const dataKey = openBytes(storeKey, contextOf(record), record.wrappedKey)
  storeKey.fill(0)
  if (dataKey?.length === KEY_BYTES) return dataKey
  throw storeKeyError('the store key is wrong')
}

/**
 * Reads the record from its row.
 *
 * @throws {WaxwingError} `ERR_STORE_CORRUPT` if it is damaged, or asks for more work than any
 *   record that this software writes.
 */
export function parseKeyRecord(row: Readonly<Record<string, unknown>> | undefined): KeyRecord {
  const { kdf, passCount, memoryBytes, salt, wrappedKey, checksum } = row ?? {}
  if (
    (kdf === 'none' || kdf === 'argon2id') &&
    typeof passCount === 'number' &&
    typeof memoryBytes === 'number' &&
    salt instanceof Uint8Array &&
    wrappedKey instanceof Uint8Array &&
    checksum instanceof Uint8Array
  ) {
    const record = { kdf, passCount, memoryBytes, salt, wrappedKey, checksum } as const
    if (isSound(record)) return record
  }
  throw new WaxwingError('ERR_STORE_CORRUPT', 'the key record of the store is damaged')
}

function isSound(record: KeyRecord): boolean {
  if (!equalBytes(record.checksum, checksumOf(record, record.wrappedKey))) return false
  return record.kdf === 'none' || (isCost(record) && record.salt.length === SALT_BYTES)
}

function isCost({ passCount, memoryBytes }: Derivation): boolean {
  const isPassCount = Number.isInteger(passCount) && passCount >= 1 && passCount <= MAX_PASS_COUNT
  const isMemory = memoryBytes >= MIN_MEMORY_BYTES && memoryBytes <= MAX_MEMORY_BYTES
  return isPassCount && isMemory && Number.isInteger(memoryBytes)
}

function newDerivation(material: KeyMaterial): Derivation {
  if (material.kind === 'key') {
    return { kdf: 'none', passCount: 0, memoryBytes: 0, salt: new Uint8Array() }
  }
  const { passCount = 3, memoryBytes = 2 ** 26 } = material.cost
  const salt = new Uint8Array(randomBytes(SALT_BYTES))
  const derivation: Derivation = { kdf: 'argon2id', passCount, memoryBytes, salt }
  if (!isCost(derivation)) {
    throw new RangeError('cost must be 1 to 16 passes over 8 KiB to 1 GiB of memory')
  }
  return derivation
}

function deriveStoreKey(material: KeyMaterial, derivation: Derivation): Uint8Array {
  if (material.kind === 'key') return material.keyBytes.slice()
  const { salt, passCount, memoryBytes } = derivation
  const storeKey = new Uint8Array(KEY_BYTES)
  const algorithm = sodium.crypto_pwhash_ALG_ARGON2ID13
  const { passphrase } = material
  sodium.crypto_pwhash(storeKey, passphrase, salt, passCount, memoryBytes, algorithm)
  return storeKey
}

/** What the wrapping authenticates besides the data key. */
function contextOf({ kdf, passCount, memoryBytes, salt }: Derivation): Uint8Array {
  return utf8(`waxwing store key v1 ${kdf} ${passCount} ${memoryBytes} ${toHex(salt)}`)
}

function checksumOf(derivation: Derivation, wrappedKey: Uint8Array): Uint8Array {
  const covered = concatBytes(contextOf(derivation), wrappedKey)
  return new Uint8Array(createHash('sha256').update(covered).digest())
}
