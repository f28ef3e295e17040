// SPDX-License-Identifier: Apache-2.0
/**
 * Messages that were handled lately (`docs/spec/07-granting.md` Section 7.2.4): the same again is not
 * acted on twice, only answered, because the answer may have been lost. What only claims to be the
 * same is refused, and told of.
 *
 * @module
 */

import { equalBytes, messageKey, WaxwingError, type DecodedMessage } from '@waxwing/core'
import type { Reply } from './messenger.js'

const MAX_SEEN = 4096

interface Handled {
  /** Of the signed bytes. */
  readonly digest: Uint8Array
  readonly replies: readonly Reply[]
}

export class Seen {
  /** By author and id. */
  readonly #handled = new Map<string, Handled>()

  /**
   * What was answered to a message; `undefined` if it is new.
   *
   * @throws {WaxwingError} `ERR_CONFLICT` if another one by its author and id was handled.
   */
  answerTo(message: DecodedMessage): readonly Reply[] | undefined {
    const handled = this.#handled.get(messageKey(message))
    if (handled === undefined || equalBytes(handled.digest, message.digest)) return handled?.replies
    const detail = { rule: 'message id' }
    throw new WaxwingError('ERR_CONFLICT', 'another message of this author has the same id', detail)
  }

  remember(message: DecodedMessage, replies: readonly Reply[]): void {
    this.#handled.set(messageKey(message), { digest: message.digest, replies })
    const [oldest] = this.#handled.keys()
    if (this.#handled.size > MAX_SEEN && oldest !== undefined) this.#handled.delete(oldest)
  }
}
