// SPDX-License-Identifier: Apache-2.0
/**
 * How parked objects stand in the store: in table `parked`, under reader, kid and number in order of
 * arrival, what is known of the object; in table `parked-object`, under reader, kid and fingerprint,
 * that number and the object itself. So the parked objects of a kid can be walked in order without
 * reading them, and one that is parked already is found at once.
 *
 * @module
 */

import {
  ArrayFields,
  concatBytes,
  fromHex,
  malformed,
  toHex,
  utf8,
  WaxwingError,
  type CborKey,
  type CborValue,
  type CryptoProvider,
  type DecodedObject,
} from '@waxwing/core'
import type { ObjectFacts, Pool } from '../events.js'
import type { RecordCodec } from '../table.js'

export const PARKED_TABLE = 'parked'
export const PARKED_OBJECT_TABLE = 'parked-object'

const POOLS: readonly Pool[] = ['unvouched', 'awaiting', 'failed']
const FINGERPRINT_BYTES = 16
const NUMBER_DIGITS = 12
const NUMBER_BYTES = 6

export interface ParkedRecord {
  readonly pool: Pool
  readonly epoch: number
  /** In hex. */
  readonly session: string
  readonly counter: number
  /** Where it arrived; `null` where a caller gave none. */
  readonly address: string | null
  readonly properties: Readonly<Record<string, string>>
  readonly retained: boolean
  readonly redelivered: boolean
  /** Whether it was handed over, or about to be, before. */
  readonly wasTried: boolean
  readonly byteCount: number
  /** When it was parked, in milliseconds since 1970. */
  readonly parkedMs: number
  /** In hex. */
  readonly fingerprint: string
}

/** Where one object is parked. */
export interface ParkedPlace {
  /** In hex. */
  readonly kid: string
  /** In order of arrival. */
  readonly number: number
  /** In hex. */
  readonly fingerprint: string
}

export const parkedCodec: RecordCodec<ParkedRecord> = {
  toCbor: (record) => [
    POOLS.indexOf(record.pool),
    record.epoch,
    fromHex(record.session),
    record.counter,
    record.address,
    new Map(Object.entries(record.properties)),
    record.retained,
    record.redelivered,
    record.wasTried,
    record.byteCount,
    record.parkedMs,
    fromHex(record.fingerprint),
  ],
  fromCbor(value: CborValue): ParkedRecord {
    const list = new ArrayFields('parked', value, 12)
    return {
      pool: POOLS[list.uint(0, 'pool')] ?? 'unvouched',
      epoch: list.uint(1, 'epoch'),
      session: toHex(list.bytes(2, 'session')),
      counter: list.uint(3, 'counter'),
      address: list.textOrNull(4, 'address'),
      properties: textsFromCbor(list.map(5, 'properties')),
      retained: list.bool(6, 'retained'),
      redelivered: list.bool(7, 'redelivered'),
      wasTried: list.bool(8, 'tried'),
      byteCount: list.uint(9, 'size'),
      parkedMs: list.uint(10, 'time'),
      fingerprint: toHex(list.bytes(11, 'fingerprint', { length: FINGERPRINT_BYTES })),
    }
  },
}

function textsFromCbor(map: ReadonlyMap<CborKey, CborValue>): Record<string, string> {
  const entries = [...map].filter((entry): entry is [string, string] => {
    return entry.every((text) => typeof text === 'string')
  })
  if (entries.length !== map.size) throw malformed('parked', 'properties')
  return Object.fromEntries(entries)
}

/**
 * Tells parked objects apart: by their bytes, signature included, and by where they arrived. What an
 * intermediary changed or moved thus never stands in for the real one.
 */
export function fingerprintOf(
  crypto: Pick<CryptoProvider, 'sha256'>,
  { object, address }: { object: Pick<DecodedObject, 'bytes'>; address?: string | undefined },
): string {
  const where = utf8(address === undefined ? '\0' : `${address}\0`)
  return toHex(crypto.sha256(concatBytes(where, object.bytes)).subarray(0, FINGERPRINT_BYTES))
}

export function factsOfRecord(kid: string, record: ParkedRecord): ObjectFacts {
  const { epoch, session, counter, address } = record
  return { address: address ?? '', kid, epoch, session, counter }
}

/** The key in table `parked`. */
export function recordKey(readerKey: string, kid: string, number: number): string {
  return `${readerKey}/${kid}/${number.toString(16).padStart(NUMBER_DIGITS, '0')}`
}

/** The inverse of {@link recordKey}, for keys that were written with it. */
export function placeOfKey(key: string): { kid: string; number: number } {
  const [, kid = '', digits = ''] = key.split('/')
  return { kid, number: Number.parseInt(digits, 16) }
}

/** The key in table `parked-object`. */
export function objectKey(readerKey: string, kid: string, fingerprint: string): string {
  return `${readerKey}/${kid}/${fingerprint}`
}

/** The value in table `parked-object`. */
export function encodeParkedObject(number: number, object: Uint8Array): Uint8Array {
  const head = fromHex(number.toString(16).padStart(NUMBER_DIGITS, '0'))
  return concatBytes(head, object)
}

/** @throws {WaxwingError} `ERR_STORE_CORRUPT` if it is cut short. */
export function decodeParkedObject(value: Uint8Array): { number: number; object: Uint8Array } {
  if (value.length <= NUMBER_BYTES) {
    throw new WaxwingError('ERR_STORE_CORRUPT', 'a parked object is cut short')
  }
  const number = Number.parseInt(toHex(value.subarray(0, NUMBER_BYTES)), 16)
  return { number, object: value.subarray(NUMBER_BYTES) }
}
