// SPDX-License-Identifier: Apache-2.0
/**
 * What is done with a mail: its control messages are acted on, its objects opened, or kept and asked for,
 * and answers go back.
 *
 * Invariant: once {@link MailTaking.take} has resolved, all that the mail brought is safe in the home, was
 * printed, is on disk, or is of no use to anybody here; and the answers to it are with the server.
 *
 * @module
 */

import { WaxwingError, type ErrorCode } from '@waxwing/core'
import type { Endpoint, Reader } from '@waxwing/client'
import { formatReport, type MailContent, type MailItem } from '@waxwing/email'
import { rankOf } from '../control-order.js'
import { asObject } from '../inspect/item-tree.js'
import type { Output } from '../output.js'
import type { MailAnswers } from './answers.js'
import type { AskedList } from './asked.js'
import type { KeyAsking } from './key-asking.js'
import type { MailPeers } from './learning.js'
import type { MailTally } from './mail-tally.js'
import type { OpenedMail } from './opened-mail.js'

export interface TakingInputs {
  readonly endpoint: Endpoint
  readonly reader: Reader
  readonly opened: OpenedMail
  readonly answers: MailAnswers
  readonly asking: KeyAsking
  readonly asked: AskedList
  readonly peers: MailPeers
  readonly tally: MailTally
  readonly output: Output
}

/** What is wrong with us is no reason to let a mail go. */
const OWN_TROUBLE: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'ERR_STORE_CORRUPT',
  'ERR_STORE_FOREIGN',
  'ERR_STORE_NEWER',
  'ERR_STORE_KEY',
  'ERR_STORE_FULL',
  'ERR_STORE_BUSY',
  'ERR_TRANSPORT',
  'ERR_CLOSED',
  'ERR_INTERNAL',
])

export class MailTaking {
  readonly #inputs: TakingInputs

  constructor(inputs: TakingInputs) {
    this.#inputs = inputs
  }

  /**
   * Takes a mail.
   *
   * @returns Whether that is all: `false` where there is no room for what has to wait for grants, so
   *   that the mail is to come again.
   * @throws {WaxwingError} What the store, the mail server or the file system refuses: the mail is to
   *   come again.
   */
  async take(mail: MailContent): Promise<boolean> {
    const { output, opened, answers, peers, tally } = this.#inputs
    const { items, damaged, report } = mail
    if (report !== undefined) {
      if (report.action !== 'delivered') output.warn(formatReport(report))
      if (report.action === 'failed') tally.bounced++
      return true
    }
    if (items.length === 0 && damaged.length === 0) {
      tally.foreign++
      return true
    }
    tally.mails++
    for (const { name = 'an attachment', error } of damaged) {
      tally.damaged++
      output.warn(`${fromText(mail)}: ${name} cannot be used: ${error.message}`)
    }
    peers.learn(mail)
    const [objects, control] = sortedItems(items)
    for (const { payload } of control) await this.#act(payload, mail)
    let isAll = true
    for (const item of objects) if (!(await this.#open(item, mail))) isAll = false
    await opened.flush()
    await answers.send()
    return isAll
  }

  /** A mail that is over a limit: nothing of it is read. */
  refuse(error: WaxwingError): void {
    const { tally, output } = this.#inputs
    tally.damaged++
    output.warn(`A mail cannot be read: ${error.message}`)
  }

  async #act(payload: Uint8Array, mail: MailContent): Promise<void> {
    const { endpoint, answers, tally } = this.#inputs
    try {
      const replies = await endpoint.parts.dispatcher.receive(payload)
      tally.control++
      for (const { address, payload: answer } of replies) {
        answers.add({ address, payload: answer }, mail.replyTo)
      }
    } catch (error) {
      this.#refused(error, mail)
    }
  }

  async #open({ payload, address }: MailItem, mail: MailContent): Promise<boolean> {
    const { reader, opened, asked, asking, tally } = this.#inputs
    try {
      const result = await reader.open(payload, address === undefined ? {} : { address })
      if (result.kind === 'message') await opened.take(result)
      if (result.kind !== 'parked') return true
      tally.parked++
      asked.miss(result.kid, result.epoch)
      asking.note(result)
    } catch (error) {
      if (error instanceof WaxwingError && error.details.rule === 'quota') {
        tally.left++
        return false
      }
      this.#refused(error, mail)
    }
    return true
  }

  #refused(error: unknown, mail: MailContent): void {
    if (!(error instanceof WaxwingError) || OWN_TROUBLE.has(error.code)) throw error
    const { tally, output } = this.#inputs
    if (error.code === 'ERR_REPLAYED') {
      tally.repeated++
      return
    }
    tally.refused++
    output.warn(`${fromText(mail)}: refused: ${error.message} (${error.code})`)
  }
}

function sortedItems(
  items: readonly MailItem[],
): readonly [objects: readonly MailItem[], control: readonly MailItem[]] {
  const objects = items.filter(({ payload }) => asObject(payload) !== undefined)
  const control = items
    .filter((item) => !objects.includes(item))
    .toSorted((a, b) => rankOf(a.payload) - rankOf(b.payload))
  return [objects, control]
}

/** Whoever a mail says that it is from. */
function fromText({ from = 'A mail of nobody', subject }: MailContent): string {
  return subject === undefined ? from : `${from}, “${subject}”`
}
