// SPDX-License-Identifier: Apache-2.0
/**
 * What a bridge tells: what it counts, and what happens that somebody may have to act on.
 *
 * @module
 */

import type { Kind } from './frame.js'
import type { Side } from './passed.js'

/** Messages of one kind in one direction, since the bridge was made. */
export interface FlowCounters {
  /** Taken by the target. */
  readonly messages: number
  /** Their payloads, in bytes. */
  readonly bytes: number
  /** Being sent now. */
  readonly inFlight: number
  /** Waiting for their turn now. */
  readonly waiting: number
  /** Known to be on the other side, and so acknowledged and not sent. */
  readonly duplicates: number
  /** Not of Waxwing's form, and so not sent. */
  readonly foreign: number
  /** Refused by the target for good. */
  readonly refused: number
  /** Sends that failed and were made again. */
  readonly retries: number
}

export type DirectionCounters = Readonly<Record<Kind, FlowCounters>>

export interface BridgeCounters {
  /** From the first side to the second. */
  readonly there: DirectionCounters
  /** From the second side to the first. */
  readonly back: DirectionCounters
  /** How often the connection of a side came back. */
  readonly reconnects: Readonly<Record<Side, number>>
}

/** What a message was that did not cross. */
export interface Stopped {
  readonly kind: Kind
  /** The side that it came from. */
  readonly side: Side
  /** Where it came from. Untrusted. */
  readonly address: string
  readonly byteCount: number
  readonly error: unknown
}

/**
 * What became of a message that cannot cross: the source put it where it keeps such messages, it was
 * written to the dead letters, or it was acknowledged and is gone.
 */
export type Resort = 'rejected' | 'dead-letter' | 'dropped'

export type BridgeEvent =
  /** The target will never take the message. */
  | ({ readonly type: 'refused'; readonly resort: Resort } & Stopped)
  /** The payload is neither object nor control message. It is never written to the dead letters. */
  | ({ readonly type: 'foreign'; readonly resort: Resort } & Stopped)
  /** A send failed, and is made again. */
  | ({ readonly type: 'retry'; readonly afterMs: number } & Stopped)
  /** Both sides keep different messages for one address, and go on doing so until one is replaced. */
  | { readonly type: 'different'; readonly address: string }
  | {
      readonly type: 'connection'
      readonly side: Side
      readonly state: 'connected' | 'disconnected'
    }
  /** Something failed that concerns no one message. */
  | { readonly type: 'error'; readonly side: Side; readonly error: unknown }
