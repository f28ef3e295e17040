// SPDX-License-Identifier: Apache-2.0
/** Records of a store that say something else than what was written: damage, and nothing else. */

import { concatBytes, decodeCbor, encodeCbor, type CborValue } from '@waxwing/core'
import { beforeEach, describe, expect, it } from 'vitest'
import { memoryStore } from '../../src/memory-store.js'
import { decodeParkedObject, encodeParkedObject } from '../../src/reading/parked-record.js'
import { introduce, Village, type Member } from '../support/domain.js'

const STREAM = 'plant/1/level'
const CORRUPT = { code: 'ERR_STORE_CORRUPT' }

let village: Village
let plant: Member
beforeEach(async () => {
  village = await Village.found()
  plant = await village.member('plant', { produces: ['plant/#'] })
})

/** The plant's store as it was left, with the records of a table changed. */
function damaged(table: string, change: (value: Uint8Array) => Uint8Array): Promise<Member> {
  const { tables } = plant.store.snapshot()
  const records = [...(tables.get(table) ?? [])].map(
    ([key, value]) => [key, change(value)] as const,
  )
  expect(records).not.toEqual([])
  const from = { tables: new Map(tables).set(table, new Map(records)) }
  return village.open(memoryStore({ from }))
}

/** Kind, public key and secret key. */
type KeyRecord = readonly [string, Uint8Array, Uint8Array]

function withLongKey([kind, publicKey, secretKey]: KeyRecord): KeyRecord {
  return [kind, concatBytes(publicKey, Uint8Array.of(1)), secretKey]
}

/** Cuts the byte strings of a record short, and leaves its form as it is. */
function cutShort(value: Uint8Array): Uint8Array {
  return encodeCbor(cut(decodeCbor(value, 'record')))
}

/** What is no more than a key or an id stays whole. */
function cut(value: CborValue): CborValue {
  if (value instanceof Uint8Array) return value.length > 32 ? value.slice(0, -1) : value
  return Array.isArray(value) ? (value as readonly CborValue[]).map(cut) : value
}

describe('a damaged record', () => {
  it.each(['identity', 'bundle'])(
    'of table %s is called one when the store is opened',
    async (table) => {
      await expect(damaged(table, cutShort)).rejects.toMatchObject(CORRUPT)
    },
  )

  it('of our own KEM keys is called one, if one has a wrong length', async () => {
    const lengthened = (value: Uint8Array): Uint8Array => {
      const cards = decodeCbor(value, 'cards') as readonly unknown[]
      if (!Array.isArray(cards[0])) return value // the record of the name and the seed
      const [[card, keys]] = cards as readonly [readonly [Uint8Array, readonly KeyRecord[]]]
      return encodeCbor([[card, keys.map(withLongKey)]])
    }
    await expect(damaged('identity', lengthened)).rejects.toMatchObject(CORRUPT)
  })

  it('of a principal is called one when its card is wanted', async () => {
    const desk = await village.member('desk')
    await introduce(desk, plant)
    const again = await damaged('principal', (value) => {
      const fields = [...(decodeCbor(value, 'principal') as readonly CborValue[])]
      return encodeCbor(fields.with(3, cut(fields[3] ?? null)))
    })
    const { trustBook } = again.endpoint.parts
    expect(() => trustBook.cardOf(desk.endpoint.parts.identity.id)).toThrow(
      expect.objectContaining(CORRUPT),
    )
  })

  it('of a stream is called one, not taken for that of another stream', async () => {
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    const renamed = (value: Uint8Array): Uint8Array => {
      const map = new Map(decodeCbor(value, 'stream') as ReadonlyMap<number, CborValue>)
      return encodeCbor(map.set(1, 'plant/2/level'))
    }
    const again = await damaged('stream', renamed)
    await expect(again.endpoint.producer(STREAM)).rejects.toMatchObject(CORRUPT)
  })

  it('of a request is called one when requests are listed', async () => {
    const object = (await plant.endpoint.producer(STREAM)).seal('1')
    const desk = await village.member('desk')
    const parked = await desk.endpoint.reader('plant/#').open(object)
    if (parked.kind !== 'parked') throw new Error('nothing was granted yet')
    await plant.endpoint.receive(parked.request)
    expect(await plant.endpoint.requests()).toHaveLength(1)
    const shortened = (value: Uint8Array): Uint8Array => {
      const map = new Map(decodeCbor(value, 'request') as ReadonlyMap<number, CborValue>)
      return encodeCbor(map.set(1, cut(map.get(1) ?? null)))
    }
    const listed = damaged('request', shortened).then(({ endpoint }) => endpoint.requests())
    await expect(listed).rejects.toMatchObject(CORRUPT)
  })

  it('of a parked object is called one, wherever it was cut', () => {
    const value = encodeParkedObject(7, Uint8Array.of(1, 2))
    expect(decodeParkedObject(value)).toEqual({ number: 7, object: Uint8Array.of(1, 2) })
    for (let length = 0; length <= 6; length++) {
      const short = value.subarray(0, length)
      expect(() => decodeParkedObject(short)).toThrow(expect.objectContaining(CORRUPT))
    }
  })

  it('of what is said of a parked object is called one, if a property is no text', async () => {
    const desk = await village.member('desk')
    const object = (await plant.endpoint.producer(STREAM)).seal('1')
    await desk.endpoint.reader('plant/#').open(object)
    plant = desk
    const numbered = (value: Uint8Array): Uint8Array => {
      const fields = [...(decodeCbor(value, 'parked') as readonly CborValue[])]
      return encodeCbor(fields.with(5, new Map([['content-type', 7]])))
    }
    const again = await damaged('parked', numbered)
    const reader = again.endpoint.reader('plant/#')
    await expect(reader.parked()).rejects.toMatchObject(CORRUPT)
  })
})
