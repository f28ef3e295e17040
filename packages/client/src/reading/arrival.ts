// SPDX-License-Identifier: Apache-2.0
/**
 * An object on its way through a reader: from the transport, out of the parked ones, or from a caller.
 *
 * @module
 */

import { toHex, type DecodedObject } from '@waxwing/core'
import type { ObjectFacts, StreamFacts } from '../events.js'
import type { ParkedPlace } from './parked-record.js'

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
  /** Tells the transport that the object is safe here. */
  readonly acknowledge: (() => Promise<void>) | undefined
  /** Where it is parked. */
  readonly parkedAt: ParkedPlace | undefined
}

export const NO_PROPERTIES: Readonly<Record<string, string>> = Object.freeze({})

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
