// SPDX-License-Identifier: Apache-2.0
/**
 * An object on its way through a reader: from the transport, out of the parked ones, or from a caller.
 *
 * @module
 */

import { toHex, type DecodedObject, type Received } from '@waxwing/core'
import type { ObjectFacts, StreamFacts } from '../events.js'
import type { ParkedPlace } from './parked-record.js'

/**
 * Tells the transport that an object is safe here; with a reason, that nobody here can ever use it, so that
 * it is set aside where the transport has a place for that (`docs/spec/09-bindings.md` Section 9.1).
 */
export type Tell = (rejectedFor?: string) => Promise<void>

export interface Arrival {
  readonly object: DecodedObject
  /** In hex. */
  readonly kid: string
  /** Where it arrived; `undefined` where a caller gave none. Unverified. */
  readonly address: string | undefined
  /** The transport's own properties. Unverified. */
  readonly properties: Readonly<Record<string, string>>
  readonly retained: boolean
  readonly redelivered: boolean
  readonly acknowledge: Tell | undefined
  /** As the transport brought it; `undefined` where none did. */
  readonly received: Pick<Received, 'isLost'> | undefined
  /** Where it is parked. */
  readonly parkedAt: ParkedPlace | undefined
}

export const NO_PROPERTIES: Readonly<Record<string, string>> = Object.freeze({})

export function tellOf(received: Received): Tell {
  return (rejectedFor) =>
    rejectedFor === undefined || received.reject === undefined
      ? received.acknowledge()
      : received.reject(rejectedFor)
}

/** What names the object in events. */
export function factsOf({ object, kid, address }: Arrival): Required<ObjectFacts> {
  const { epoch, session, counter } = object
  return { address: address ?? '', kid, epoch, session: toHex(session), counter }
}

export function streamFactsOf(
  arrival: Arrival,
  stream: string,
): StreamFacts & Required<ObjectFacts> {
  return { ...factsOf(arrival), stream }
}
