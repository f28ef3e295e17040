// SPDX-License-Identifier: Apache-2.0
/**
 * One run of `waxwing mail fetch`: an endpoint without a transport, mails from somewhere, answers that go
 * back, and what is said of it all in the end.
 *
 * @module
 */

import type { Endpoint, Reader, ReaderOptions } from '@waxwing/client'
import type { Context } from '../context.js'
import { keptReader } from '../kept-reader.js'
import { counted, messageOf, type Json } from '../output.js'
import type { IncomingFiles } from '../transfers/incoming-files.js'
import { Receiving } from '../transfers/receiving.js'
import { accountOf, hasAccount, ownMailbox } from './account-of-home.js'
import type { ArchiveAccount } from '../archive-reading.js'
import { MailAnswers } from './answers.js'
import { AskedList } from './asked.js'
import { KeyAsking } from './key-asking.js'
import { MailPeers } from './learning.js'
import { readPast } from './mail-history.js'
import { MailTaking } from './mail-taking.js'
import { MailTally } from './mail-tally.js'
import type { IncomingMail } from './mails.js'
import { OpenedMail } from './opened-mail.js'
import { folderOffice, serverOffice, type PostOffice } from './post-office.js'
import { WaitingGrants } from './waiting-grants.js'

export interface FetchingWish {
  readonly incoming: IncomingFiles
  /** Nothing is recorded as read, and nothing kept for later. */
  readonly isPast: boolean
  readonly pattern: string
  readonly reason: string | undefined
  readonly askAtOnce: boolean
  /** What comes is waited for: keys are asked for after each mail, and not at an end. */
  readonly stays: boolean
  /** A folder for answers, instead of the server. */
  readonly answers: string | undefined
  readonly sender: string | undefined
  readonly acceptUnsigned: boolean
}

const POST_PATIENCE_MS = 120_000
const MAX_IN_FLIGHT = 64

export class MailFetching {
  readonly #context: Context
  readonly #endpoint: Endpoint
  readonly #wish: FetchingWish
  readonly #tally = new MailTally()
  readonly #receiving: Receiving
  readonly #opened: OpenedMail
  readonly #asked: AskedList
  readonly #answers: MailAnswers
  readonly #asking: KeyAsking
  readonly #peers: MailPeers
  #past: ArchiveAccount | undefined

  private constructor(
    context: Context,
    endpoint: Endpoint,
    wish: FetchingWish,
    { peers, office }: { readonly peers: MailPeers; readonly office: PostOffice | undefined },
  ) {
    this.#context = context
    this.#endpoint = endpoint
    this.#wish = wish
    this.#peers = peers
    const { output, home } = context
    this.#receiving = new Receiving(output, wish.incoming, false)
    this.#opened = new OpenedMail(output, this.#receiving)
    this.#asked = new AskedList(home.path('mail-asked.json'))
    const post = office && ((letter: Parameters<PostOffice['post']>[0]) => office.post(letter))
    this.#answers = new MailAnswers({ peersFor: (address) => peers.mailboxesFor(address), post })
    this.#asking = new KeyAsking({
      endpoint,
      answers: this.#answers,
      asked: this.#asked,
      output,
      reason: wish.reason,
      atOnce: wish.askAtOnce,
    })
  }

  /** @throws {WaxwingError} What the store refuses. */
  static async open(
    context: Context,
    endpoint: Endpoint,
    wish: FetchingWish,
  ): Promise<MailFetching> {
    const { store } = endpoint.parts.runtime
    const account = hasAccount(context) ? accountOf(context) : undefined
    const report = (error: unknown): void => context.output.warn(messageOf(error))
    const peers = await MailPeers.open(store, account ?? {}, report)
    context.defer(() => peers.settled())
    const office = officeFor(context, endpoint, wish)
    if (office !== undefined) context.defer(() => office.close())
    return new MailFetching(context, endpoint, wish, { peers, office })
  }

  /** Takes mails as they come, and what waited for grants that they bring. */
  async take(mails: AsyncIterable<IncomingMail>): Promise<void> {
    const { stop } = this.#context
    const reader = this.#endpoint.reader('#', this.#readerOptions())
    await reader.start()
    const [endpoint, asked, opened] = [this.#endpoint, this.#asked, this.#opened]
    const waiting = new WaitingGrants({ endpoint, reader, asked, opened })
    const taking = new MailTaking({
      endpoint,
      reader,
      opened,
      asked,
      answers: this.#answers,
      asking: this.#asking,
      peers: this.#peers,
      tally: this.#tally,
      output: this.#context.output,
    })
    try {
      for await (const mail of mails) {
        await this.#takeOne(taking, mail)
        waiting.assertNotFailed()
        if (this.#wish.stays) await this.#ask(reader)
      }
      await waiting.settled(stop.signal)
      await this.#opened.flush()
      if (!stop.isAsked) await this.#ask(reader)
    } finally {
      await reader.close()
      await waiting.close()
    }
  }

  /** Opens what mails of the past hold. */
  async readPast(
    mails: AsyncIterable<IncomingMail>,
    span: { from?: Date; until?: Date },
  ): Promise<void> {
    const options = { ...this.#readerOptions(), name: 'mail history' }
    const reader = keptReader(this.#endpoint, this.#wish.pattern, options)
    this.#context.defer(() => reader.close())
    const [endpoint, opened, asked] = [this.#endpoint, this.#opened, this.#asked]
    const [peers, tally] = [this.#peers, this.#tally]
    const account = await readPast(mails, { endpoint, reader, opened, asked, peers, tally, span })
    this.#past = account
    const missing = new Set(account.missingKids)
    await this.#asking.ask((kid) => missing.has(kid))
  }

  /** Says what became of it all. @throws {IncompleteError} If pieces of a file of the past are missing. */
  conclude(): void {
    const { output } = this.#context
    const { messages } = this.#opened
    const { sent, unsendable } = this.#answers
    const value: { [key: string]: Json } = {
      ...this.#tally.toJson(),
      messages,
      answers: sent,
      unsendable,
    }
    if (this.#past !== undefined) {
      value['skipped'] = { ...this.#past.skipped }
      value['missingKids'] = [...this.#past.missingKids]
    }
    if (output.json) output.result({ summary: value }, [])
    output.note(`Took ${counted(this.#tally.mails, 'mail')}: ${counted(messages, 'message')}.`)
    for (const line of [...this.#tally.lines, ...(this.#past?.lines ?? [])]) output.note(line)
    if (unsendable > 0) {
      output.note(
        `${counted(unsendable, 'answer')} could not be sent: --answers FOLDER writes them`,
      )
    }
    this.#receiving.conclude(false)
  }

  async #takeOne(taking: MailTaking, mail: IncomingMail): Promise<void> {
    if ('error' in mail) taking.refuse(mail.error)
    else if (await taking.take(mail.content)) await mail.acknowledge()
  }

  async #ask(reader: Reader): Promise<void> {
    const parked = new Set((await reader.parked()).map(({ kid }) => kid))
    await this.#asking.ask((kid) => parked.has(kid))
    this.#asking.forget((kid) => parked.has(kid))
  }

  #readerOptions(): ReaderOptions {
    return {
      name: 'mail',
      transfers: 'pieces',
      topicBinding: 'report', // a mailbox is no topic: what counts is the stream's true name
      maxInFlight: MAX_IN_FLIGHT,
      holdWhenFull: true,
      request: false,
      acceptUnsigned: this.#wish.acceptUnsigned,
      ...(this.#wish.reason === undefined ? {} : { reason: this.#wish.reason }),
    }
  }
}

function officeFor(
  context: Context,
  endpoint: Endpoint,
  { answers, sender }: FetchingWish,
): PostOffice | undefined {
  const { output, stop } = context
  const principal = endpoint.parts.identity.id
  if (answers !== undefined) {
    return folderOffice(answers, { from: sender ?? ownMailbox(context), principal })
  }
  if (!hasAccount(context)) return undefined
  const account = accountOf(context)
  let last = ''
  return serverOffice(
    account,
    { from: account.from, principal },
    {
      signal: stop.signal,
      patienceMs: POST_PATIENCE_MS,
      onTrouble: (error) => {
        if (messageOf(error) !== last) output.warn(`${messageOf(error)}; trying again.`)
        last = messageOf(error)
      },
    },
  )
}
