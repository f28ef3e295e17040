// SPDX-License-Identifier: Apache-2.0
/**
 * Whom of those who grant on our behalf was told that a principal is revoked, and who acknowledged it
 * (`docs/spec/07-granting.md` Section 7.8.3).
 *
 * Kept apart from the messages that are under way: who was told stays known when nothing is left to
 * be sent.
 *
 * @module
 */

import {
  fromBase64Url,
  fromHex,
  MapFields,
  toBase64Url,
  toHex,
  utf8,
  type CborValue,
  type Change,
} from '@waxwing/core'
import type { Messenger } from '../control/messenger.js'
import type { Awaited, Outbox, Posting, Prepared } from '../control/outbox.js'
import type { Generation } from '../generation.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Table } from '../table.js'

/** How long an order to a delegate is worth sending: a year. */
const LIFE_SECONDS = 31_536_000
/** One that was not acknowledged for so long may no longer be believed, and is given anew. */
const STALE_SECONDS = 604_800
/** Whoever acknowledged one may have forgotten it when it expires, if it holds nothing of ours. */
const REMEMBERED_SECONDS = LIFE_SECONDS - STALE_SECONDS

/** Who is revoked, and since when, in seconds since 1970. */
export interface Struck {
  /** Id in base64url. */
  readonly principal: string
  readonly since: number
}

/** One who grants a stream by what we granted it. */
export interface Delegate {
  /** Id in base64url. */
  readonly id: string
  /** A generation of the stream, the one it was given last if there is one: how the order names it. */
  readonly generation: Generation
}

interface Telling {
  readonly digest: string
  /** When it was told, in seconds since 1970. */
  readonly told: number
  readonly isAcknowledged: boolean
}

export interface TellingsInputs {
  readonly runtime: Runtime
  readonly messenger: Messenger
  readonly outbox: Outbox
}

export class Tellings {
  readonly #inputs: TellingsInputs
  /** By stream, delegate and principal. */
  readonly #tellings: Table<Telling>
  /** The key of what an acknowledgement is awaited for, by delegate and digest. */
  readonly #awaited: Table<string>

  constructor(inputs: TellingsInputs) {
    this.#inputs = inputs
    const { store } = inputs.runtime
    this.#tellings = new Table(store, 'revocation-told', { toCbor, fromCbor })
    this.#awaited = new Table(store, 'revocation-awaited', {
      toCbor: (key) => new Map([[1, key]]),
      fromCbor: (value) => new MapFields('awaited acknowledgement', value).text(1, 'key'),
    })
  }

  /** Makes the order to delegates, that a principal is revoked, part of a write. */
  async prepare(struck: Struck, delegates: readonly Delegate[]): Promise<Prepared> {
    const { outbox } = this.#inputs
    const notes: Change[] = []
    const postings: Posting[] = []
    const outdated: Awaited[] = []
    for (const delegate of delegates) {
      const order = await this.#order(struck, delegate)
      if (order === undefined) continue
      const key = this.#keyOf(delegate, struck.principal)
      const before = await this.#tellings.get(key)
      if (before?.isAcknowledged === false) {
        outdated.push({ digest: before.digest, principal: delegate.id })
      }
      postings.push(order.posting)
      notes.push(...this.#notes(key, delegate, order.digest))
    }
    notes.push(
      ...outdated.map(({ principal, digest }) => this.#awaited.delete(`${principal}/${digest}`)),
    )
    const { changes, within, send } = await outbox.prepare(postings, outdated)
    return { changes: [...changes, ...notes], within, send }
  }

  /** Whether a delegate was told of a principal, acknowledged or not. */
  async hasTold(delegate: Delegate, principal: string): Promise<boolean> {
    return (await this.#tellings.get(this.#keyOf(delegate, principal))) !== undefined
  }

  /**
   * Of some principals, those that a delegate has still to be told of, and whether it has still to
   * acknowledge any.
   */
  async missing(
    { id, generation }: Delegate,
    principals: readonly string[],
  ): Promise<{ readonly untold: readonly string[]; readonly isAwaited: boolean }> {
    const prefix = this.#prefix(generation, id)
    const told = new Map(
      (await this.#tellings.scan({ prefix })).map(({ key, record }) => [
        key.slice(prefix.length),
        record,
      ]),
    )
    const now = nowSeconds(this.#inputs.runtime)
    const isUntold = (one: Telling | undefined): boolean =>
      one === undefined ||
      one.told < now - (one.isAcknowledged ? REMEMBERED_SECONDS : STALE_SECONDS)
    const untold = principals.filter((principal) => isUntold(told.get(principal)))
    const isAwaited = principals.some((principal) => told.get(principal)?.isAcknowledged === false)
    return { untold, isAwaited }
  }

  /**
   * Notes that a delegate acknowledged an order.
   *
   * @param digest - Of the order, in hex.
   * @returns Whether that was the last that it owed of the stream.
   */
  async acknowledged(digest: string, delegate: string): Promise<boolean> {
    const awaited = `${delegate}/${digest}`
    const key = await this.#awaited.get(awaited)
    if (key === undefined) return false
    const telling = await this.#tellings.read(key)
    const changes: Change[] = [this.#awaited.delete(awaited)]
    if (telling?.record.digest === digest) {
      const put = this.#tellings.put(key, { ...telling.record, isAcknowledged: true })
      changes.push({ ...put, expect: telling.bytes })
    }
    if (!(await this.#inputs.runtime.store.write(changes))) return false
    const prefix = key.slice(0, key.lastIndexOf('/') + 1)
    const ofStream = await this.#tellings.scan({ prefix })
    return ofStream.every(({ record }) => record.isAcknowledged)
  }

  async #order(
    { principal, since }: Struck,
    { id, generation }: Delegate,
  ): Promise<{ readonly posting: Posting; readonly digest: string } | undefined> {
    const { messenger, runtime } = this.#inputs
    const principalId = fromBase64Url(principal)
    const delegateId = fromBase64Url(id)
    if (principalId === undefined || delegateId === undefined) return undefined
    const { generationId } = generation.manifest
    // It counts for us by now; so it does for them, whatever their clocks show.
    const body = { principalId, since: Math.min(since, nowSeconds(runtime)), generationId }
    const options = { recipient: null, lifeSeconds: LIFE_SECONDS }
    const signed = messenger.compose('revocation', body, options)
    const digest = toHex(runtime.crypto.sha256(signed))
    const awaiting = { digest, principal: id, about: 'revocation' as const }
    const posting = { ...(await messenger.addressTo(delegateId, signed)), awaiting }
    return { posting, digest }
  }

  /** A newer order takes the place of an older one: only its acknowledgement counts. */
  #notes(key: string, { id }: Delegate, digest: string): readonly Change[] {
    const told = nowSeconds(this.#inputs.runtime)
    return [
      this.#tellings.put(key, { digest, told, isAcknowledged: false }),
      this.#awaited.put(`${id}/${digest}`, key),
    ]
  }

  #keyOf({ id, generation }: Delegate, principal: string): string {
    return `${this.#prefix(generation, id)}${principal}`
  }

  /** Keys of a store are not secret: stream names are hashed. */
  #prefix({ stream, manifest }: Generation, delegate: string): string {
    const name = utf8(`${toBase64Url(manifest.producerId)}/${stream}`)
    return `${toHex(this.#inputs.runtime.crypto.sha256(name).subarray(0, 16))}/${delegate}/`
  }
}

function toCbor({ digest, told, isAcknowledged }: Telling): CborValue {
  return new Map<number, CborValue>([
    [1, fromHex(digest)],
    [2, told],
    [3, isAcknowledged],
  ])
}

function fromCbor(value: CborValue): Telling {
  const map = new MapFields('telling of a revocation', value)
  return {
    digest: toHex(map.bytes(1, 'digest', { length: 32 })),
    told: map.uint(2, 'told'),
    isAcknowledged: map.bool(3, 'acknowledged'),
  }
}
