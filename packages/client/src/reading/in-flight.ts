// SPDX-License-Identifier: Apache-2.0
/**
 * A message between its verification and its settlement.
 *
 * @module
 */

import type { Generation } from '../generation.js'
import type { Message, UnprotectedMessage } from '../message.js'
import type { ParkedPlace } from './parked-record.js'
import type { SeenSession } from './seen-session.js'

export type InFlightState =
  /** Held back for order, or waiting in the queue: it can still be withdrawn. */
  | 'waiting'
  /** The application has it. */
  | 'handed-over'
  /** It is not for the application: it is only recorded. */
  | 'unheard'

/**
 * An object that was verified and is not yet settled: handed over, about to be, or being recorded.
 * While it is in flight, other copies of it join it instead of being delivered a second time.
 */
export class InFlight {
  readonly session: SeenSession | undefined
  readonly generation: Generation | undefined
  readonly counter: number
  readonly digest: Uint8Array
  /** `false` where nobody can tell any more whether the counter came before. */
  readonly isRecorded: boolean
  state: InFlightState = 'waiting'
  /** There while the state is `waiting`. */
  message: Message | UnprotectedMessage | undefined
  /** Whether settling it lets one more message be handed over. */
  holdsPermit = false
  /** What tells the transport; one for each copy that came. */
  readonly acknowledgements: (() => Promise<void>)[] = []
  /** Where copies of it are parked. */
  readonly parkedAt: ParkedPlace[] = []
  /** Set while and after it is recorded as seen. */
  settling: Promise<void> | undefined

  constructor(inputs: {
    session: SeenSession | undefined
    generation: Generation | undefined
    counter: number
    digest: Uint8Array
    isRecorded: boolean
  }) {
    this.session = inputs.session
    this.generation = inputs.generation
    this.counter = inputs.counter
    this.digest = inputs.digest
    this.isRecorded = inputs.isRecorded
  }
}
