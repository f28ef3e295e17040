// SPDX-License-Identifier: Apache-2.0
/**
 * Messages that were handled lately (`docs/spec/07-granting.md` Section 7.2.4): the same again is not
 * acted on twice, only answered, because the answer may have been lost.
 *
 * @module
 */

import type { Reply } from './messenger.js'

const MAX_SEEN = 4096

export class Seen {
  readonly #answers = new Map<string, readonly Reply[]>()

  /** What was answered to a message, by its author and id; `undefined` if it is new. */
  answerTo(key: string): readonly Reply[] | undefined {
    return this.#answers.get(key)
  }

  remember(key: string, replies: readonly Reply[]): void {
    this.#answers.set(key, replies)
    const [oldest] = this.#answers.keys()
    if (this.#answers.size > MAX_SEEN && oldest !== undefined) this.#answers.delete(oldest)
  }
}
