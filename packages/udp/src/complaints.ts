// SPDX-License-Identifier: Apache-2.0
/**
 * Errors that anybody on the link can cause, as often as they like: the first is told at once, of others
 * one a second, with how many there were.
 *
 * @module
 */

import { transportError } from '@waxwing/transport-kit'

const QUIET_MS = 1_000

export class Complaints {
  readonly #report: (error: unknown) => void
  #timer: ReturnType<typeof setTimeout> | undefined
  #count = 0
  #last: unknown

  constructor(report: (error: unknown) => void) {
    this.#report = report
  }

  add(error: unknown): void {
    if (this.#timer !== undefined) {
      this.#count++
      this.#last = error
      return
    }
    this.#report(error)
    this.#timer = setTimeout(() => this.#sum(), QUIET_MS).unref()
  }

  close(): void {
    clearTimeout(this.#timer)
  }

  #sum(): void {
    this.#timer = undefined
    const count = this.#count
    this.#count = 0
    if (count === 0) return
    this.#report(transportError(`${count} more messages of others could not be used`, this.#last))
    this.#timer = setTimeout(() => this.#sum(), QUIET_MS).unref()
  }
}
