// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { memoryStore, openEndpoint } from '@waxwing/client'
import { decodeObject, toHex } from '@waxwing/core'
import { Wire } from '../../src/crashes/wire.ts'

/** Objects of one generation: two of an epoch and one of a later. */
async function sealed(): Promise<{ first: Uint8Array; second: Uint8Array; later: Uint8Array }> {
  let nowMs = Date.UTC(2030, 0, 1)
  const clock = { now: () => nowMs, monotonic: () => performance.now() }
  const plant = await openEndpoint({ store: memoryStore(), clock, name: 'plant' })
  const producer = await plant.producer('plant/1', { epochSeconds: 60 })
  const [first, second] = [producer.seal('one'), producer.seal('two')]
  nowMs += 3_600_000
  await producer.ready()
  const later = producer.seal('three')
  await plant.close()
  return { first, second, later }
}

/** The same place, with other bytes behind the header. */
function another(object: Uint8Array): Uint8Array {
  const changed = object.slice()
  changed[changed.length - 1]! ^= 1
  return changed
}

describe('what a witness without keys sees of all that was sent', () => {
  it('is in order where nonces and epochs are, and tells what was sent again', async () => {
    const { first, second, later } = await sealed()
    const wire = new Wire()
    for (const object of [first, second, second, later]) wire.take(object)
    expect(wire).toMatchObject({ problems: [], repeated: 1, generations: 1 })
    expect(wire.carried.size).toBe(3)
    const { kid, session, counter } = decodeObject(second)
    expect([...wire.carried][1]).toBe(`${toHex(kid)}/${toHex(session)}/${counter}`)
  })

  it('tells of two objects with one nonce', async () => {
    const { first } = await sealed()
    const wire = new Wire()
    wire.take(first)
    wire.take(another(first))
    expect(wire.problems.join()).toContain('two objects have one nonce')
    expect(wire.carried.size).toBe(1)
  })

  it('tells of an epoch that goes back within a generation, and only there', async () => {
    const { second, later } = await sealed()
    const { first: foreign } = await sealed()
    const wire = new Wire()
    wire.take(later)
    wire.take(foreign)
    expect(wire.problems).toEqual([])
    wire.take(second)
    expect(wire.problems.join()).toMatch(/epoch \d+ after \d+/)
  })
})
