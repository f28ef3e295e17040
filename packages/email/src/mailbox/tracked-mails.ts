// SPDX-License-Identifier: Apache-2.0
/**
 * The mails of a folder that hold something of ours and were not settled: by UID, and so in the order in
 * which they came. Bounded; what is over the bound is found again by looking through the folder anew.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import type { Candidate } from './candidate.js'

/** So often the connection may break over a mail. */
export const MAX_BREAKS = 3

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
  /** Some were left out that somebody wants. */
  hasGaps = false
  /** Mails may be there that nobody wants any more, and nobody looked. */
  maySweep = true
  /** The lowest UID of those that were left out since nobody wants them. */
  #unwantedFrom: number | undefined

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

  /** Some were left out, wanted or not. */
  get isIncomplete(): boolean {
    return this.hasGaps || this.#unwantedFrom !== undefined
  }

  /** @param isWanted - Whether somebody may want a mail: asked where there is no room for all. */
  add(candidate: Candidate, isWanted: (mail: TrackedMail) => boolean): void {
    if (this.#mails.has(candidate.uid)) return
    const mail = newMail(candidate)
    if (this.#mails.size >= this.#most) {
      if (!isWanted(mail)) {
        this.#leaveOut(candidate.uid)
        return
      }
      this.#sweep(isWanted)
    }
    if (this.#mails.size < this.#most) this.#mails.set(candidate.uid, mail)
    else this.hasGaps = true
  }

  remove(uid: number): void {
    this.#mails.delete(uid)
  }

  clear(): void {
    this.#mails.clear()
    this.begunAnew()
  }

  /** What was left out will be found again. */
  begunAnew(): void {
    this.hasGaps = false
    this.#unwantedFrom = undefined
    this.maySweep = true
  }

  /** The lowest UID, that of mails that nobody wants included; `undefined` where there is none. */
  lowest(): number | undefined {
    let lowest = this.#unwantedFrom
    for (const uid of this.#mails.keys()) if (lowest === undefined || uid < lowest) lowest = uid
    return lowest
  }

  /** Those in one state, as they were found. */
  *in(state: TrackedMail['state']): Generator<TrackedMail, void> {
    for (const mail of this.#mails.values()) if (mail.state === state) yield mail
  }

  /** Takes out, once for each time that the folder is looked through, what nobody wants. */
  #sweep(isWanted: (mail: TrackedMail) => boolean): void {
    if (!this.maySweep) return
    this.maySweep = false
    for (const mail of this.in('waiting')) {
      if (isWanted(mail)) continue
      this.#mails.delete(mail.candidate.uid)
      this.#leaveOut(mail.candidate.uid)
    }
  }

  #leaveOut(uid: number): void {
    this.#unwantedFrom = Math.min(this.#unwantedFrom ?? uid, uid)
  }
}

function newMail(candidate: Candidate): TrackedMail {
  return {
    candidate,
    mayBeControl: candidate.addresses?.some(isControlAddress) ?? true,
    state: 'waiting',
    wasOut: false,
    notBeforeMs: 0,
    failures: 0,
    breaks: 0,
  }
}
