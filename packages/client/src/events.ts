// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that an endpoint or reader tells its application besides messages. Nothing that is
 * refused, parked, granted or lost goes unsaid.
 *
 * @module
 */

import type {
  DenialCode,
  ErrorCode,
  PieceConflict,
  Rights,
  Span,
  WaxwingError,
} from '@waxwing/core'

/** What names one object, as far as it is known. */
export interface ObjectFacts {
  readonly address: string
  /** The kid in hex; absent where the bytes are no object. */
  readonly kid?: string
  readonly epoch?: number
  /** The session in hex. */
  readonly session?: string
  readonly counter?: number
}

export interface StreamFacts extends ObjectFacts {
  readonly stream: string
}

/** Counters of one session, both included. */
export interface CounterRange {
  readonly first: number
  readonly last: number
}

/** What is said of something missing, where there is a harmless explanation too. */
export interface AfterRetained {
  /**
   * Until now only retained messages of the generation came: what is missing may as well have been
   * sent before the reader subscribed. The transport's word, unverified.
   */
  readonly afterRetained?: true
}

export type ReaderEvent =
  /** Counters were skipped: their objects are lost, late or withheld. */
  | ({ readonly type: 'gap'; readonly missing: CounterRange } & AfterRetained & StreamFacts)
  /**
   * Whole sessions were skipped that are too long ago for their names to be known. Objects: in them
   * and at the end of the one before, as far as the producer counted, if that can be told.
   */
  | ({
      readonly type: 'sessions-missing'
      readonly sessionCount: number
      readonly objectCount: number | undefined
    } & AfterRetained &
      StreamFacts)
  /** A counter that was reported missing came after all. */
  | ({ readonly type: 'gap-filled' } & StreamFacts)
  /** Verified before, or a piece that is there: a replay or a redelivery, nobody can tell. */
  | ({ readonly type: 'duplicate' } & StreamFacts)
  /** Two different objects, both authentic, at one position: evidence against the producer. */
  | ({ readonly type: 'conflict'; readonly object: Uint8Array } & StreamFacts)
  /** Authentic, but arrived where its stream does not belong. */
  | ({ readonly type: 'moved' } & StreamFacts)
  /** Authentic, but older than the reader accepts, or of unknown age. */
  | ({ readonly type: 'stale'; readonly ageMs: number | undefined } & StreamFacts)
  /** Authentic, but does not count: revoked, expired, closed, unsigned. */
  | ({ readonly type: 'refused'; readonly code: ErrorCode } & StreamFacts)
  /** No key opens it: changed on the way, or forged. */
  | ({ readonly type: 'not-authentic' } & ObjectFacts)
  /** No object at all, or of a version that is not known. */
  | ({
      readonly type: 'malformed'
      readonly code: ErrorCode
      readonly byteCount: number
    } & ObjectFacts)
  /** Pieces of a payload came, and it was given up: not all came in time, or there was no room. */
  | {
      readonly type: 'transfer-incomplete'
      readonly stream: string
      /** In hex. */
      readonly transfer: string
      /** Indices of pieces; of those beyond the highest that came if it is known that they exist. */
      readonly missing: readonly CounterRange[]
      /** Pieces in all, if that is known. */
      readonly pieceCount: number | undefined
      readonly reason: 'quota' | 'expired'
    }
  /**
   * An authentic piece contradicts others of its payload, in its end, the length of pieces, the size of
   * all or its content: evidence against the producer. What is not complete is given up.
   */
  | ({
      readonly type: 'transfer-conflict'
      readonly transfer: string
      readonly rule: PieceConflict | 'content'
      readonly object: Uint8Array
    } & StreamFacts)
  /**
   * Properties of these names stand in the clear part, and the transport delivered them with other values:
   * somebody on the way changed them. The message comes with those of the clear part.
   */
  | ({ readonly type: 'properties-changed'; readonly names: readonly string[] } & StreamFacts)
  | ({ readonly type: 'parked'; readonly pool: Pool } & ObjectFacts)
  /** A quota was full, and a parked object was given up. */
  | ({
      readonly type: 'evicted'
      readonly pool: Pool
      readonly reason: EvictionReason
    } & ObjectFacts)
  /** A grant came and the parked objects that it opens are handed over. */
  | { readonly type: 'drained'; readonly kid: string; readonly count: number }
  /** Two producers that nobody revoked use one stream name. */
  | { readonly type: 'two-writers'; readonly stream: string; readonly producers: readonly string[] }

export type Pool = 'unvouched' | 'awaiting' | 'failed'
export type EvictionReason = 'quota' | 'denied' | 'expired'

export type ControlEvent =
  /** Somebody asks and no rule decides: a person is wanted. */
  | {
      readonly type: 'request'
      readonly requestId: string
      readonly principal: string
      readonly name: string
      readonly stream: string
      readonly spans: readonly Span[]
      readonly reason?: string | undefined
    }
  /** We granted. */
  | {
      readonly type: 'granted'
      readonly principal: string
      readonly stream: string
      readonly span: Span
      readonly rights: Rights
    }
  /** We denied. */
  | {
      readonly type: 'denied'
      readonly principal: string
      readonly stream: string
      readonly code: DenialCode
    }
  /** We were granted. */
  | {
      readonly type: 'grant'
      readonly stream: string
      readonly kid: string
      readonly span: Span
      readonly rights: Rights
      readonly grantedBy: readonly string[]
    }
  /** We were denied. */
  | {
      readonly type: 'denial'
      readonly kid: string
      readonly code: DenialCode
      readonly retrySeconds: number
    }
  /** We asked. */
  | {
      readonly type: 'requested'
      readonly kid: string
      readonly spans: readonly Span[]
      readonly sealed: boolean
    }
  /** The nodes of a grant contradict what an object proved: evidence against who handed them out. */
  | { readonly type: 'wrong-nodes'; readonly stream: string; readonly grantIds: readonly string[] }
  /**
   * More differing nodes came for some epochs than are kept: those of these grants found no place, or
   * lost it. Some of all that came are wrong. What was asked for and not found is asked for again.
   */
  | {
      readonly type: 'crowded-nodes'
      readonly stream: string
      readonly grantIds: readonly string[]
    }
  | {
      readonly type: 'rotated'
      readonly stream: string
      readonly kid: string
      readonly reason: RotationReason
    }
  | { readonly type: 'revoked'; readonly principal: string; readonly stream: string | null }
  | { readonly type: 'ack'; readonly principal: string }
  /** A revocation or a share grant was not acknowledged in time. */
  | { readonly type: 'no-ack'; readonly principal: string; readonly about: 'revocation' | 'share' }
  | { readonly type: 'trust'; readonly domain: string; readonly version: number }
  /** A control message was refused. */
  | {
      readonly type: 'control-refused'
      readonly code: ErrorCode
      readonly rule?: string | undefined
      readonly address: string
    }
  /** More control messages came than can be looked at; some were dropped. */
  | { readonly type: 'overload'; readonly dropped: number }
  /** The clock moved in a way that matters. */
  | { readonly type: 'clock'; readonly change: 'back' | 'ahead' | 'unknown' }
  | { readonly type: 'error'; readonly error: WaxwingError }

export type RotationReason =
  'revocation' | 'demand' | 'suspicion' | 'state-loss' | 'clock' | 'key-worn'

export type WaxwingEvent = ReaderEvent | ControlEvent
export type EventListener<E> = (event: E) => void
