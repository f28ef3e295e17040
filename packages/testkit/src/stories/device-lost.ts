// SPDX-License-Identifier: Apache-2.0
/**
 * Story 7: a device is lost with its disk. Its history stays readable to those whom the owner grants
 * it, and a replacement carries on under the same name.
 *
 * @module
 */

import { expect } from 'vitest'
import type { WaxwingEvent } from '@waxwing/client'
import { fromBase64Url } from '@waxwing/core'
import { Collector, grantAll, settle, waitFor, waitForEvent, type World } from './world.js'

const STREAM = 'ship/7/position'

export async function deviceLost(world: World): Promise<void> {
  const { domain, recoveryStore } = await world.domain('ship')
  const lost = await world.device(domain, 'gps', { produces: ['ship/7/#'] })
  const desk = await world.device(domain, 'desk', {}, { announce: true })
  const collector = await Collector.start(desk.endpoint.reader(STREAM))
  const producer = await lost.endpoint.producer(STREAM)
  const from = new Date(world.clock.now() - 60_000)
  await producer.publish('59.9N 10.7E')
  await producer.publish('59.8N 10.6E')
  await waitForEvent(desk.events, 'parked')
  await lost.endpoint.close()
  await domain.revoke(fromBase64Url(lost.endpoint.id) ?? new Uint8Array())

  // The owner brings the recovery principal on line: what it was granted waits in the broker.
  const recovery = await world.open('recovery', recoveryStore)
  await recovery.endpoint.parts.trustBook.accept(domain.bundle)
  await waitForEvent(recovery.events, 'grant')
  await waitFor(
    () => recovery.endpoint.parts.trustBook.cardOf(idOf(desk.endpoint.id)) !== undefined,
    'the card of the desk',
  )
  await recovery.endpoint.grant(STREAM, 'desk', { from })
  await collector.until(2)
  expect(collector.texts).toEqual(['59.9N 10.7E', '59.8N 10.6E'])
  const [first] = collector.messages
  expect(first?.protection.grantedBy).toHaveLength(2)

  // A replacement is a new principal that may produce the same name.
  await world.publishBundle(domain)
  const fresh = await world.device(
    domain,
    'gps-2',
    { produces: ['ship/7/#'] },
    { decide: grantAll },
  )
  await waitFor(() => desk.events.some(isRevoked), 'the newer bundle')
  const replacement = await fresh.endpoint.producer(STREAM)
  await replacement.publish('59.7N 10.5E')
  await collector.until(3)
  await settle()
  expect(collector.texts).toEqual(['59.9N 10.7E', '59.8N 10.6E', '59.7N 10.5E'])
  expect(collector.messages[2]?.protection.signedBy?.name).toBe('gps-2')
  expect(desk.events.some(({ type }) => type === 'two-writers')).toBe(false)
}

/** The bundle after that with which the domain began: the lost device is revoked in it. */
function isRevoked(event: WaxwingEvent): boolean {
  return event.type === 'trust' && event.version === 2
}

function idOf(text: string): Uint8Array {
  return fromBase64Url(text) ?? new Uint8Array()
}
