// SPDX-License-Identifier: Apache-2.0
/**
 * Asking the application, which may answer at once, soon, late, never, or throw
 * (`docs/spec/07-granting.md` Section 7.3.3).
 *
 * @module
 */

import { Patience } from '../control/patience.js'
import type { Decide, Decision, IncomingRequest } from '../options.js'
import type { Runtime } from '../runtime.js'

/** How long the application's `decide` may take before the reader is told to wait. */
const DECIDE_PATIENCE_MS = 2000

/** What the application says now, and what it may still say later. `undefined`: a person decides. */
export interface Answer {
  readonly now: Decision | undefined
  readonly later: Promise<Decision | undefined> | undefined
}

const A_PERSON_DECIDES: Answer = { now: undefined, later: undefined }

export class Deciding {
  readonly #runtime: Runtime
  readonly #decide: Decide | undefined
  readonly #underWay = new Set<string>()
  readonly #patience: Patience

  constructor(runtime: Runtime, decide: Decide | undefined) {
    this.#runtime = runtime
    this.#decide = decide
    this.#patience = new Patience(runtime.timers)
  }

  /** Asks, but not a second time while the first answer is still to come. Never throws. */
  async ask(request: IncomingRequest): Promise<Answer> {
    const { requestId } = request
    if (this.#decide === undefined || this.#underWay.has(requestId)) return A_PERSON_DECIDES
    this.#underWay.add(requestId)
    const answer = this.#call(this.#decide, request)
    if (!(answer instanceof Promise)) {
      this.#underWay.delete(requestId)
      return { now: answer, later: undefined }
    }
    void answer.finally(() => this.#underWay.delete(requestId))
    return this.#waitFor(answer)
  }

  /** What the application throws is reported, and leaves the decision to a person. */
  #call(
    decide: Decide,
    request: IncomingRequest,
  ): Decision | undefined | Promise<Decision | undefined> {
    const failed = (error: unknown): undefined => {
      this.#runtime.report(error)
      return undefined
    }
    try {
      const answer = decide(request)
      return isThenable(answer) ? Promise.resolve(answer).catch(failed) : answer
    } catch (error) {
      return failed(error)
    }
  }

  /** Waits for nothing any more. */
  close(): void {
    this.#patience.close()
  }

  async #waitFor(answer: Promise<Decision | undefined>): Promise<Answer> {
    const inTime = await this.#patience.inTime(answer, DECIDE_PATIENCE_MS)
    if (inTime === undefined) return { now: undefined, later: answer }
    return { now: inTime.value, later: undefined }
  }
}

function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof value === 'object' && value !== null && 'then' in value
}
