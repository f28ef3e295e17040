// SPDX-License-Identifier: Apache-2.0
/**
 * Asking by mail for the keys that are missing: whoever sent what they open, and once an hour at the most,
 * however often somebody looks.
 *
 * Anybody can make up kids, and mailboxes of others that they seem to come from: of kids of which nothing
 * is known, only a few are asked for in an hour, drawn by lot.
 *
 * @module
 */

import { randomInt } from 'node:crypto'
import { fromHex, isSealedMessage, requestAddress } from '@waxwing/core'
import type { Endpoint, Parked } from '@waxwing/client'
import { counted, type Output } from '../output.js'
import { formatDuration } from '../times.js'
import type { MailAnswers } from './answers.js'
import type { AskedList, MissingKey } from './asked.js'

/** An answer by mail may well take so long. */
const ASK_AGAIN_SECONDS = 3600
/** Of kids of which no generation is known, in that time. */
const MAX_UNKNOWN = 16

export interface KeyAskingInputs {
  readonly endpoint: Endpoint
  readonly answers: MailAnswers
  readonly asked: AskedList
  readonly output: Output
  readonly reason: string | undefined
  /** Ask now, however short ago that was done. */
  readonly atOnce: boolean
}

export class KeyAsking {
  /** Kids that were asked for. */
  askedFor = 0
  readonly #inputs: KeyAskingInputs
  #toldOf = ''
  /** By kid: the newest request has all that is missing. */
  readonly #requests = new Map<string, Uint8Array>()

  constructor(inputs: KeyAskingInputs) {
    this.#inputs = inputs
  }

  /** Something waits for keys, and this is how to ask for them. */
  note({ kid, request }: Pick<Parked, 'kid' | 'request'>): void {
    this.#requests.set(kid, request)
  }

  /**
   * Asks for what is missing.
   *
   * @param isMissing - Whether there is still something that waits for a kid.
   * @throws What the mail server says.
   */
  async ask(isMissing: (kid: string) => boolean, nowMs: number = Date.now()): Promise<void> {
    const { asked, atOnce, answers, output } = this.#inputs
    const missing = asked.all.filter(({ kid }) => isMissing(kid))
    const due = this.#within(
      missing.filter((key) => atOnce || waitMs(key, nowMs) <= 0),
      nowMs,
    )
    const added: string[] = []
    for (const key of due) if (await this.#add(key)) added.push(key.kid)
    await answers.send()
    for (const kid of added) asked.asked(kid, nowMs)
    this.askedFor += added.length
    if (added.length > 0) output.note(`Asked by mail for ${counted(added.length, 'key')}.`)
    const unknown = due.length - added.length
    if (unknown > 0) output.note(`Nobody could be asked for ${counted(unknown, 'key')}.`)
    this.#tellWaiting(
      missing.filter((key) => !due.includes(key)),
      nowMs,
    )
  }

  /** Without the kids that nobody knows and that would be too many. */
  #within(due: readonly MissingKey[], nowMs: number): readonly MissingKey[] {
    const { asked } = this.#inputs
    const recent = asked.all.filter((key) => isRecent(key, nowMs) && !this.#isKnown(key))
    const known = due.filter((key) => this.#isKnown(key))
    const unknown = due.filter((key) => !this.#isKnown(key) && !recent.includes(key))
    const again = due.filter((key) => recent.includes(key)) // they count already
    const room = Math.max(0, MAX_UNKNOWN - recent.length)
    return [...known, ...again, ...drawn(unknown, room)]
  }

  #isKnown({ kid }: MissingKey): boolean {
    return this.#inputs.endpoint.parts.book.byKid(kid).length > 0
  }

  /** Forgets what nothing waits for any more, and nobody was asked for of late. */
  forget(isMissing: (kid: string) => boolean, nowMs: number = Date.now()): void {
    this.#inputs.asked.keep((key) => isMissing(key.kid) || isRecent(key, nowMs))
  }

  async #add({ kid, epoch }: MissingKey): Promise<boolean> {
    const { endpoint, answers, reason } = this.#inputs
    const { book, requester } = endpoint.parts
    const [generation] = book.byKid(kid)
    const wanted = { kid, epoch, address: '', generation, reason, andLater: true }
    const payload = this.#requests.get(kid) ?? (await requester.makeRequest(wanted))
    const address = requestAddress(fromHex(kid))
    // Sealed, it is for somebody's inbox, which is known by the mailbox alone.
    return answers.addTo(isSealedMessage(payload) ? { payload } : { payload, address }, address)
  }

  #tellWaiting(waiting: readonly MissingKey[], nowMs: number): void {
    const [first] = waiting.toSorted((a, b) => waitMs(a, nowMs) - waitMs(b, nowMs))
    const kids = waiting.map(({ kid }) => kid).join()
    if (first === undefined || kids === this.#toldOf) return
    this.#toldOf = kids
    const { output } = this.#inputs
    output.note(
      `Waiting for an answer about ${counted(waiting.length, 'key')}; ` +
        `asks again in ${formatDuration(waitMs(first, nowMs) / 1000)}, or with --ask.`,
    )
  }
}

/** Some of them, by lot. */
function drawn(keys: readonly MissingKey[], count: number): readonly MissingKey[] {
  const rest = [...keys]
  const chosen: MissingKey[] = []
  while (chosen.length < count && rest.length > 0) {
    chosen.push(...rest.splice(randomInt(rest.length), 1))
  }
  return chosen
}

function isRecent(key: MissingKey, nowMs: number): boolean {
  return key.askedAt !== undefined && waitMs(key, nowMs) > 0
}

/** How long not to ask again; a clock that was set back delays nothing. */
function waitMs({ askedAt }: MissingKey, nowMs: number): number {
  if (askedAt === undefined || askedAt > nowMs) return 0
  return askedAt + ASK_AGAIN_SECONDS * 1000 - nowMs
}
