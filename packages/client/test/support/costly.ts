// SPDX-License-Identifier: Apache-2.0
/**
 * Members of a town who reach each other over a medium where bytes cost and answers take their time.
 *
 * @module
 */

import { isSealedMessage } from '@waxwing/core'
import type { AdmissionTerms } from '../../src/domain/admitting.js'
import { memoryStore, type MemoryStore } from '../../src/memory-store.js'
import type { EndpointOptions } from '../../src/options.js'
import { memoryTransport, type MemoryTransportOptions } from '../../src/testing.js'
import type { Resident, Town } from './town.js'

/** What one SMS carries of a longer message, with a reference of 8 bits. */
const SMS_BYTES = 134
const ANSWER_SECONDS = 60

function smsCount(payload: Uint8Array): number {
  return Math.ceil(payload.length / SMS_BYTES)
}

export type Phone = MemoryTransportOptions & { readonly options?: Partial<EndpointOptions> }

/** A member with a card of X25519 alone, over a costly medium unless it says otherwise. */
export async function phone(
  town: Town,
  name: string,
  terms: AdmissionTerms = {},
  { options, ...medium }: Phone = {},
): Promise<Resident> {
  const resident = await openPhone(town, name, memoryStore(), { ...medium, options: options ?? {} })
  await town.admit(resident, terms)
  return resident
}

/** Opens what a store holds, over a costly medium. */
export function openPhone(
  town: Town,
  name: string,
  store: MemoryStore,
  { options, ...medium }: Phone = {},
): Promise<Resident> {
  const clientId = `${name} ${Math.random()}`
  const limits = { costly: true, answerSeconds: ANSWER_SECONDS } as const
  const transport = memoryTransport(town.broker, { clientId, ...limits, ...medium })
  return town.open(name, store, { kems: ['x25519'], transport, ...options })
}

export interface Sent {
  readonly address: string
  readonly bytes: number
  readonly sms: number
  readonly isSealed: boolean
}

/** The control messages that were carried since a number of them were. */
export function controlMessages(town: Town, since = 0): readonly Sent[] {
  return town.broker.carried
    .slice(since)
    .filter(({ address }) => address.startsWith('waxwing/'))
    .map(({ address, payload }) => ({
      address,
      bytes: payload.length,
      sms: smsCount(payload),
      isSealed: isSealedMessage(payload),
    }))
}
