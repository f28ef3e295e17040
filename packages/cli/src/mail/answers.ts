// SPDX-License-Identifier: Apache-2.0
/**
 * What goes back by mail: answers to requests, and requests for keys, one mail for each who is to have
 * some of them.
 *
 * @module
 */

import type { Letter, LetterItem } from '@waxwing/email'

export interface AnswerTerms {
  /** The mailboxes of who is behind a control address, the newest first; none where nobody knows. */
  readonly peersFor: (address: string) => readonly string[]
  /**
   * Sends a mail. Left out: nothing can be sent.
   *
   * @throws What the server says.
   */
  readonly post: ((letter: Letter) => Promise<void>) | undefined
}

const SUBJECT = 'Sealed answer'
/** Of those who say that an inbox is theirs. */
const MAX_PEERS = 3

/** Answers that wait to be sent together. */
export class MailAnswers {
  /** Control messages that nobody could be sent, for want of a mailbox or a server. */
  unsendable = 0
  sent = 0
  readonly #terms: AnswerTerms
  readonly #waiting = new Map<string, LetterItem[]>()

  constructor(terms: AnswerTerms) {
    this.#terms = terms
  }

  /**
   * Adds an answer.
   *
   * @param fallback - The mailbox that it answers to, for where nobody is known at its address.
   * @returns Whether it can be sent.
   */
  add(item: LetterItem, fallback: string | undefined): boolean {
    const known = this.#peersFor(item.address)
    return this.#addFor(item, known.length > 0 || fallback === undefined ? known : [fallback])
  }

  /**
   * Adds something for those who are behind an address, which need not be its own.
   *
   * @returns Whether it can be sent.
   */
  addTo(item: LetterItem, address: string): boolean {
    return this.#addFor(item, this.#peersFor(address))
  }

  /** Sends what waits. @throws What the server says: what was not sent is given up. */
  async send(): Promise<void> {
    const letters = [...this.#waiting]
    this.#waiting.clear()
    for (const [to, items] of letters) {
      await this.#terms.post?.({ to, subject: SUBJECT, items })
      this.sent += items.length
    }
  }

  #peersFor(address: string | undefined): readonly string[] {
    return address === undefined ? [] : this.#terms.peersFor(address).slice(0, MAX_PEERS)
  }

  #addFor(item: LetterItem, mailboxes: readonly string[]): boolean {
    if (mailboxes.length === 0 || this.#terms.post === undefined) {
      this.unsendable++
      return false
    }
    for (const mailbox of mailboxes) {
      const items = this.#waiting.get(mailbox) ?? []
      items.push(item)
      this.#waiting.set(mailbox, items)
    }
    return true
  }
}
