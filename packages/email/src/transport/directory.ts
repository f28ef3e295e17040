// SPDX-License-Identifier: Apache-2.0
/**
 * Which mailboxes an address means (`docs/spec/09-bindings.md` Section 9.9.5): what was configured, what
 * was learned from mails that came, and routes, in that order.
 *
 * What was learned is a hint of anyone. What goes there is sealed, or as public as the kid that it asks for.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import { Correspondents, inboxOf, transportError } from '@waxwing/transport-kit'
import type { ResolvedEmail } from '../email-options.js'
import type { MailContent } from '../letter.js'

/** Where a store keeps who is reached at which mailbox, as `Correspondents` of the transport kit has it. */
export const PEERS_TABLE: string = 'email.peers'

export class Directory {
  readonly #options: ResolvedEmail
  readonly #correspondents: Promise<Correspondents>

  constructor(options: ResolvedEmail, report: (error: unknown) => void) {
    this.#options = options
    const { store, maxPeers } = options
    this.#correspondents = Correspondents.open({
      store,
      table: PEERS_TABLE,
      maxPeers,
      report,
    }).catch((error: unknown) => {
      report(error) // without what was known before
      return Correspondents.open({ table: PEERS_TABLE, maxPeers, report })
    })
  }

  /** @throws {WaxwingError} `ERR_TRANSPORT` where nobody is known: it says what to configure. */
  async mailboxesFor(address: string): Promise<readonly string[]> {
    const inbox = inboxOf(address)
    const configured = this.#options.mailboxes.get(inbox ?? '')
    if (configured !== undefined) return configured
    if (isControlAddress(address)) {
      const learned = (await this.#correspondents).peersFor(address)
      if (learned.length > 0) return learned
    }
    const routed = this.#options.routeOf(address)
    if (routed !== undefined) return routed
    const principal = inbox?.split('/').at(-1)
    const option = principal === undefined ? 'routes' : `mailboxes['${principal}'] or routes`
    throw transportError(`no mailbox is known for ${address}: configure ${option}`)
  }

  /** Remembers what a mail says of where its sender is reached. */
  async learn({ replyTo, inbox, items }: MailContent): Promise<void> {
    if (replyTo === undefined || this.#isOwn(replyTo)) return
    const correspondents = await this.#correspondents
    if (inbox !== undefined) correspondents.learnInbox(inbox, replyTo)
    for (const { payload, address = '' } of items) {
      if (!isControlAddress(address)) correspondents.learnObject(payload, replyTo)
    }
  }

  /** Resolves when what was learned is in the store. */
  async settled(): Promise<void> {
    await (await this.#correspondents).settled()
  }

  #isOwn(mailbox: string): boolean {
    return mailbox.toLowerCase() === this.#options.from?.toLowerCase()
  }
}
