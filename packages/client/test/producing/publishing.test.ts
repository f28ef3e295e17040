// SPDX-License-Identifier: Apache-2.0
import { decodeObject } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { openEndpoint, type Endpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import type { Producer } from '../../src/producing/producer.js'
import {
  faultyStore,
  fixedClock,
  manualTimers,
  memoryBroker,
  memoryTransport,
} from '../../src/testing.js'
import { HOUR, START } from '../support/plant.js'

interface Setting {
  readonly endpoint: Endpoint
  readonly producer: Producer
  readonly epochs: number[]
  /** How often an hour passes just after an epoch was recorded. */
  hurries: number
}

async function setting(): Promise<Setting> {
  const clock = fixedClock(START)
  const made = { epochs: [] as number[], hurries: 0 }
  const store = faultyStore(memoryStore(), {
    afterWrite: (_, changes) => {
      if (made.hurries === 0 || !changes.some(({ table }) => table === 'stream')) return
      made.hurries -= 1
      clock.set(clock.now()! + 3 * HOUR)
    },
  })
  const transport = memoryTransport(memoryBroker({ clock }), { clientId: 'plant' })
  const timers = manualTimers(clock)
  const endpoint = await openEndpoint({ store, transport, clock, timers, name: 'plant' })
  const { send } = transport
  transport.send = (address, payload, options) => {
    if (address === 'plant/1') made.epochs.push(decodeObject(payload).epoch)
    return send.call(transport, address, payload, options)
  }
  const producer = await endpoint.producer('plant/1')
  clock.set(START + 3 * HOUR)
  return Object.assign(made, { endpoint, producer })
}

describe('publishing', () => {
  it('waits for the epoch to be recorded, and for the next one if that came meanwhile', async () => {
    const made = await setting()
    made.hurries = 2
    await made.producer.publish('21.5')
    expect(made.hurries).toBe(0)
    expect(made.epochs).toEqual([START / HOUR + 9])
    await made.endpoint.close()
  })

  it('gives up where time runs faster than it can be recorded', async () => {
    const made = await setting()
    made.hurries = 1000
    await expect(made.producer.publish('21.5')).rejects.toMatchObject({ code: 'ERR_NOT_READY' })
    made.hurries = 0
    await made.producer.publish('21.5')
    expect(made.epochs).toHaveLength(1)
    await made.endpoint.close()
  })
})
