// SPDX-License-Identifier: Apache-2.0
/**
 * The mails of a folder that hold something of ours and were not settled: by UID, and so in the order in
 * which they came. Bounded; what is over the bound is found again by looking through the folder anew.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import type { Candidate } from './candidate.js'

export interface TrackedMail {
  readonly candidate: Candidate
  /** It may hold control messages, which are fetched before data. */
  readonly mayBeControl: boolean
  /** `out`: in somebody's hands; `settling`: the server is being told. */
  state: 'waiting' | 'out' | 'settling'
  /** Somebody had it before. */
  wasOut: boolean
  /** Not before this time, of a clock that never goes back. */
  notBeforeMs: number
  /** How often it could not be settled. */
  failures: number
  /** How often the connection broke while it was fetched. */
  breaks: number
}

export class TrackedMails {
  readonly #mails = new Map<number, TrackedMail>()
  readonly #most: number
  /** Some were left out. */
  hasGaps = false

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#mails.size
  }

  /** There is room, for now, to find those that were left out. */
  get mayFill(): boolean {
    return this.hasGaps && this.#mails.size < this.#most / 2
  }

  get(uid: number): TrackedMail | undefined {
    return this.#mails.get(uid)
  }

  /** @returns Whether there was room. */
  add(candidate: Candidate): boolean {
    if (this.#mails.has(candidate.uid)) return true
    if (this.#mails.size >= this.#most) {
      this.hasGaps = true
      return false
    }
    this.#mails.set(candidate.uid, {
      candidate,
      mayBeControl: candidate.addresses?.some(isControlAddress) ?? true,
      state: 'waiting',
      wasOut: false,
      notBeforeMs: 0,
      failures: 0,
      breaks: 0,
    })
    return true
  }

  remove(uid: number): void {
    this.#mails.delete(uid)
  }

  clear(): void {
    this.#mails.clear()
    this.hasGaps = false
  }

  /** The lowest UID; `undefined` where there is none. */
  lowest(): number | undefined {
    let lowest: number | undefined
    for (const uid of this.#mails.keys()) if (lowest === undefined || uid < lowest) lowest = uid
    return lowest
  }

  /** Those in one state, as they were found. */
  *in(state: TrackedMail['state']): Generator<TrackedMail, void> {
    for (const mail of this.#mails.values()) if (mail.state === state) yield mail
  }
}
