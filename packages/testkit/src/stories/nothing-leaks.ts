// SPDX-License-Identifier: Apache-2.0
/**
 * What the broker carries holds no plaintext, no key and no stream name (topics and the name patterns
 * of bundles and credentials apart), and nothing of the clear part can be changed.
 *
 * @module
 */

import { expect } from 'vitest'
import { decodeObject, utf8 } from '@waxwing/core'
import { Collector, grantAll, waitForEvent, type World } from './world.js'

const STREAM = 'lab/9/quite-unusual-name'
const PLAINTEXT = 'the quick brown fox 21.5'

export async function nothingLeaks(world: World): Promise<void> {
  const { domain } = await world.domain('lab')
  const plant = await world.device(
    domain,
    'probe',
    { produces: ['lab/#'] },
    { decide: grantAll, announce: true },
  )
  const desk = await world.device(domain, 'desk', {}, { announce: true })
  await world.publishBundle(domain)
  const collector = await Collector.start(desk.endpoint.reader(STREAM))
  const producer = await plant.endpoint.producer(STREAM)
  await producer.publish(PLAINTEXT, { clearPart: utf8('for the router') })
  await collector.until(1)
  await producer.rotate()
  await producer.publish(PLAINTEXT)
  await collector.until(2)

  const keys = plant.endpoint
    .generations()
    .flatMap(({ ring }) => ring.serialize().map(([, , , key]) => key))
  expect(keys.length).toBeGreaterThan(1)
  const needles = [utf8(PLAINTEXT), utf8('quite-unusual-name'), utf8('text/plain'), ...keys]
  const carried = world.net.carried()
  expect(carried.length).toBeGreaterThan(6)
  for (const { payload, address } of carried) {
    for (const needle of needles) {
      expect(contains(payload, needle), `${address} carries what it must not`).toBe(false)
    }
  }
  expect(collector.messages[0]?.clearPart).toEqual(utf8('for the router'))
  await changeClearPart(world, producer.seal('x', { clearPart: utf8('abc') }))
  await waitForEvent(desk.events, 'not-authentic')
}

async function changeClearPart(world: World, object: Uint8Array): Promise<void> {
  const { clearPart } = decodeObject(object)
  expect(clearPart).toEqual(utf8('abc'))
  const changed = object.slice()
  const at = indexOf(changed, utf8('abc'))
  changed[at] = 0x58
  const broker = await world.net.transport('mallory')
  await broker.send(STREAM, changed)
}

function contains(haystack: Uint8Array, needle: Uint8Array): boolean {
  return indexOf(haystack, needle) !== -1
}

function indexOf(haystack: Uint8Array, needle: Uint8Array): number {
  return Buffer.from(haystack.buffer, haystack.byteOffset, haystack.length).indexOf(needle)
}
