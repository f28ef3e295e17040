// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { decodeObject, Trust } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { NO_PROPERTIES, type Arrival } from '../../src/reading/arrival.js'
import { HeldArrivals } from '../../src/reading/held-arrivals.js'
import { makeStream, SessionSealer } from '../support/stream.js'

const sealer = new SessionSealer(makeStream(new Trust({ crypto: sodiumProvider })))
const objects = [0, 1, 2].map((counter) => sealer.seal(counter))

/** An arrival over a connection that may break. */
function arrivalOver(connection: { isGone: boolean }, bytes: Uint8Array, kid = 'kid'): Arrival {
  return {
    object: decodeObject(bytes.slice()),
    kid,
    address: 'plant/1',
    properties: NO_PROPERTIES,
    retained: false,
    redelivered: false,
    acknowledge: undefined,
    received: { isLost: () => connection.isGone },
    parkedAt: undefined,
  }
}

describe('held arrivals', () => {
  it('are as many after any number of connections as one connection brings', () => {
    const held = new HeldArrivals()
    let last: readonly Arrival[] = []
    for (let round = 0; round < 50; round++) {
      const connection = { isGone: false }
      last = objects.map((bytes) => arrivalOver(connection, bytes))
      for (const arrival of last) held.hold(arrival)
      connection.isGone = true
    }
    expect(held.take('kid')).toEqual(last)
    expect(held.has('kid')).toBe(false)
  })

  it('stay where they are of one connection, and two of the same bytes stay two over many', () => {
    const held = new HeldArrivals()
    for (let round = 0; round < 3; round++) {
      const connection = { isGone: false }
      for (const bytes of [objects[0]!, objects[0]!]) held.hold(arrivalOver(connection, bytes))
      connection.isGone = true
    }
    expect(held.take('kid')).toHaveLength(2)
  })

  it('are not replaced by what has the same place and other bytes', () => {
    const held = new HeldArrivals()
    const gone = { isGone: true }
    const forged = objects[0]!.slice()
    forged[forged.length - 1]! ^= 1
    held.hold(arrivalOver(gone, objects[0]!))
    held.hold(arrivalOver({ isGone: false }, forged))
    expect(held.take('kid')).toHaveLength(2)
  })

  it('are taken in the order in which they came first, each kid for itself', () => {
    const held = new HeldArrivals()
    const gone = { isGone: true }
    for (const bytes of objects) held.hold(arrivalOver(gone, bytes))
    held.hold(arrivalOver(gone, objects[1]!, 'other'))
    held.hold(arrivalOver({ isGone: false }, objects[0]!))
    expect(held.kids).toEqual(['kid', 'other'])
    expect(held.take('kid')?.map(({ object }) => object.counter)).toEqual([0, 1, 2])
    held.clear()
    expect(held.take('other')).toBeUndefined()
  })
})
