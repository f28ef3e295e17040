// SPDX-License-Identifier: Apache-2.0
/**
 * Mails taken apart into items, for the handlers of subscriptions, and put together again to be settled
 * (`docs/spec/09-bindings.md` Section 9.9.3).
 *
 * - A mail is settled once each of its items was, by a handler, and never earlier. What nobody here
 *   subscribes to keeps its mail in the mailbox.
 * - What of a mail was settled comes no second time while this process lives, though the mail may.
 * - Control messages go before data, however many of these nobody acknowledges. Where a mail does not say
 *   what it holds, it is looked into, and what of it is data waits like all data.
 *
 * @module
 */

import type { MessageHandler } from '@waxwing/core'
import { Handlers, lostError, type HandlingTerms, type Settlement } from '@waxwing/transport-kit'
import type { MailItem } from '../letter.js'
import type { Candidate } from '../mailbox/candidate.js'
import type { FetchedMail, Verdict, Want } from '../mailbox/mailbox-watch.js'
import { ItemFilter } from './item-filter.js'
import { OpenMail, type Held, type Outcome } from './open-mail.js'

export interface DispatchTerms extends HandlingTerms {
  readonly maxUnacknowledgedBytes: number
  /** All items of a mail were settled. */
  readonly settle: (uid: number, verdict: Verdict) => Promise<void>
  /** Nobody has anything of a mail any more, and some of it was not settled. */
  readonly release: (uid: number) => void
}

/** Control messages in hand, for each of the data messages that may be. */
const CONTROL_SHARE = 4

interface Feed {
  readonly filter: ItemFilter
  readonly handlers: Handlers
}

export class ItemDispatch {
  readonly #terms: DispatchTerms
  readonly #feeds = new Map<string, Feed>()
  readonly #mails = new Map<number, OpenMail>()
  /** Of the mails in hand: of those with data, and of those with control messages alone. */
  readonly #heldBytes = { data: 0, control: 0 }
  /** Counts changes of what is subscribed to. */
  #version = 0

  constructor(terms: DispatchTerms) {
    this.#terms = terms
  }

  /** The inbox that is subscribed to; the first one. */
  get inbox(): string | undefined {
    for (const { filter } of this.#feeds.values()) {
      if (filter.inbox !== undefined) return filter.inbox
    }
    return undefined
  }

  /** Adds a handler. Returns what removes it, safe to call twice. */
  add(filter: string, handler: MessageHandler): () => void {
    let feed = this.#feeds.get(filter)
    if (feed === undefined) {
      feed = { filter: new ItemFilter(filter), handlers: new Handlers(this.#terms) }
      this.#feeds.set(filter, feed)
    }
    const own = feed
    const remove = own.handlers.add(handler)
    this.#version++
    return () => {
      remove()
      if (own.handlers.size === 0 && this.#feeds.get(filter) === own) this.#feeds.delete(filter)
    }
  }

  wants(candidate: Candidate): Want {
    if (candidate.isReport) return 'yes'
    const mail = this.#mails.get(candidate.uid)
    if (mail?.nobodyWantedAt === this.#version) return 'never'
    const isKnownData = mail?.lookedIntoAt === this.#version && !mail.hasControlLeft
    let [isWanted, isControl, hasRoom, isFull] = [false, false, false, false]
    for (const { filter, handlers } of this.#feeds.values()) {
      if ((filter.isControl && isKnownData) || !filter.mayWant(candidate.addresses)) continue
      isWanted = true
      if (filter.isControl) {
        isControl = true
        hasRoom ||= handlers.unsettled < CONTROL_SHARE * this.#terms.maxUnacknowledged
      } else isFull ||= handlers.unsettled >= this.#terms.maxUnacknowledged
    }
    if (!isWanted) return 'never'
    const { sizeBytes } = candidate
    if (isControl) return hasRoom && this.#mayHold('control', sizeBytes) ? 'first' : 'no'
    return !isFull && this.#mayHold('data', sizeBytes) ? 'yes' : 'no'
  }

  take({ candidate, content, redelivered }: FetchedMail): void {
    const { uid, sizeBytes } = candidate
    const mail = this.#mails.get(uid) ?? new OpenMail(content.items.length)
    this.#mails.set(uid, mail)
    const all = content.items.flatMap((item, index) =>
      mail.isSettled(index) ? [] : this.#offersOf(item, index),
    )
    mail.lookedInto(
      this.#version,
      all.filter(({ feed }) => feed.filter.isControl).map(({ index }) => index),
    )
    const offers = this.#withRoom(all, mail, sizeBytes)
    mail.begin(offers.map(({ index }) => index))
    if (offers.length === 0) {
      if (all.length === 0) mail.nobodyWantedAt = this.#version
      this.#finished(uid, mail).catch((error: unknown) => this.#terms.report(error))
      return
    }
    this.#hold(
      mail,
      offers.every(({ feed }) => feed.filter.isControl) ? 'control' : 'data',
      sizeBytes,
    )
    for (const { item, index, feed, address, isCopy } of offers) {
      const payload = isCopy ? new Uint8Array(item.payload) : item.payload
      const parcel = { address, payload, properties: {}, retained: false, redelivered }
      feed.handlers.offer(parcel, this.#settlement(uid, mail, index))
    }
  }

  /** The connection is gone: everything in hand comes again. */
  lost(): void {
    for (const { handlers } of this.#feeds.values()) handlers.lost()
    for (const mail of this.#mails.values()) this.#takeBack(mail)
  }

  /** UIDs are void. */
  forget(): void {
    this.#mails.clear()
  }

  close(): void {
    for (const { handlers } of this.#feeds.values()) handlers.close()
    this.#feeds.clear()
  }

  #offersOf(item: MailItem, index: number): Offer[] {
    const offers: Offer[] = []
    for (const feed of this.#feeds.values()) {
      const address = feed.filter.addressFor(item)
      if (address === undefined) continue
      offers.push({ item, index, feed, address, isCopy: offers.length > 0 })
    }
    return offers
  }

  #settlement(uid: number, mail: OpenMail, index: number): Settlement {
    const round = mail.round
    const settle = (outcome: Outcome | undefined): Promise<void> => {
      if (mail.round !== round) return Promise.reject(lostError())
      mail.settled(index, outcome)
      return mail.isInHand ? Promise.resolve() : this.#finished(uid, mail)
    }
    return {
      acknowledge: () => settle({ kind: 'handled' }),
      reject: (reason) => settle({ kind: 'rejected', reason }),
      giveBack: () => void settle(undefined).catch(() => undefined),
    }
  }

  /** Nobody has anything of it any more. */
  #finished(uid: number, mail: OpenMail): Promise<void> {
    this.#takeBack(mail)
    if (!mail.isDone) {
      this.#terms.release(uid)
      return Promise.resolve()
    }
    this.#mails.delete(uid)
    return this.#terms.settle(uid, { rejected: mail.rejected() })
  }

  /** What is handed out now: data only where there is room for it, since the mail came for something else. */
  #withRoom(offers: readonly Offer[], mail: OpenMail, sizeBytes: number): readonly Offer[] {
    const data = offers.filter(({ feed }) => !feed.filter.isControl)
    const most = this.#terms.maxUnacknowledged
    const isFull = data.some(({ feed }) => feed.handlers.unsettled >= most)
    if (data.length === 0 || (!isFull && this.#mayHold('data', sizeBytes))) return offers
    return offers.filter(({ index }) => mail.isControl(index))
  }

  #mayHold(kind: Held, bytes: number): boolean {
    const held = this.#heldBytes[kind]
    return held === 0 || held + bytes <= this.#terms.maxUnacknowledgedBytes
  }

  #hold(mail: OpenMail, kind: Held, bytes: number): void {
    mail.held = { kind, bytes }
    this.#heldBytes[kind] += bytes
  }

  #takeBack(mail: OpenMail): void {
    mail.round++
    if (mail.held !== undefined) this.#heldBytes[mail.held.kind] -= mail.held.bytes
    mail.held = undefined
  }
}

interface Offer {
  readonly item: MailItem
  readonly index: number
  readonly feed: Feed
  readonly address: string
  readonly isCopy: boolean
}
