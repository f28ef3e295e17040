// SPDX-License-Identifier: Apache-2.0
/**
 * Messages that came, from the centre's hands into those of handlers, and the answer to the centre
 * (`docs/spec/09-bindings.md` Sections 9.10.6 and 9.10.7).
 *
 * The centre is told that a message is here when a handler has acknowledged it, or when it stands in the
 * store; it is given back when that takes too long. The answer is always given within `holdMs`, so that a
 * centre which waits for each answer is never blocked by one message.
 *
 * @module
 */

import { hash } from 'node:crypto'
import { fromUtf8 } from '@waxwing/core'
import { limitError, transportError } from '@waxwing/transport-kit'
import { decodeLetter, type Letter } from '../envelope.js'
import { offerTo, type Feed } from './feed.js'
import type { PersonsText } from '../options.js'
import type { Part, Place } from './parts.js'
import { mayBeControl, unarmoured } from './peek.js'
import { single, type Reassembly, type Whole } from './reassembly.js'
import { STATUS } from '../smpp/smpp.js'

export interface ArrivalTerms {
  readonly reassembly: Reassembly
  readonly feeds: () => Iterable<Feed>
  readonly isDurable: boolean
  readonly holdMs: number
  /** Data messages that are here and not settled; more are given back at once. */
  readonly maxOpen: number
  readonly maxOpenBytes: number
  /** What stands in the store and nobody has listened to for so long is given up. */
  readonly unwantedSeconds: number
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs: () => number
  readonly text: (text: PersonsText) => void
  /** A message is read: what it says of its sender can be learned. */
  readonly read: (letter: Letter, source: string) => void
  readonly report: (error: unknown) => void
}

/** Answers the centre, once. */
export type Answer = (status: number) => void

interface Arrival {
  readonly whole: Whole
  readonly letter: Letter
  readonly digest: string
  /** Where it stands in the store. */
  keys: readonly string[]
  /** The centre waits for it. */
  answer: Answer | undefined
  timer: ReturnType<typeof setTimeout> | undefined
  /** Somebody here has it in hand, or will. */
  isWanted: boolean
  /** Somebody had it in hand before, perhaps in an earlier process. */
  wasHanded: boolean
  /** Since when nobody listens to it. */
  unwantedSinceMs: number
  /** The centre was told that it is here, over a connection that broke since, and may not know it. */
  mayComeAgain: boolean
  /** The segment that the centre was given back, and will send again. */
  isGivenBack: boolean
  isDone: boolean
}

/** So long somebody may take to listen to what is here before it has to make room. */
const UNWANTED_MS = 60_000
/** Messages that were given back and then acknowledged: when they come again, they are known. */
const MAX_LATE = 1_024

export class Arrivals {
  readonly #terms: ArrivalTerms
  readonly #open = new Set<Arrival>()
  #openBytes = 0
  /** Segments on their way into the store. */
  #adding = 0
  readonly #givenBack = new Map<string, Arrival>()
  readonly #late = new Set<string>()
  /** What stands in the store although it is whole. */
  readonly #kept = new Map<string, Arrival>()
  #isFull = false
  #willOffer = false
  #isClosed = false

  constructor(terms: ArrivalTerms) {
    this.#terms = terms
  }

  /** Takes what a deliver_sm brought, and sees that it is answered. */
  async take(part: Part, answer: Answer): Promise<void> {
    if (this.#isClosed || !this.#hasRoom(part)) {
      answer(STATUS.temporaryReceiverError)
      return
    }
    if (!hasPlace(part)) {
      this.#receive(single(part), answer)
      return
    }
    this.#adding++
    try {
      const whole = await this.#terms.reassembly.add(part)
      const isKept = whole === undefined || whole.keys.length > 0
      if (isKept) answer(STATUS.ok)
      if (whole !== undefined) this.#receive(whole, isKept ? undefined : answer)
    } catch (error) {
      this.#terms.report(error)
      answer(STATUS.temporaryReceiverError)
    } finally {
      this.#adding--
    }
  }

  /** Takes what an earlier process had not settled. */
  restore(wholes: readonly Whole[]): void {
    for (const whole of wholes) this.#receive(whole, undefined, true)
  }

  /** Somebody new listens: perhaps to what nobody wanted. */
  offerAgain(): void {
    for (const arrival of this.#open) {
      if (arrival.isWanted) continue
      const { unwantedSinceMs } = arrival
      this.#offer(arrival)
      if (!arrival.isWanted) arrival.unwantedSinceMs = unwantedSinceMs
    }
  }

  /** The connection is gone: what the centre waits for comes again, what is in the store is offered again. */
  lost(): void {
    for (const feed of this.#terms.feeds()) feed.lost()
    this.#givenBack.clear()
    const open = [...this.#open]
    for (const arrival of open) {
      arrival.mayComeAgain = true
      if (arrival.keys.length > 0) continue
      clearTimeout(arrival.timer)
      if (arrival.answer !== undefined) this.#putBack(arrival)
      this.#done(arrival)
    }
    for (const arrival of open) if (!arrival.isDone) this.#offer(arrival)
  }

  /** Gives up what nobody has listened to for too long. */
  expire(): void {
    const oldest = this.#terms.nowMs() - 1_000 * this.#terms.unwantedSeconds
    for (const arrival of this.#open) {
      if (isUnwantedSince(arrival, oldest)) this.#giveUp(arrival)
    }
  }

  /** What the centre waits for is given back, what is in the store stays there. */
  close(): void {
    this.#isClosed = true
    for (const arrival of this.#open) {
      clearTimeout(arrival.timer)
      arrival.answer?.(STATUS.temporaryReceiverError)
      arrival.answer = undefined
    }
    this.#open.clear()
  }

  #receive(whole: Whole, answer: Answer | undefined, isRedelivered = false): void {
    if (this.#isClosed) {
      answer?.(STATUS.temporaryReceiverError)
      return
    }
    try {
      const letter = this.#read(whole)
      if (letter === undefined) this.#ignore(whole, answer)
      else this.#arrived(whole, { letter, answer, isRedelivered })
    } catch (error) {
      this.#terms.report(error) // it never gets any better
      this.#ignore(whole, answer)
    }
  }

  /** @returns `undefined` for what a person wrote. @throws {WaxwingError} As `decodeLetter`. */
  #read({ source, isText, bytes }: Whole): Letter | undefined {
    const text = isText ? fromUtf8(bytes) : undefined
    const letterBytes = text === undefined ? bytes : unarmoured(text)
    if (letterBytes === undefined) {
      this.#terms.text({ from: decodeURIComponent(source), text: text ?? '' })
      return undefined
    }
    const letter = decodeLetter(letterBytes)
    this.#terms.read(letter, source)
    return letter
  }

  #ignore({ keys }: Whole, answer: Answer | undefined): void {
    answer?.(STATUS.ok)
    if (keys.length > 0) this.#terms.reassembly.forget(keys).catch(this.#terms.report)
  }

  #arrived(
    whole: Whole,
    terms: { letter: Letter; answer: Answer | undefined; isRedelivered: boolean },
  ): void {
    const { letter, answer, isRedelivered } = terms
    const digest = hash('sha256', Buffer.concat([Buffer.from(whole.source), whole.bytes]), 'base64')
    if (this.#late.delete(digest) || this.#isKept(digest)) {
      this.#ignore(whole, answer)
      return
    }
    const before = this.#givenBack.get(digest)
    if (before !== undefined && answer !== undefined) {
      this.#adopt(before, answer)
      return
    }
    const arrival: Arrival = {
      whole,
      letter,
      digest,
      keys: whole.keys,
      answer,
      timer: undefined,
      isWanted: false,
      wasHanded: isRedelivered,
      unwantedSinceMs: 0,
      mayComeAgain: isRedelivered,
      isGivenBack: false,
      isDone: false,
    }
    this.#open.add(arrival)
    this.#openBytes += whole.bytes.length
    if (whole.keys.length > 0) this.#kept.set(digest, arrival)
    this.#hold(arrival)
    this.#offer(arrival)
  }

  /**
   * Whether the centre sends once more what stands in the store, since it was not told so. As long as it surely
   * was, the same bytes are another message.
   */
  #isKept(digest: string): boolean {
    const before = this.#kept.get(digest)
    if (before?.mayComeAgain !== true) return false
    before.mayComeAgain = false
    return true
  }

  /** It was given back, came again, and is still in the hands that it was in. */
  #adopt(arrival: Arrival, answer: Answer): void {
    this.#givenBack.delete(arrival.digest)
    arrival.isGivenBack = false
    arrival.answer = answer
    this.#hold(arrival)
  }

  #offer(arrival: Arrival): void {
    const { letter, whole, wasHanded: isRedelivered } = arrival
    arrival.isWanted = true
    arrival.isWanted = offerTo(
      this.#terms.feeds(),
      { letter, source: whole.source, isRedelivered },
      {
        acknowledge: () => this.#acknowledge(arrival),
        returned: () => this.#returned(arrival),
        report: this.#terms.report,
      },
    )
    if (arrival.isWanted) arrival.wasHanded = true
    else arrival.unwantedSinceMs = this.#terms.nowMs()
  }

  async #acknowledge(arrival: Arrival): Promise<void> {
    if (arrival.isDone) return
    const { answer, keys, digest } = arrival
    if (arrival.isGivenBack) this.#remember(digest)
    this.#done(arrival)
    answer?.(STATUS.ok)
    if (keys.length > 0) await this.#terms.reassembly.forget(keys)
  }

  #returned(arrival: Arrival): void {
    arrival.isWanted = false
    arrival.unwantedSinceMs = this.#terms.nowMs()
    if (arrival.isGivenBack) this.#done(arrival)
    // It may be that somebody else wants it, who came in the meantime.
    else if (!this.#isClosed && !arrival.isDone) this.#offerSoon()
  }

  /** Once for all that are returned together. */
  #offerSoon(): void {
    if (this.#willOffer) return
    this.#willOffer = true
    queueMicrotask(() => {
      this.#willOffer = false
      this.offerAgain()
    })
  }

  #hold(arrival: Arrival): void {
    if (arrival.answer === undefined) return
    const { holdMs } = this.#terms
    arrival.timer = setTimeout(() => void this.#heldLongEnough(arrival), holdMs)
  }

  async #heldLongEnough(arrival: Arrival): Promise<void> {
    if (arrival.isWanted && this.#terms.isDurable && (await this.#keep(arrival))) return
    if (arrival.answer === undefined || arrival.isDone) return
    arrival.answer(STATUS.temporaryReceiverError)
    arrival.answer = undefined
    this.#putBack(arrival)
    arrival.isGivenBack = true
    if (arrival.isWanted) this.#givenBack.set(arrival.digest, arrival)
    else {
      const what = `nobody listens to a message from ${arrival.whole.source}: it is given back`
      this.#terms.report(transportError(what))
      this.#done(arrival)
    }
  }

  async #keep(arrival: Arrival): Promise<boolean> {
    const { reassembly, report } = this.#terms
    try {
      const keys = await reassembly.keep(arrival.whole)
      if (arrival.isDone) await reassembly.forget(keys)
      else {
        arrival.keys = keys
        this.#kept.set(arrival.digest, arrival)
      }
      arrival.answer?.(STATUS.ok)
      arrival.answer = undefined
      return true
    } catch (error) {
      report(error)
      return false
    }
  }

  /** Of several segments the centre waits for the answer to one: the others it has been told are here. */
  #putBack({ whole }: Arrival): void {
    if (whole.last !== undefined) this.#terms.reassembly.putBack(whole, whole.last)
  }

  #done(arrival: Arrival): void {
    if (arrival.isDone) return
    arrival.isDone = true
    clearTimeout(arrival.timer)
    this.#open.delete(arrival)
    this.#openBytes -= arrival.whole.bytes.length
    this.#givenBack.delete(arrival.digest)
    this.#kept.delete(arrival.digest)
  }

  #remember(digest: string): void {
    this.#late.add(digest)
    for (const oldest of this.#late) {
      if (this.#late.size <= MAX_LATE) break
      this.#late.delete(oldest)
    }
  }

  #hasRoom(part: Part): boolean {
    if (this.#isOver(1)) this.#makeRoom()
    const isOver = this.#isOver(1)
    // Control messages do not wait for data; beyond twice the bound, they do.
    const isFull = this.#isOver(2) || (isOver && !mayBeControl(part))
    if (isFull && !this.#isFull) {
      const what = 'messages are given back to the centre: too many are here'
      this.#terms.report(limitError(what, 'maxWaitingBytes'))
    }
    this.#isFull = isOver
    return !isFull
  }

  #isOver(times: number): boolean {
    const { maxOpen, maxOpenBytes } = this.#terms
    const count = this.#open.size + this.#adding
    return count >= times * maxOpen || this.#openBytes >= times * maxOpenBytes
  }

  /** What nobody listens to gives way to what somebody may. */
  #makeRoom(): void {
    const oldest = this.#terms.nowMs() - UNWANTED_MS
    for (const arrival of this.#open) {
      if (!this.#isOver(1)) return
      if (isUnwantedSince(arrival, oldest)) this.#giveUp(arrival)
    }
  }

  #giveUp(arrival: Arrival): void {
    const { report, reassembly } = this.#terms
    const what = `a message from ${arrival.whole.source} is given up, since nobody listens to it`
    report(limitError(what, 'incompleteSeconds'))
    this.#done(arrival)
    reassembly.forget(arrival.keys).catch(report)
  }
}

/** Only what is in the store: the rest the centre has, and decides about. */
function isUnwantedSince({ isWanted, keys, unwantedSinceMs }: Arrival, momentMs: number): boolean {
  return !isWanted && keys.length > 0 && unwantedSinceMs <= momentMs
}

function hasPlace(part: Part): part is Part & { readonly place: Place } {
  return part.place !== undefined
}
