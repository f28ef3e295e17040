// SPDX-License-Identifier: Apache-2.0
/**
 * Fetches mails with what they carry, one after the other (`docs/spec/09-bindings.md` Section 9.9.2).
 *
 * @module
 */

import { closedError, type ConnectionOptions } from '@waxwing/transport-kit'
import { MailboxReader, type ReceivedMail } from './mailbox/mailbox-reader.js'
import { resolveMailbox, type MailboxOptions } from './mailbox/mailbox-options.js'
import { readHistory, type HistorySpan, type StoredMail } from './mailbox/mail-history.js'

export interface FetchOptions {
  /** Waits for further mails instead of ending. Default `false`. */
  readonly follow?: boolean
}

export interface Mailbox {
  /**
   * Yields the mails of the folder that hold objects or control messages and were not handled yet, the
   * oldest first. One that is neither acknowledged nor rejected comes again to the next `fetch`.
   *
   * @throws {WaxwingError} While iterating: `ERR_TRANSPORT` if the mailbox cannot be read, or not do
   *   what the options want; `ERR_CLOSED`.
   * @throws {TypeError} If another `fetch` is under way.
   */
  fetch(options?: FetchOptions): AsyncIterable<ReceivedMail>
  /**
   * Yields the mails of `historyFolder` that the server got within the span, handled or not, the oldest
   * first, and changes nothing. What cannot be read is told of to `onError`.
   *
   * @throws {WaxwingError} While iterating: `ERR_TRANSPORT` if the connection broke; `ERR_CLOSED`.
   */
  history(span?: HistorySpan): AsyncIterable<StoredMail>
  /** Calls the listener for what fails: a mail that is refused, a connection. Returns what removes it. */
  onError(listener: (error: unknown) => void): () => void
  /** Ends all iterations and frees everything. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Opens a mailbox. It connects when something is asked for.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function openMailbox(options: MailboxOptions & ConnectionOptions): Mailbox {
  const resolved = resolveMailbox(options)
  const listeners = new Set<(error: unknown) => void>()
  const report = (error: unknown): void => {
    for (const listener of listeners) listener(error)
  }
  const reader = new MailboxReader(resolved, report)
  const end = new AbortController()
  let closing: Promise<void> | undefined
  return {
    fetch: ({ follow = false } = {}) => reader.fetch(follow),
    history: (span = {}) => readHistory(resolved, { span, report, signal: end.signal }),
    onError(listener) {
      const own = (error: unknown): void => listener(error)
      listeners.add(own)
      return () => void listeners.delete(own)
    },
    close() {
      end.abort(closedError())
      closing ??= reader.close()
      return closing
    },
  }
}
