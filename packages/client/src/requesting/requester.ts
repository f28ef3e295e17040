// SPDX-License-Identifier: Apache-2.0
/**
 * Asking for keys (`docs/spec/07-granting.md` Section 7.3.2): merged, limited, repeated with jitter
 * until granted or denied, sealed to every authority that is known, renewed before a lease ends.
 *
 * Nothing here is durable: what is wanted follows from what is parked and from the grants held.
 * Nothing here asks for the time of day to wait by: a clock that is set silences nothing.
 *
 * @module
 */

import {
  concatBytes,
  fromHex,
  toHex,
  utf8,
  WaxwingError,
  type DenialCode,
  type Span,
} from '@waxwing/core'
import type { Holdings } from '../control/holdings.js'
import { lifeOver, type Medium } from '../control/medium.js'
import type { Messenger, Reply } from '../control/messenger.js'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { OwnIdentity } from '../identity/own-identity.js'
import type { TrustBook } from '../identity/trust-book.js'
import { wantedSpan, type KeyRequests, type Wanted } from '../key-requests.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Asked } from './asked.js'
import { AskedBook } from './asked-book.js'
import { authoritiesFor, type KnownAuthority } from './authorities.js'
import { KidBudget } from './kid-budget.js'
import { renewalOf } from './lease-watch.js'

const REQUEST_LIFE_SECONDS = 3600
const RENEW_CHECK_MS = 30_000

export interface RequesterInputs {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly messenger: Messenger
  readonly medium: Medium
  readonly holdings: Holdings
  readonly sealedOnly: boolean
  /** Absent where there is no transport: whoever opens objects carries the requests. */
  readonly send: ((replies: readonly Reply[]) => Promise<void>) | undefined
}

export interface ReceivedDenial {
  readonly code: DenialCode
  readonly retrySeconds: number
  /** Whether it is the producer's own. */
  readonly isLastWord: boolean
}

export class Requester implements KeyRequests {
  readonly #inputs: RequesterInputs
  readonly #asked: AskedBook
  readonly #budget: KidBudget<Asked>
  readonly #denialListeners = new Set<(kid: string, code: DenialCode) => void>()
  /** Generations, in hex, whose lease somebody who has a say does not renew any more. */
  readonly #ended = new Set<string>()
  #cancelTimer: (() => void) | undefined
  #timerAt = Infinity
  #cancelRenewal: (() => void) | undefined
  #closed = false

  constructor(inputs: RequesterInputs) {
    this.#inputs = inputs
    const random = (below: number): number => Math.floor(this.#jitter() * below)
    this.#asked = new AskedBook(random)
    const { crypto } = inputs.runtime
    const key = crypto.randomBytes(16)
    const digest = (name: string): Uint8Array => crypto.sha256(concatBytes(key, utf8(name)))
    this.#budget = new KidBudget({ random, digest, isCostly: inputs.medium.isCostly })
  }

  /** Begins to watch over leases. */
  start(): void {
    this.#watchLeases()
  }

  want(wanted: Wanted): boolean {
    return !this.#closed && this.#want(wanted, false)
  }

  /**
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if it would have to go unsealed, which is forbidden.
   */
  async makeRequest(wanted: Wanted): Promise<Uint8Array> {
    const asked = this.#asked.get(wanted.kid) ?? this.#begin(this.#make(wanted, false))
    asked.generation ??= wanted.generation
    asked.add(wantedSpan(wanted))
    const { sealedOnly } = this.#inputs
    const mayGoSealed = sealedOnly || !asked.mayGoUnsealed
    const [authority] = mayGoSealed ? authoritiesFor(asked, this.#inputs) : []
    if (authority === undefined && sealedOnly) {
      throw new WaxwingError('ERR_KEY_UNKNOWN', 'no key card of anybody is held who could grant')
    }
    const { reply, digest } = await this.#compose(asked, authority)
    asked.sending([digest], authority !== undefined, this.#now(), this.#jitter())
    this.#schedule(asked.nextAt)
    return reply.payload
  }

  onDenial(listener: (kid: string, code: DenialCode) => void): () => void {
    this.#denialListeners.add(listener)
    return () => this.#denialListeners.delete(listener)
  }

  /** Whether a message, by its digest in hex, is a request of ours for this kid. */
  hasAsked(kid: string, digest: string | undefined): boolean {
    return digest !== undefined && this.#asked.get(kid)?.hasSent(digest) === true
  }

  /** Notes that keys came: what they cover is no longer asked for. */
  granted(generation: Generation, span: Span): void {
    this.#ended.delete(generation.id)
    const asked = this.#asked.get(generation.kid)
    if (asked === undefined) return
    if (asked.generation !== undefined && asked.generation.id !== generation.id) return
    asked.generation = generation
    if (this.#take(asked, generation, span)) this.#asked.delete(asked)
    else this.#schedule(asked.nextAt)
  }

  /**
   * Notes a denial that proved its authority over a generation, by its id in hex. It says nothing of
   * another generation that happens to have the same kid.
   *
   * @returns Whether it had any effect.
   */
  denied(
    kid: string,
    generationId: string,
    { code, retrySeconds, isLastWord }: ReceivedDenial,
  ): boolean {
    const asked = this.#asked.get(kid)
    if (asked === undefined) return false
    if (asked.generation !== undefined && asked.generation.id !== generationId) return false
    const isFinal = code === 'not-authorized' || code === 'out-of-span'
    if (code === 'not-authorized') this.#ended.add(generationId)
    if (isFinal && asked.renewal) this.#asked.delete(asked)
    asked.denied({ retrySeconds, isFinal, isLastWord }, this.#now(), this.#jitter())
    this.#schedule(asked.nextAt)
    for (const listener of this.#denialListeners) listener(kid, code)
    return true
  }

  close(): void {
    this.#closed = true
    this.#cancelTimer?.()
    this.#cancelRenewal?.()
  }

  #want(wanted: Wanted, renewal: boolean): boolean {
    const { kid, address, generation } = wanted
    const nowMs = this.#now()
    const known = this.#asked.get(kid) ?? this.#budget.meet(address, kid, nowMs)
    if (known !== undefined) {
      known.generation ??= generation
      if (!renewal) known.renewal = false
      const isNew = known.add(wantedSpan(wanted))
      const isWaiting = !this.#asked.has(known)
      // Once its manifest is known, it needs no turn.
      if (isWaiting && generation !== undefined) {
        this.#budget.forget(known.address, kid)
        this.#begin(known)
      }
      if (isWaiting || !isNew) return !known.isDeniedForGood
      known.hurry(nowMs, this.#jitter())
      this.#schedule(known.nextAt)
      return true
    }
    const asked = this.#make(wanted, renewal)
    const mayAsk = generation !== undefined || this.#budget.ask(address, kid, asked, nowMs)
    if (mayAsk) this.#begin(asked)
    else this.#scheduleDraw()
    return true
  }

  /** Whether all that a kid was to be asked for came unasked while it waited for its turn. */
  #isHeld(asked: Asked): boolean {
    for (const generation of this.#inputs.book.byKid(asked.kid)) {
      for (const span of generation.ring.spans()) {
        if (this.#take(asked, generation, span)) return true
      }
    }
    return asked.spans.length === 0
  }

  /** Takes away what is held. Returns whether nothing is left to be asked for. */
  #take(asked: Asked, { manifest }: Generation, span: Span): boolean {
    const current = Math.floor(nowSeconds(this.#inputs.runtime) / manifest.epochSeconds)
    return asked.granted(span, current, this.#now())
  }

  #make(wanted: Wanted, renewal: boolean): Asked {
    const { kid, address, reason, generation } = wanted
    const { medium } = this.#inputs
    const asked = new Asked({ kid, address, reason, generation, renewal, medium })
    asked.add(wantedSpan(wanted))
    return asked
  }

  #begin(asked: Asked): Asked {
    this.#asked.add(asked)
    asked.hurry(this.#now(), this.#jitter())
    this.#schedule(asked.nextAt)
    return asked
  }

  #schedule(atMs: number): void {
    if (this.#closed || this.#inputs.send === undefined || atMs >= this.#timerAt) return
    this.#cancelTimer?.()
    this.#timerAt = atMs
    const { runtime } = this.#inputs
    const delay = Math.max(1, atMs - this.#now())
    this.#cancelTimer = runtime.timers.after(delay, () => {
      this.#timerAt = Infinity
      this.#sendDue()
    })
  }

  #scheduleDraw(): void {
    const drawAt = this.#budget.nextDrawAt
    if (drawAt !== undefined) this.#schedule(drawAt)
  }

  #sendDue(): void {
    const nowMs = this.#now()
    for (const asked of this.#budget.draw(nowMs)) {
      if (this.#asked.get(asked.kid) === undefined && !this.#isHeld(asked)) this.#begin(asked)
    }
    for (const asked of this.#asked.all()) {
      if (asked.isOver(nowMs)) this.#asked.delete(asked)
      else if (asked.isUnderWay) continue
      else if (asked.nextAt <= nowMs) void this.#send(asked)
      else this.#schedule(asked.nextAt)
    }
    this.#scheduleDraw()
  }

  /** Sends one request; a transport that waits or fails holds back no other. Never throws. */
  async #send(asked: Asked): Promise<void> {
    const { runtime, sealedOnly, send } = this.#inputs
    const bare = asked.mayGoUnsealed && !sealedOnly
    const authorities = bare ? [] : authoritiesFor(asked, this.#inputs)
    const isSealed = authorities.length > 0
    if (!isSealed && sealedOnly) {
      asked.postpone(this.#now(), this.#jitter())
      this.#schedule(asked.nextAt)
      return
    }
    asked.isUnderWay = true
    try {
      if (asked.isRepeated) await this.#forgetHoldings(authorities)
      const recipients = isSealed ? authorities : [undefined]
      const composed = await Promise.all(recipients.map((r) => this.#compose(asked, r)))
      const digests = composed.map(({ digest }) => digest)
      asked.sending(digests, isSealed, this.#now(), this.#jitter())
      runtime.emit({ type: 'requested', kid: asked.kid, spans: asked.spans, sealed: isSealed })
      await send?.(composed.map(({ reply }) => reply))
      asked.sent(this.#now())
    } catch (error) {
      asked.failed(isSealed)
      runtime.report(error)
    }
    asked.isUnderWay = false
    if (asked.nextAt <= this.#now()) asked.postpone(this.#now(), this.#jitter())
    if (this.#asked.has(asked)) this.#schedule(asked.nextAt)
  }

  async #compose(
    asked: Asked,
    authority: KnownAuthority | undefined,
  ): Promise<{ reply: Reply; digest: string }> {
    const { messenger, runtime, medium } = this.#inputs
    const kid = fromHex(asked.kid)
    const body = { kid, spans: asked.spans, rights: 'read' as const, reason: asked.reason }
    const recipient = authority?.id ?? null
    const lifeSeconds = lifeOver(medium, REQUEST_LIFE_SECONDS)
    const options = { recipient, lifeSeconds, isFirstTry: !asked.isRepeated }
    const signed = messenger.compose('request', body, options)
    const digest = toHex(runtime.crypto.sha256(signed))
    if (authority === undefined) {
      return { reply: messenger.addressToAll(kid, signed), digest }
    }
    return { reply: await messenger.sealFor(authority, signed, options), digest }
  }

  /** Who did not answer may not have understood: it is told everything again. */
  async #forgetHoldings(authorities: readonly KnownAuthority[]): Promise<void> {
    for (const { id } of authorities) await this.#inputs.holdings.forget(id)
  }

  /** Asks for more before a lease ends, so that nothing has to be parked. */
  #watchLeases(): void {
    const { runtime, book, medium, send } = this.#inputs
    if (this.#closed || send === undefined) return
    const now = runtime.time.now() / 1000
    let next = now + RENEW_CHECK_MS / 1000
    for (const generation of book.all()) {
      const renewal = this.#ended.has(generation.id) ? undefined : renewalOf(generation, medium)
      if (renewal === undefined || now >= renewal.until) continue
      if (now < renewal.from) {
        next = Math.min(next, renewal.from)
        continue
      }
      const { kid, stream: address } = generation
      const wanted = { kid, epoch: renewal.epoch, address, generation, reason: undefined }
      this.#want({ ...wanted, andLater: true }, true)
    }
    const delay = Math.max(1, (next - now) * 1000)
    this.#cancelRenewal = runtime.timers.after(delay, () => this.#watchLeases())
  }

  #now(): number {
    return this.#inputs.runtime.time.monotonic()
  }

  #jitter(): number {
    const [a = 0, b = 0] = this.#inputs.runtime.crypto.randomBytes(2)
    return (a * 256 + b) / 65_536
  }
}
