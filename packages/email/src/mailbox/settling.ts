// SPDX-License-Identifier: Apache-2.0
/**
 * What becomes of mails that were handled (`docs/spec/09-bindings.md` Section 9.9.3): a keyword of
 * ours, another folder, or nothing at all. `\Seen` is the person's, whose mailbox it may be: it is neither
 * read nor set. What of these a mailbox cannot do is found out before the first mail is fetched.
 *
 * @module
 */

import type { ImapFlow, MailboxObject } from 'imapflow'
import { transportError } from '@waxwing/transport-kit'
import { MailboxRefused, told } from './imap-client.js'

export type Afterwards = 'flag' | 'move' | 'delete'

export interface SettlingTerms {
  readonly afterwards: Afterwards
  /** Of mails that were handled. */
  readonly keyword: string
  readonly doneFolder: string
  readonly rejectedFolder: string
}

/** Besides, of mails that could not be read. */
const REFUSED_KEYWORD = '$WaxwingRefused'

/** Checks that the folder can do what is configured. @throws {MailboxRefused} Saying what it cannot. */
export function assertSettling(
  client: ImapFlow,
  folder: MailboxObject,
  { afterwards, keyword }: SettlingTerms,
): void {
  if (folder.readOnly === true) refuse('is read-only')
  const { capabilities } = client
  const flags = folder.permanentFlags
  const takes = (flag: string): boolean =>
    flags === undefined || flags.has('\\*') || flags.has(flag)
  if (afterwards === 'flag') {
    if (takes(keyword) && takes(REFUSED_KEYWORD)) return
    refuse("keeps no keywords: set afterwards to 'move' or 'delete'")
  }
  // Without it, others' deleted mails would be expunged as well.
  if (afterwards === 'delete' && !capabilities.has('UIDPLUS')) {
    refuse("cannot expunge single mails (UIDPLUS): set afterwards to 'flag'")
  }
  if (afterwards === 'move' && !capabilities.has('MOVE') && !capabilities.has('UIDPLUS')) {
    refuse("cannot move single mails (MOVE): set afterwards to 'flag'")
  }
}

function refuse(what: string): never {
  throw new MailboxRefused(transportError(`the mailbox ${what}`))
}

/** Settles mails that were handled. @throws {WaxwingError} `ERR_TRANSPORT` if the server did not. */
export async function settleHandled(
  client: ImapFlow,
  uids: readonly number[],
  terms: SettlingTerms,
): Promise<void> {
  await settled(async () => {
    if (terms.afterwards === 'flag') return flagged(client, uids, [terms.keyword])
    if (terms.afterwards === 'move') return moved(client, uids, terms.doneFolder)
    return client.messageDelete([...uids], { uid: true })
  })
}

/** Sets mails aside that could not be read, unchanged. @throws {WaxwingError} `ERR_TRANSPORT`. */
export async function settleRefused(
  client: ImapFlow,
  uids: readonly number[],
  terms: SettlingTerms,
): Promise<void> {
  await settled(async () =>
    terms.afterwards === 'flag'
      ? flagged(client, uids, [terms.keyword, REFUSED_KEYWORD])
      : moved(client, uids, terms.rejectedFolder),
  )
}

/** Puts a mail into the folder of rejected ones. @throws {WaxwingError} `ERR_TRANSPORT`. */
export async function appendRejected(
  client: ImapFlow,
  mail: Uint8Array,
  { rejectedFolder }: SettlingTerms,
): Promise<void> {
  await settled(async () => {
    await makeFolder(client, rejectedFolder)
    return (await client.append(rejectedFolder.split('/'), mail)) !== false
  })
}

async function flagged(
  client: ImapFlow,
  uids: readonly number[],
  flags: string[],
): Promise<boolean> {
  return client.messageFlagsAdd([...uids], flags, { uid: true, silent: true })
}

async function moved(client: ImapFlow, uids: readonly number[], folder: string): Promise<boolean> {
  await makeFolder(client, folder)
  return (await client.messageMove([...uids], folder.split('/'), { uid: true })) !== false
}

/** Folders that are there, as far as a connection has found out. */
const made = new WeakMap<ImapFlow, Set<string>>()

/** Where it is there already, the server says no, and ImapFlow takes that for a yes. */
async function makeFolder(client: ImapFlow, folder: string): Promise<void> {
  const folders = made.get(client) ?? new Set()
  made.set(client, folders)
  if (folders.has(folder)) return
  await client.mailboxCreate(folder.split('/'))
  folders.add(folder)
}

async function settled(work: () => Promise<boolean>): Promise<void> {
  let isDone: boolean
  try {
    isDone = await work()
  } catch (error) {
    throw transportError(`the IMAP server did not settle a mail: ${told(error)}`, error)
  }
  if (!isDone) throw transportError('the IMAP server refused to settle a mail')
}
