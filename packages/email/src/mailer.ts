// SPDX-License-Identifier: Apache-2.0
/**
 * Sends mails with any number of objects, grants and archives (`docs/spec/09-bindings.md` Section 9.9.1).
 *
 * A mail to somebody who has no key yet carries the grant beside the objects, and is read at once:
 * `producer.seal()` and `producer.grant()` of the SDK give the bytes.
 *
 * @module
 */

import { closedError, type ConnectionOptions } from '@waxwing/transport-kit'
import { composeMail, newMessageId, recipientsOf } from './compose-mail.js'
import type { Letter } from './letter.js'
import { resolveMailer, type MailerOptions, type ResolvedMailer } from './sending/mailer-options.js'
import { MailQueue } from './sending/mail-queue.js'

export interface SentMail {
  /** `<…@…>`, as the mail has it. */
  readonly messageId: string
}

export interface Mailer {
  /**
   * Resolves when the SMTP server has taken the mail; it says nothing about the far end. A server that
   * is away or takes no mail for now is asked again, for as long as the mailer is open.
   *
   * @throws {TypeError | RangeError} Naming what of the letter cannot be sent.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the server refused it, `ERR_LIMIT` if too many mails wait,
   *   or it is longer than the server takes; `ERR_CLOSED` after `close`.
   */
  send(letter: Letter): Promise<SentMail>
  /** Calls the listener for what failed and is tried again. Returns a function that removes it. */
  onError(listener: (error: unknown) => void): () => void
  /** Lets mails under way be sent, for a while, and frees everything. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Opens a mailer. It connects when there is something to send.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function openMailer(options: MailerOptions & ConnectionOptions): Mailer {
  return new QueuedMailer(resolveMailer(options))
}

class QueuedMailer implements Mailer {
  readonly #options: ResolvedMailer
  readonly #queue: MailQueue
  readonly #listeners = new Set<(error: unknown) => void>()
  #closing: Promise<void> | undefined

  constructor(options: ResolvedMailer) {
    this.#options = options
    const report = (error: unknown): void => {
      for (const listener of this.#listeners) listener(error)
    }
    this.#queue = new MailQueue({ ...options.queue, report })
  }

  async send(letter: Letter): Promise<SentMail> {
    if (this.#closing !== undefined) throw closedError()
    const { from, inbox, maxPayloadBytes } = this.#options
    const to = recipientsOf(letter)
    const payloads = [...(letter.items ?? []).map(({ payload }) => payload), letter.archive]
    for (const payload of payloads) {
      if (payload === undefined || payload.length <= maxPayloadBytes) continue
      throw new RangeError(
        `a payload is ${payload.length} bytes, limit is ${maxPayloadBytes} (maxPayloadBytes)`,
      )
    }
    const messageId = newMessageId(from)
    const envelope = {
      from,
      messageId,
      date: new Date(),
      ...(inbox === undefined ? {} : { inbox }),
    }
    const mail = await composeMail(letter, envelope)
    await this.#queue.push({ compose: async () => mail, from, to, byteCount: mail.length })
    return { messageId }
  }

  onError(listener: (error: unknown) => void): () => void {
    const own = (error: unknown): void => listener(error)
    this.#listeners.add(own)
    return () => void this.#listeners.delete(own)
  }

  close(): Promise<void> {
    this.#closing ??= this.#queue.close()
    return this.#closing
  }
}
