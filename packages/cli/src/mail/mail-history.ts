// SPDX-License-Identifier: Apache-2.0
/**
 * Mails of the past, read as an archive is: nothing of them is recorded as read, and nothing parked. What
 * they hold for us, grants and whom to trust, is taken first.
 *
 * @module
 */

import type { Endpoint, Reader } from '@waxwing/client'
import { ArchiveAccount, takeForUs } from '../archive-reading.js'
import { EndpointViewer } from '../inspect/endpoint-viewer.js'
import { asObject } from '../inspect/item-tree.js'
import type { AskedList } from './asked.js'
import type { MailPeers } from './learning.js'
import type { MailTally } from './mail-tally.js'
import type { IncomingMail } from './mails.js'
import type { OpenedMail } from './opened-mail.js'

export interface HistoryInputs {
  readonly endpoint: Endpoint
  readonly reader: Reader
  readonly opened: OpenedMail
  readonly asked: AskedList
  readonly tally: MailTally
  readonly peers: MailPeers
  readonly span: { from?: Date; until?: Date }
}

/** Opens what mails hold, in their order. @returns What became of it. */
export async function readPast(
  mails: AsyncIterable<IncomingMail>,
  inputs: HistoryInputs,
): Promise<ArchiveAccount> {
  const { reader, opened, asked, span } = inputs
  const account = new ArchiveAccount()
  for await (const item of reader.readArchive(objectsOf(mails, inputs), span)) {
    account.add(item)
    if (item.kind === 'message') await opened.take(item)
    else if (item.reason === 'no-key' && item.kid !== undefined && item.epoch !== undefined) {
      asked.miss(item.kid, item.epoch)
    }
  }
  await opened.flush()
  return account
}

/** The objects, one after the other, as an archive has them; what else is for us is taken. */
async function* objectsOf(
  mails: AsyncIterable<IncomingMail>,
  { endpoint, tally, peers }: HistoryInputs,
): AsyncGenerator<Uint8Array> {
  const viewer = new EndpointViewer(endpoint)
  for await (const mail of mails) {
    if ('error' in mail) {
      tally.damaged++
      continue
    }
    const { items } = mail.content
    if (items.length === 0) tally.foreign++
    else tally.mails++
    peers.learn(mail.content)
    for (const { payload } of items) {
      if (asObject(payload) === undefined) await takeForUs(endpoint, viewer, payload)
    }
    for (const { payload } of items) if (asObject(payload) !== undefined) yield payload
  }
}
