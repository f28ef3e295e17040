// SPDX-License-Identifier: Apache-2.0
/**
 * What the application chooses, with its defaults.
 *
 * @module
 */

import type {
  Clock,
  ContentAlgorithm,
  CounterMode,
  CryptoProvider,
  DenialCode,
  HistoryMode,
  KemKind,
  Rights,
  SignatureMode,
  Span,
  Store,
  Transport,
} from '@waxwing/core'
import type { WaxwingEvent } from './events.js'
import type { Timers } from './timers.js'

/** What a grant gives. Nothing named: from now on, without end. */
export interface GrantTerms {
  /** The first instant that may be read; its whole epoch is granted. Default: now. */
  readonly from?: Date
  /** The last instant that may be read. Default: no end, or the end of the lease. */
  readonly until?: Date
  /**
   * The grant ends so many seconds from now, up to 100 years, and is renewed on request while it
   * stands.
   */
  readonly leaseSeconds?: number
  /** Default `read`. */
  readonly rights?: Rights
  /** For `share`: how many further links may follow, 1 to 3. Default: as many as possible. */
  readonly depth?: number
}

/** A verified request, waiting for a decision. */
export interface IncomingRequest {
  readonly requestId: string
  readonly principal: {
    readonly id: string
    readonly name: string
    readonly domain: string | null
    readonly unit: string | undefined
    readonly roles: readonly string[]
    readonly attributes: ReadonlyMap<string, string>
  }
  readonly stream: string
  readonly kid: string
  readonly spans: readonly Span[]
  readonly rights: Rights
  readonly reason: string | undefined
  /** Grants by these terms, and again by the same whenever the principal asks for this stream. */
  grant(terms?: GrantTerms): Decision
  deny(code?: DenialCode, retrySeconds?: number): Decision
}

export type Decision =
  | { readonly kind: 'grant'; readonly terms: GrantTerms }
  | { readonly kind: 'deny'; readonly code: DenialCode; readonly retrySeconds: number }

/** Decides a request. `undefined`: a person will, by `endpoint.requests()`. */
export type Decide = (
  request: IncomingRequest,
) => Decision | undefined | Promise<Decision | undefined>

export interface EndpointOptions {
  readonly store: Store
  /** Without one, bytes go in and out by `seal`, `open` and `receive`. */
  readonly transport?: Transport
  /** Default: the fastest provider that can be loaded: sodium, node, else pure. */
  readonly crypto?: CryptoProvider
  readonly clock?: Clock
  readonly timers?: Timers
  /** What this principal calls itself when its identity is first made. Default `unnamed`. */
  readonly name?: string
  /** Decides the requests that no rule and no earlier grant decides. Default: a person does. */
  readonly decide?: Decide
  /** Never send a request unsealed, although it may then reach nobody. Default `false`. */
  readonly sealedRequestsOnly?: boolean
  /** Publish the own credential and key card, so that others can grant unasked. Default `false`. */
  readonly announce?: boolean
  /**
   * Only act, and leave answering to another process on the same store: nothing of the own inbox is
   * subscribed to. Default `false`.
   */
  readonly passive?: boolean
  /** Told every event from the very start; the same as `endpoint.on('event', …)` later. */
  readonly onEvent?: (event: WaxwingEvent) => void
  /** Days a key card lives. Default 30. */
  readonly cardDays?: number
  /**
   * What the own key cards have keys for. Default: X25519 and X-Wing for a new identity, and whatever its
   * card has for one that is there. With `['x25519']` whatever is sealed to this principal is 1,088 bytes
   * shorter, and its card 1,230: for media where each byte costs. **Then a quantum computer of the future
   * opens the grants that were recorded on the way.** Where the domain demands X-Wing, nothing is granted.
   */
  readonly kems?: readonly KemKind[]
  /** Distinguishes processes and hosts in session ids; mixed with randomness, pid and time. */
  readonly processHint?: string
}

export interface BatchOptions {
  /** Objects that share a signature, at the most: 1 to 4096. Default 64. */
  readonly objects?: number
  /** How long the first one waits for others: 0 to 1,000 ms. Default 20. */
  readonly waitMs?: number
}

export interface ProducerOptions {
  /** Default `keep`. */
  readonly history?: HistoryMode
  /**
   * Default `each`. With `batch`, a burst of messages shares one signature: much faster, about 200
   * bytes more a message, and each waits a little for others. With `none`, every reader can write as
   * the producer.
   */
  readonly signature?: SignatureMode
  /** How messages are gathered, where the signature is of a batch. */
  readonly batch?: BatchOptions
  /** Default 24, ChaCha20/Poly1305. */
  readonly alg?: ContentAlgorithm
  /** How many bytes of the generation id stand in each object as its kid. Default 8. */
  readonly kidBytes?: 4 | 8
  /**
   * Default `session`. With `durable`, objects carry no session id and are 7 to 9 bytes shorter, for
   * media where that matters: counters are reserved in the store before they are used and go on over
   * restarts. Only over a store that notices when it is put back to an earlier state; then, as after
   * 2^24 objects (2^20 with `alg` 10), a new generation begins. **Two copies of a disk, or of a running
   * machine, seal under the same keys and nonces: what they seal can be read and forged by others.**
   * There is no trail, and there are no wills.
   */
  readonly counterMode?: CounterMode
  /** Default 3600. */
  readonly epochSeconds?: number
  /** Seconds between heartbeats; default none. */
  readonly heartbeatSeconds?: number
  /** Put the time of sealing into every object. Default `true`. */
  readonly timestamps?: boolean
  /** Pad plaintexts up to a multiple of so many bytes. Default none. */
  readonly padToBytes?: number
}

export interface PublishOptions {
  /** Default: the stream's name. */
  readonly address?: string
  readonly contentType?: string
  readonly headers?: ReadonlyMap<string, string>
  /** Readable by everyone on the way, changeable by nobody. */
  readonly clearPart?: Uint8Array
  /**
   * The clear part as named texts, for brokers to route by: at most 64, and 65,535 bytes in all. Where the
   * transport has properties, they are sent a second time as such. Not together with `clearPart`.
   */
  readonly clearProperties?: Readonly<Record<string, string>>
  /** Let the intermediary keep it for late subscribers. Default `false`. */
  readonly retained?: boolean
  readonly expiresAfterSeconds?: number
}

/** How far a transfer got. */
export interface TransferState {
  /** Names the transfer, in hex. */
  readonly transfer: string
  /** Pieces from the first on, without a hole, that the first hop has taken. */
  readonly pieces: number
  /** Their bytes. */
  readonly bytes: number
  /** Bytes of all, where that was said. */
  readonly size: number | undefined
}

/** What is published in pieces. A piece cannot be retained: only the last would be kept. */
export interface TransferOptions extends PublishOptions {
  /** Bytes of all, if they are known: readers learn it with the first piece. */
  readonly size?: number
  /** Length of a piece. Default: what the transport takes at once, at most 1 MiB. */
  readonly pieceBytes?: number
  /** Called each time the first hop has taken more. To throw ends the transfer. */
  readonly onProgress?: (state: TransferState) => void
  /** Stops between two pieces. What is on its way by then may still arrive. */
  readonly signal?: AbortSignal
  /**
   * Names the transfer, or goes on where an earlier run stopped, in whatever process: `from` is the
   * first piece to send, and the source begins at `from × pieceBytes`.
   */
  readonly transfer?: {
    /** 16 bytes, drawn at random for this payload. */
    readonly id: Uint8Array
    /** Default 0. */
    readonly from?: number
    /** As in the earlier run; wanted where `from` is above 0. */
    readonly pieceBytes?: number
  }
}

export type TopicBinding = 'strict' | 'report'

export interface ReaderOptions {
  /** Names the reader's durable state. Default: its filter. */
  readonly name?: string
  /** Refuse what is older, and what does not say when it was sealed. Default: any age. */
  readonly maxAgeMs?: number
  /** `strict`: an object counts only at the address that is its stream's name. Default `strict`. */
  readonly topicBinding?: TopicBinding
  /** Accept streams that any reader could have written. Default `false`. */
  readonly acceptUnsigned?: boolean
  /** Hand over payloads that are no objects, marked `unprotected`. Default `false`. */
  readonly passUnprotected?: boolean
  /** Default `arrival`. With `session`, gaps are waited for. */
  readonly order?: 'arrival' | 'session'
  /** How long `session` order waits. Default 2000. */
  readonly holdMs?: number
  /** What to do where nobody can tell any more whether a counter came before. Default `deliver`. */
  readonly unverifiable?: 'deliver' | 'refuse'
  /** Most messages handed over and not yet acknowledged. Default 64. */
  readonly maxInFlight?: number
  /** Acknowledge when the next message is asked for. Default `false`. */
  readonly autoAcknowledge?: boolean
  /**
   * What becomes of payloads in pieces. `whole`: the pieces are kept until all are there, and one
   * message is handed over. `pieces`: each is a message of its own, with its place in `message.piece`,
   * for payloads that are too large to hold. Default `whole`.
   */
  readonly transfers?: 'whole' | 'pieces'
  /** The largest payload that is put together. Default 16 MiB. */
  readonly maxTransferBytes?: number
  /**
   * What may be kept of all that are incomplete or not acknowledged. An incomplete one goes for more; for
   * what is complete, the transport is held back. Default 64 MiB.
   */
  readonly maxTransfersBytes?: number
  /** Days after which an incomplete payload is given up. Default 7. */
  readonly transferDays?: number
  /** Quotas of parked objects per address and kid. Default 10,000 and 64 MiB. */
  readonly maxParkedObjects?: number
  readonly maxParkedBytes?: number
  /**
   * Hold the transport back when a pool is full, instead of evicting. Default `false`; `true` with
   * `transfers: 'pieces'`, where one piece less is a whole payload less.
   */
  readonly holdWhenFull?: boolean
  /** Why access is wanted: shown to who decides. */
  readonly reason?: string
  /** Ask for keys by itself. Default `true`. */
  readonly request?: boolean
}
