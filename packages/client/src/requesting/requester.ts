// SPDX-License-Identifier: Apache-2.0
/**
 * Asking for keys (`docs/spec/07-granting.md` Section 7.3): merged, limited, repeated with jitter
 * until granted or denied, sealed to every authority that is known, renewed before a lease ends.
 *
 * Nothing here is durable: what is wanted follows from what is parked and from the grants held.
 *
 * @module
 */

import {
  containsEpoch,
  epochStartMs,
  fromHex,
  isOpenEnded,
  LAST_EPOCH,
  requestAddress,
  toBase64Url,
  toHex,
  type DenialCode,
  type KemPublicKey,
  type Span,
} from '@waxwing/core'
import type { Messenger, Reply } from '../control/messenger.js'
import type { Generation, GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import type { KeyRequests, Wanted } from '../key-requests.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Asked, MERGE_MS } from './asked.js'
import { KidBudget } from './kid-budget.js'

/** Kids that are asked about at once. */
const MAX_ASKED = 4096
const REQUEST_LIFE_SECONDS = 3600
/** A lease is renewed when this share of its time is left. */
const RENEW_SHARE = 0.25
const RENEW_CHECK_MS = 30_000

export interface RequesterInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly sealedOnly: boolean
  readonly send: (replies: readonly Reply[]) => Promise<void>
}

interface KnownAuthority {
  readonly id: Uint8Array
  readonly key: KemPublicKey
}

export class Requester implements KeyRequests {
  readonly #inputs: RequesterInputs
  readonly #asked = new Map<string, Asked>()
  readonly #budget: KidBudget
  readonly #denialListeners = new Set<(kid: string, code: DenialCode) => void>()
  /** Kids that waited for a draw: what was wanted first. */
  readonly #waiting = new Map<string, Wanted>()
  #cancelTimer: (() => void) | undefined
  #timerAt = Infinity
  #cancelRenewal: (() => void) | undefined
  #closed = false

  constructor(inputs: RequesterInputs) {
    this.#inputs = inputs
    this.#budget = new KidBudget((below) => Math.floor(this.#jitter() * below))
  }

  /** Begins to watch over leases. */
  start(): void {
    this.#watchLeases()
  }

  want(wanted: Wanted): void {
    if (this.#closed || this.#isDeniedForNow(wanted)) return
    const known = this.#asked.get(wanted.kid)
    if (known !== undefined) {
      known.generation ??= wanted.generation
      if (known.add(wanted.epoch, wanted.andLater)) this.#schedule(known.nextAt)
      return
    }
    const nowMs = this.#inputs.runtime.time.now()
    const vouched = wanted.generation !== undefined
    if (!vouched && !this.#budget.take(wanted.address, wanted.kid, nowMs)) {
      this.#waiting.set(wanted.kid, wanted)
      if (this.#waiting.size > MAX_ASKED) this.#waiting.delete(firstKey(this.#waiting))
      this.#schedule(nowMs + 60_000)
      return
    }
    this.#begin(wanted, nowMs)
  }

  async makeRequest(wanted: Wanted): Promise<Uint8Array> {
    this.want({ ...wanted, address: wanted.address })
    const asked =
      this.#asked.get(wanted.kid) ?? this.#begin(wanted, this.#inputs.runtime.time.now())
    const [authority] = this.#authoritiesFor(asked)
    const recipient = asked.mayGoUnsealed ? undefined : authority
    const { reply, digest } = await this.#compose(asked, recipient)
    asked.sent(digest, this.#inputs.runtime.time.now(), this.#jitter())
    return reply.payload
  }

  onDenial(listener: (kid: string, code: DenialCode) => void): () => void {
    this.#denialListeners.add(listener)
    return () => this.#denialListeners.delete(listener)
  }

  /** Whether a message, by its digest in hex, is a request of ours for this kid. */
  hasAsked(kid: string, digest: string | undefined): boolean {
    if (digest === undefined) return false
    return this.#asked.get(kid)?.digests.includes(digest) ?? false
  }

  /** Notes that keys came: what they cover is no longer asked for. */
  granted(generation: Generation, span: Span): void {
    const asked = this.#asked.get(generation.kid)
    if (asked === undefined) return
    const now = nowSeconds(this.#inputs.runtime)
    const current = Math.floor(now / generation.manifest.epochSeconds)
    const open = asked.spans.some((wanted) => {
      const target = isOpenEnded(wanted) ? Math.max(wanted.first, current) : wanted.last
      return !containsEpoch(span, wanted.first) || !containsEpoch(span, target)
    })
    if (!open || isOpenEnded(span)) this.#asked.delete(generation.kid)
    else asked.generation = generation
  }

  /** Notes a denial that proved its authority. */
  denied(kid: string, code: DenialCode, retrySeconds: number): void {
    const asked = this.#asked.get(kid)
    if (asked === undefined) return
    asked.denied(retrySeconds, this.#inputs.runtime.time.now(), this.#jitter())
    for (const listener of this.#denialListeners) listener(kid, code)
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#cancelRenewal?.()
  }

  #begin(wanted: Wanted, nowMs: number): Asked {
    if (this.#asked.size >= MAX_ASKED) this.#asked.delete(firstKey(this.#asked))
    const { kid, address, reason, generation } = wanted
    const nextAt = nowMs + MERGE_MS * (0.5 + this.#jitter())
    const asked = new Asked({ kid, address, reason, generation, nextAt })
    asked.add(wanted.epoch, wanted.andLater)
    this.#asked.set(kid, asked)
    this.#schedule(nextAt)
    return asked
  }

  /** A denial holds back only what was asked before; it is in `nextAt`. */
  #isDeniedForNow({ kid, epoch, andLater }: Wanted): boolean {
    const asked = this.#asked.get(kid)
    if (asked === undefined) return false
    return !asked.add(epoch, andLater) && asked.nextAt > this.#inputs.runtime.time.now()
  }

  #schedule(atMs: number): void {
    if (this.#closed || atMs >= this.#timerAt) return
    this.#cancelTimer?.()
    this.#timerAt = atMs
    const { runtime } = this.#inputs
    const delay = Math.max(1, atMs - runtime.time.now())
    this.#cancelTimer = runtime.timers.after(delay, () => {
      this.#timerAt = Infinity
      this.#sendDue().catch((error: unknown) => runtime.report(error))
    })
  }

  async #sendDue(): Promise<void> {
    const nowMs = this.#inputs.runtime.time.now()
    for (const kid of this.#budget.draw(nowMs)) {
      const wanted = this.#waiting.get(kid)
      this.#waiting.delete(kid)
      if (wanted !== undefined && !this.#asked.has(kid)) this.#begin(wanted, nowMs)
    }
    for (const asked of [...this.#asked.values()]) {
      if (asked.nextAt <= nowMs) await this.#sendRequest(asked, nowMs)
    }
    for (const { nextAt } of this.#asked.values()) this.#schedule(nextAt)
    if (this.#budget.hasWaiting) this.#schedule(nowMs + 60_000)
  }

  async #sendRequest(asked: Asked, nowMs: number): Promise<void> {
    const { runtime, send, sealedOnly } = this.#inputs
    const authorities = asked.mayGoUnsealed && !sealedOnly ? [] : this.#authoritiesFor(asked)
    if (authorities.length === 0 && sealedOnly) {
      asked.sent('', nowMs, this.#jitter())
      return
    }
    const recipients = authorities.length === 0 ? [undefined] : authorities
    const composed = await Promise.all(recipients.map((r) => this.#compose(asked, r)))
    for (const { digest } of composed) asked.digests.push(digest)
    asked.sent(composed.at(-1)?.digest ?? '', nowMs, this.#jitter())
    const { kid, spans } = asked
    runtime.emit({ type: 'requested', kid, spans, sealed: authorities.length > 0 })
    await send(composed.map(({ reply }) => reply))
  }

  async #compose(
    asked: Asked,
    authority: KnownAuthority | undefined,
  ): Promise<{ reply: Reply; digest: string }> {
    const { messenger, runtime } = this.#inputs
    const kid = fromHex(asked.kid)
    const body = { kid, spans: asked.spans, rights: 'read' as const, reason: asked.reason }
    const recipient = authority?.id ?? null
    const options = { recipient, lifeSeconds: REQUEST_LIFE_SECONDS }
    const signed = messenger.compose('request', body, options)
    const digest = toHex(runtime.crypto.sha256(signed))
    if (authority === undefined) {
      return { reply: { address: requestAddress(kid), payload: signed, retained: false }, digest }
    }
    return { reply: await messenger.sealFor(authority.id, authority.key, signed), digest }
  }

  /** The producer and the granters of the generation, and the keepers, where we have their cards. */
  #authoritiesFor({ generation }: Asked): readonly KnownAuthority[] {
    const { trustBook, identity, messenger, runtime } = this.#inputs
    const ids = new Map<string, Uint8Array>()
    for (const keeper of trustBook.trust.keepers()) ids.set(toBase64Url(keeper.id), keeper.id)
    if (generation !== undefined) {
      const { producerId } = generation.manifest
      ids.set(toBase64Url(producerId), producerId)
      for (const id of grantersOf(generation, trustBook)) ids.set(toBase64Url(id), id)
    }
    ids.delete(toBase64Url(identity.id))
    const now = nowSeconds(runtime)
    return [...ids.values()].flatMap((id) => {
      const card = trustBook.cardOf(id)
      if (card === undefined || card.expires <= now) return []
      return [{ id, key: messenger.kemKeyOf(card) }]
    })
  }

  /** Asks for more before a lease ends, so that nothing has to be parked. */
  #watchLeases(): void {
    if (this.#closed) return
    const { runtime, book } = this.#inputs
    const now = nowSeconds(runtime)
    for (const generation of book.all()) {
      const epoch = generation.own ? undefined : renewalDue(generation, now)
      if (epoch === undefined) continue
      const { kid, stream: address } = generation
      this.want({ kid, epoch, address, generation, reason: undefined, andLater: true })
    }
    this.#cancelRenewal = runtime.timers.after(RENEW_CHECK_MS, () => this.#watchLeases())
  }

  #jitter(): number {
    const [a = 0, b = 0] = this.#inputs.runtime.crypto.randomBytes(2)
    return (a * 256 + b) / 65_536
  }
}

/** The ids of those who granted us something of a generation directly. */
function grantersOf(generation: Generation, trustBook: TrustBook): readonly Uint8Array[] {
  const names = [...generation.grants.values()].flatMap(({ issuers }) => issuers.slice(-1))
  return names.flatMap((name) => trustBook.findPrincipal(name)?.id ?? [])
}

/**
 * The first epoch that is missing, once the lease should be renewed: when a quarter of it is left, but
 * not before a renewal would reach that epoch. Given up when that epoch is long over.
 */
function renewalDue(generation: Generation, now: number): number | undefined {
  const { closingEpoch, manifest, grants } = generation
  const leases = [...grants.values()].filter(({ end }) => end !== null)
  const latest = leases.toSorted((a, b) => b.span.last - a.span.last)[0]
  if (latest === undefined || latest.end === null) return undefined
  const epoch = latest.span.last + 1
  if (epoch > LAST_EPOCH || (closingEpoch !== undefined && epoch > closingEpoch)) return undefined
  const leaseSeconds = latest.end - latest.received
  const begins = epochStartMs(epoch, manifest.epochSeconds) / 1000
  const renewAt = Math.max(
    latest.end - leaseSeconds * RENEW_SHARE,
    begins - leaseSeconds * (1 - RENEW_SHARE),
  )
  const tooLate = begins + Math.max(manifest.epochSeconds, leaseSeconds)
  return now >= renewAt && now < tooLate ? epoch : undefined
}

function firstKey(map: ReadonlyMap<string, unknown>): string {
  for (const key of map.keys()) return key
  return ''
}
