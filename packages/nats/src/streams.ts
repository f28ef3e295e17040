// SPDX-License-Identifier: Apache-2.0
/**
 * The streams that a transport needs: found, or declared where they are missing, and never changed
 * (`docs/spec/09-bindings.md` Section 9.7.3).
 *
 * @module
 */

import {
  JetStreamApiCodes,
  JetStreamApiError,
  jetstream,
  RetentionPolicy,
  type StreamConfig,
  type StreamInfo,
} from '@nats-io/jetstream'
import { Kvm } from '@nats-io/kv'
import { errors, nanos, type NatsConnection } from '@nats-io/transport-node'
import { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'
import type { JetStreamApi } from './api.js'
import type { Asks } from './asks.js'
import { patternMatches } from './names.js'
import type { ResolvedOptions } from './options.js'

/** One connection with what belongs to it. */
export interface Session {
  readonly connection: NatsConnection
  readonly api: JetStreamApi
  readonly asks: Asks
}

export type StreamRole = 'data' | 'control' | 'dead' | 'retained'

const CONTROL_STREAM = 'WAXWING_CONTROL'
const DEAD_STREAM = 'WAXWING_DEAD'
/** The bucket of retained messages, and the stream that it is made of. */
export const RETAINED_BUCKET = 'waxwing_retained'
const RETAINED_STREAM = `KV_${RETAINED_BUCKET}`
/** Before the subject of a message that was rejected. */
export const DEAD_PREFIX = 'waxwing.dead.'
const CONTROL_SUBJECTS = ['waxwing.v1.>']

const THIRTY_DAYS_MS = 30 * 86_400_000
const KEPT_BYTES = 256 * 1024 * 1024
const DUPLICATE_WINDOW_MS = 120_000
const OVERLAPS = 10_065
/** Fewer servers than replicas: of a cluster that starts, not all are known yet. */
const NO_PEERS = 10_005

type Wanted = Partial<StreamConfig> & { readonly name: string }

export class Streams {
  readonly #options: ResolvedOptions
  /** What streams of data take, once it is known. */
  #subjects: readonly string[] = []
  readonly #found = new WeakMap<Session, Set<StreamRole>>()

  constructor(options: ResolvedOptions) {
    this.#options = options
  }

  /** Whether the stream was there in this session: who else listens there answers nothing. */
  has(session: Session, role: StreamRole): boolean {
    return this.#found.get(session)?.has(role) === true
  }

  /** The stream's name. */
  nameOf(role: StreamRole): string {
    if (role === 'data') return this.#options.stream.name
    if (role === 'retained') return RETAINED_STREAM
    return role === 'control' ? CONTROL_STREAM : DEAD_STREAM
  }

  /** Tells whether the stream of data takes what is sent there, as far as is known. */
  takes(subject: string): boolean {
    return this.#subjects.some((pattern) => patternMatches(pattern, subject))
  }

  /** What the stream of data takes. */
  get subjects(): string {
    return this.#subjects.join(', ')
  }

  /** The stream as it is; `undefined` where it is not. */
  async find(session: Session, role: StreamRole): Promise<StreamInfo | undefined> {
    try {
      return await session.api.stream(this.nameOf(role))
    } catch (error) {
      if (hasCode(error, JetStreamApiCodes.StreamNotFound)) return undefined
      throw error
    }
  }

  /**
   * The stream, declared if it is missing and may be.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if it cannot be used as it is, or is not there.
   */
  async get(session: Session, role: StreamRole): Promise<StreamInfo> {
    const info = (await this.find(session, role)) ?? (await this.#declare(session, role))
    if (role !== 'retained') assertUsable(info, this.#wanted(role))
    if (role === 'data') this.#subjects = info.config.subjects
    const found = this.#found.get(session) ?? new Set()
    this.#found.set(session, found.add(role))
    return info
  }

  async #declare(session: Session, role: StreamRole): Promise<StreamInfo> {
    const { stream, replicas } = this.#options
    if (role === 'retained') {
      // The library knows what a bucket has to be like.
      const buckets = new Kvm(jetstream(session.connection))
      await buckets.create(RETAINED_BUCKET, { history: 1, replicas })
      return session.api.stream(RETAINED_STREAM)
    }
    if (role === 'data' && (!stream.declare || stream.subjects.length === 0)) {
      const how = stream.declare ? 'name its stream.subjects' : 'set stream.declare'
      throw transportError(`the stream ${stream.name} is not there: make it, or ${how}`)
    }
    const wanted = this.#wanted(role)
    try {
      return await session.api.addStream(wanted)
    } catch (error) {
      // Somebody else may have declared it at this moment: the server then speaks of an overlap too.
      const ours = await this.find(session, role)
      if (ours !== undefined) return ours
      if (!hasCode(error, OVERLAPS)) throw error
      const what = (wanted.subjects ?? []).join(', ')
      throw transportError(`another stream takes what ${wanted.name} should: ${what}`, error)
    }
  }

  #wanted(role: 'data' | 'control' | 'dead'): Wanted {
    const { stream, replicas } = this.#options
    const isData = role === 'data'
    const ageMs = isData ? stream.maxAgeSeconds * 1000 : THIRTY_DAYS_MS
    const others = role === 'control' ? CONTROL_SUBJECTS : [`${DEAD_PREFIX}>`]
    return {
      name: this.nameOf(role),
      subjects: isData ? [...stream.subjects] : others,
      retention: RetentionPolicy.Limits,
      storage: isData ? stream.storage : 'file',
      num_replicas: replicas,
      max_age: nanos(ageMs),
      max_bytes: isData ? stream.maxBytes : KEPT_BYTES,
      duplicate_window: nanos(
        ageMs === 0 ? DUPLICATE_WINDOW_MS : Math.min(ageMs, DUPLICATE_WINDOW_MS),
      ),
      allow_direct: true,
    }
  }
}

function assertUsable({ config }: StreamInfo, wanted: Wanted): void {
  const why = (reason: string): WaxwingError =>
    transportError(`the stream ${config.name} cannot be used: ${reason}`)
  if (config.retention !== RetentionPolicy.Limits) {
    throw why(`its retention is ${config.retention}, and has to be limits`)
  }
  if (config.no_ack) throw why('it acknowledges nothing (no_ack)')
  if (config.mirror !== undefined) throw why('it is a mirror')
  const missing = (wanted.subjects ?? []).filter(
    (subject) => !config.subjects.some((pattern) => covers(pattern, subject)),
  )
  if (missing.length > 0) throw why(`it does not take ${missing.join(', ')}`)
}

function covers(pattern: string, wanted: string): boolean {
  if (wanted.endsWith('>') && !pattern.endsWith('>')) return false
  return patternMatches(pattern, wanted)
}

/** Tells whether JetStream refused with this code. */
export function hasCode(error: unknown, code: number): boolean {
  return error instanceof JetStreamApiError && error.code === code
}

/** Tells whether the same may work later: JetStream starts, elects a leader, or was not heard. */
export function isPassing(error: unknown): boolean {
  if (isForbidden(error)) return false
  if (error instanceof JetStreamApiError) return error.status === 503 || error.code === NO_PEERS
  return !(error instanceof WaxwingError)
}

function isForbidden(error: unknown): boolean {
  if (error instanceof errors.PermissionViolationError) return true
  return error instanceof Error && error.cause !== undefined && isForbidden(error.cause)
}

/** The error of what JetStream refused. */
export function refused(what: string, error: unknown): WaxwingError {
  if (error instanceof WaxwingError) return error
  const why = error instanceof Error ? error.message || error.name : String(error)
  return transportError(`${what}: ${why}`, error)
}
