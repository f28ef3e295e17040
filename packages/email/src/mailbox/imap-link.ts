// SPDX-License-Identifier: Apache-2.0
/**
 * The connection to a mailbox, for as long as that lives: made, and made again with growing pauses. The
 * folder is open in each of them before anybody hears of it.
 *
 * @module
 */

import type { ImapFlow, MailboxObject } from 'imapflow'
import type { WaxwingError } from '@waxwing/core'
import { inTime, Pauses, transportError } from '@waxwing/transport-kit'
import { connectImap, MailboxRefused, told, type ImapTerms } from './imap-client.js'

export interface LinkTerms extends ImapTerms {
  readonly folder: string
  readonly reconnectMinMs: number
  readonly reconnectMaxMs: number
}

export interface LinkOwner {
  /** Looks at the folder. @throws {MailboxRefused} If it is of no use. */
  check(client: ImapFlow, folder: MailboxObject): void | Promise<void>
  up(client: ImapFlow, folder: MailboxObject): void
  /** What `up` was called for is gone. */
  down(client: ImapFlow): void
  /** Refused at the first connection: no further attempt is made. */
  refused(error: WaxwingError): void
  report(error: unknown): void
}

const LOGOUT_MS = 2_000

export class ImapLink {
  readonly #terms: LinkTerms
  readonly #owner: LinkOwner
  readonly #pauses: Pauses
  readonly #running: Promise<void>
  #client: ImapFlow | undefined
  #wakeUp: (() => void) | undefined
  #wasUp = false
  #isEnded = false

  constructor(terms: LinkTerms, owner: LinkOwner) {
    this.#terms = terms
    this.#owner = owner
    this.#pauses = new Pauses(terms.reconnectMinMs, terms.reconnectMaxMs)
    this.#running = this.#run()
  }

  /** Says goodbye, and frees everything. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#wakeUp?.()
    const client = this.#client
    if (client !== undefined) {
      await inTime(client.logout(), LOGOUT_MS)
      client.close()
    }
    await this.#running
  }

  /** The connection is of use: the next attempt, should it break, follows after the shortest pause. */
  works(): void {
    this.#pauses.reset()
  }

  /** Gives this connection up; another one follows. */
  renew(client: ImapFlow): void {
    client.close()
  }

  async #run(): Promise<void> {
    await Promise.resolve() // so that whoever made this can listen first
    while (!this.#isEnded) {
      await this.#attempt()
      if (!this.#isEnded) await this.#pause()
    }
  }

  async #attempt(): Promise<void> {
    try {
      const client = await connectImap(this.#terms)
      this.#client = client
      await this.#use(client)
    } catch (error) {
      this.#client?.close()
      if (!this.#isEnded) this.#failed(error)
    } finally {
      this.#client = undefined
    }
  }

  #failed(error: unknown): void {
    if (error instanceof MailboxRefused && !this.#wasUp) {
      this.#isEnded = true
      this.#owner.refused(error.reason)
    } else this.#owner.report(error instanceof MailboxRefused ? error.reason : error)
  }

  async #use(client: ImapFlow): Promise<void> {
    if (this.#isEnded) {
      client.close()
      return
    }
    const { promise: closed, resolve } = Promise.withResolvers<void>()
    let why: Error | undefined
    client.on('error', (error) => (why = error))
    client.on('close', resolve)
    const folder = await this.#open(client)
    await this.#owner.check(client, folder)
    // The connection may have gone meanwhile, and its event with it.
    if (!client.usable || this.#isEnded) return
    this.#wasUp = true
    this.#owner.up(client, folder)
    await closed
    if (why !== undefined && !this.#isEnded) {
      this.#owner.report(transportError(`the IMAP connection broke: ${told(why)}`, why))
    }
    this.#owner.down(client)
  }

  async #open(client: ImapFlow): Promise<MailboxObject> {
    const { folder } = this.#terms
    try {
      return await client.mailboxOpen(folder.split('/'))
    } catch (error) {
      const failure = transportError(`could not open the folder ${folder}: ${told(error)}`, error)
      const isMissing = error instanceof Error && Reflect.get(error, 'mailboxMissing') === true
      throw isMissing ? new MailboxRefused(failure) : failure
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pauses.next())
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}
