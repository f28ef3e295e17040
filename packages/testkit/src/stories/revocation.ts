// SPDX-License-Identifier: Apache-2.0
/**
 * Story 2: a reader is revoked. It keeps what it already had; it opens nothing sealed after the
 * producer learned of it. Everyone else goes on without a person.
 *
 * @module
 */

import { fromBase64Url } from '@waxwing/core'
import { expect } from 'vitest'
import { Collector, grantAll, settle, waitForEvent, type World } from './world.js'

const STREAM = 'plant/1/pressure'

export async function revocation(world: World): Promise<void> {
  const { domain } = await world.domain('plant')
  const plant = await world.device(domain, 'gauge', { produces: ['plant/#'] }, { decide: grantAll })
  const desk = await world.device(domain, 'desk')
  const contractor = await world.device(domain, 'contractor')

  const deskReads = await Collector.start(desk.endpoint.reader(STREAM))
  const contractorReads = await Collector.start(contractor.endpoint.reader(STREAM))
  const producer = await plant.endpoint.producer(STREAM)
  await producer.publish('one')
  await deskReads.until(1)
  await contractorReads.until(1)

  await producer.revoke('contractor')
  await waitForEvent(plant.events, 'rotated')
  await producer.publish('two')
  await deskReads.until(2)
  const denial = await waitForEvent(contractor.events, 'denial')
  expect(denial.code).toBe('not-authorized')
  await settle()
  expect(deskReads.texts).toEqual(['one', 'two'])
  expect(contractorReads.texts).toEqual(['one'])

  // The anchor's word works as well, for all streams of the domain, through the bundle.
  const second = await world.device(
    domain,
    'gauge-2',
    { produces: ['plant/#'] },
    { decide: grantAll },
  )
  const other = await second.endpoint.producer('plant/2/pressure')
  const otherReads = await Collector.start(desk.endpoint.reader('plant/2/pressure'))
  await other.publish('four')
  await otherReads.until(1)
  await domain.revoke(domainMember(desk.endpoint.id))
  await world.publishBundle(domain)
  await waitForEvent(second.events, 'rotated')
  await other.publish('five')
  await settle()
  expect(otherReads.texts).toEqual(['four'])
}

function domainMember(id: string): Uint8Array {
  return fromBase64Url(id) ?? new Uint8Array()
}
