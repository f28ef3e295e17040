// SPDX-License-Identifier: Apache-2.0
/** Transports over one broker in memory, closed when the test ends. */

import { expect, onTestFinished, vi } from 'vitest'
import type { Transport, WaxwingError } from '@waxwing/core'
import type { CoapTransport, CoapTransportOptions } from '@waxwing/coap'
import { MemoryBroker } from './memory-broker.js'
import { IMPATIENT, Opened } from './opened.js'

export interface BrokerStage {
  readonly broker: MemoryBroker
  readonly opened: Opened
  readonly open: (options?: Partial<CoapTransportOptions>) => CoapTransport
}

export function stageBroker(broker: MemoryBroker = new MemoryBroker()): BrokerStage {
  const opened = new Opened()
  return {
    broker,
    opened,
    open(options) {
      const network = broker.handler
      const transport = opened.open({ url: 'coap://127.0.0.1', network, ...IMPATIENT, ...options })
      onTestFinished(() => transport.close())
      return transport
    },
  }
}

/** The paths of the slots of an address. */
export function slotsOf(broker: MemoryBroker, address: string): readonly string[] {
  return broker.paths.filter((path) => path.startsWith(`/${address}/~/`)).toSorted()
}

/** Collects the failures that a transport reports. */
export function errorsOf(transport: Transport): unknown[] {
  const errors: unknown[] = []
  transport.onStatus((status) => {
    if (status.state === 'error') errors.push(status.error)
  })
  return errors
}

/** Asserts that a call is refused with this code. */
export async function expectCode(
  call: Promise<unknown>,
  code: WaxwingError['code'],
): Promise<void> {
  await expect(call).rejects.toMatchObject({ name: 'WaxwingError', code })
}

/** Waits until something holds. */
export async function eventually(holds: () => boolean): Promise<void> {
  await vi.waitUntil(holds, { timeout: 30_000, interval: 5 })
}
