// SPDX-License-Identifier: Apache-2.0
/**
 * Story 6: the broker drops, duplicates, reorders, replays, moves to another topic, truncates or
 * forges. The reader is told exactly what happened.
 *
 * @module
 */

import { expect } from 'vitest'
import { Collector, grantAll, kinds, waitFor, type World } from './world.js'

const STREAM = 'plant/1/level'

export async function hostileBroker(world: World): Promise<void> {
  const { domain } = await world.domain('plant')
  const plant = await world.device(domain, 'tank', { produces: ['plant/#'] }, { decide: grantAll })
  const desk = await world.device(domain, 'desk')
  const reader = desk.endpoint.reader('plant/#')
  const collector = await Collector.start(reader)
  const producer = await plant.endpoint.producer(STREAM)
  await producer.publish('0')
  await collector.until(1)

  const broker = await world.net.transport('mallory')
  const say = async (object: Uint8Array, address = STREAM): Promise<void> => {
    await broker.send(address, object)
  }
  const objects = Array.from({ length: 8 }, (_, i) => producer.seal(`${i + 1}`))
  const [one, two, three, four, five, six, seven, eight] = objects
  if (!one || !two || !three || !four || !five || !six || !seven || !eight) throw new Error('eight')
  const seen = (type: string): number => desk.events.filter((event) => event.type === type).length
  const comes = (type: string, count = 1): Promise<void> =>
    waitFor(() => seen(type) === count, `${count} ${type}; got ${kinds(desk.events)}`)

  // Reordered: two before one. The hole is reported, and reported filled.
  await say(two)
  await comes('gap')
  await say(one)
  await comes('gap-filled')
  // Duplicated, and replayed.
  await say(two)
  await comes('duplicate')
  // Dropped: three never comes.
  await say(four)
  await comes('gap', 2)
  // Truncated: no object any more.
  await say(five.subarray(0, five.length - 10))
  await comes('malformed')
  // Changed: one bit of the ciphertext.
  const changed = six.slice()
  changed[changed.length - 1]! ^= 1
  await say(changed)
  await comes('not-authentic')
  // Forged: an object under this kid by somebody without the key.
  const forged = seven.slice()
  crypto.getRandomValues(forged.subarray(forged.length - 20))
  await say(forged)
  await comes('not-authentic', 2)
  // Moved to another topic: it opens, and is told for what it is.
  await say(seven, 'plant/2/level')
  await comes('moved')
  await say(eight)
  await collector.until(5)
  expect(collector.texts).toEqual(['0', '2', '1', '4', '8'])
}
