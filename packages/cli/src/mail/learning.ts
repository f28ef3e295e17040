// SPDX-License-Identifier: Apache-2.0
/**
 * Who is reached at which mailbox, as mails say it: hints of anyone, kept in the home beside those of the
 * transport (`docs/spec/09-bindings.md` Section 9.9).
 *
 * @module
 */

import { isControlAddress, type Store } from '@waxwing/core'
import { PEERS_TABLE, type MailContent } from '@waxwing/email'
import { Correspondents, inboxOf } from '@waxwing/transport-kit'

const MAX_PEERS = 4

export class MailPeers {
  readonly #correspondents: Correspondents
  readonly #own: string
  readonly #configured: Readonly<Record<string, string>>
  readonly #to: readonly string[]

  private constructor(correspondents: Correspondents, terms: MailPeersTerms) {
    this.#correspondents = correspondents
    this.#own = (terms.from ?? '').toLowerCase()
    this.#configured = terms.peers ?? {}
    this.#to = terms.to ?? []
  }

  /** @throws {WaxwingError} What the store refuses. */
  static async open(
    store: Store,
    terms: MailPeersTerms,
    report: (error: unknown) => void,
  ): Promise<MailPeers> {
    const wish = {
      store,
      table: PEERS_TABLE, // both know what one of them learned
      maxPeers: MAX_PEERS,
      report,
    }
    return new MailPeers(await Correspondents.open(wish), terms)
  }

  /** Remembers what a mail says of where its sender is reached. */
  learn({ replyTo, inbox, items }: MailContent): void {
    if (replyTo === undefined || replyTo.toLowerCase() === this.#own) return
    if (inbox !== undefined) this.#correspondents.learnInbox(inbox, replyTo)
    for (const { payload, address = '' } of items) {
      if (!isControlAddress(address)) this.#correspondents.learnObject(payload, replyTo)
    }
  }

  /** The mailboxes of who is behind a control address, the newest first. */
  mailboxesFor(address: string): readonly string[] {
    const configured = this.#configured[inboxOf(address)?.split('/').at(-1) ?? '']
    if (configured !== undefined) return [configured]
    const learned = this.#correspondents.peersFor(address)
    return learned.length > 0 ? learned : this.#to
  }

  /** Resolves when what was learned is in the store. */
  async settled(): Promise<void> {
    await this.#correspondents.settled()
  }
}

export interface MailPeersTerms {
  /** The own mailbox: nobody else is reached there. */
  readonly from?: string | undefined
  /** Mailboxes by principal id in base64url. */
  readonly peers?: Readonly<Record<string, string>>
  /** Who is asked where nobody is known. */
  readonly to?: readonly string[]
}
