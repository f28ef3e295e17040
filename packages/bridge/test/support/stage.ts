// SPDX-License-Identifier: Apache-2.0
/**
 * Two brokers in memory with a bridge between them, a device on the near one and a reader on the far one.
 *
 * @module
 */

import { onTestFinished } from 'vitest'
import {
  memoryBroker,
  memoryTransport,
  type MemoryBroker,
  type MemoryBrokerOptions,
  type MemoryTransport,
} from '@waxwing/client/testing'
import { bridge, type Bridge, type BridgeEvent, type BridgeOptions } from '../../src/index.js'
import { numberOf } from './frames.js'

export interface Stage {
  readonly near: MemoryBroker
  readonly far: MemoryBroker
  /** The bridge's own connections, whose sessions the brokers keep. */
  readonly toNear: MemoryTransport
  readonly toFar: MemoryTransport
  readonly device: MemoryTransport
  readonly reader: MemoryTransport
  readonly events: BridgeEvent[]
  run(options: Partial<BridgeOptions>): Promise<Bridge>
}

export function stage(
  options: { near?: MemoryBrokerOptions; far?: MemoryBrokerOptions } = {},
): Stage {
  const [near, far] = [memoryBroker(options.near), memoryBroker(options.far)]
  const toNear = memoryTransport(near, { clientId: 'near side' })
  const toFar = memoryTransport(far, { clientId: 'far side' })
  const [device, reader] = [memoryTransport(near), memoryTransport(far)]
  const events: BridgeEvent[] = []
  onTestFinished(async () => {
    await Promise.all([toNear, toFar, device, reader].map((one) => one.close()))
  })
  const run = async (more: Partial<BridgeOptions>): Promise<Bridge> => {
    const onEvent = (event: BridgeEvent): void => void events.push(event)
    const quick = { settleMs: 5, retryMinMs: 1, retryMaxMs: 5, closeTimeoutMs: 500 }
    const running = await bridge({ from: toNear, to: toFar, maps: [], onEvent, ...quick, ...more })
    onTestFinished(() => running.close())
    return running
  }
  return { near, far, toNear, toFar, device, reader, events, run }
}

export function addressesAt(broker: MemoryBroker): readonly string[] {
  return broker.carried.map(({ address }) => address)
}

/** The numbers of the objects that a broker carried, in order. */
export function numbersAt(broker: MemoryBroker): readonly number[] {
  return broker.carried.map(({ payload }) => numberOf(payload))
}
