// SPDX-License-Identifier: Apache-2.0
/**
 * What a file is, as far as its form tells, and which command takes it: so that whoever gives a file to
 * the wrong command is told the right one. Nothing of it is verified.
 *
 * @module
 */

import { ArchiveReader, utf8, WaxwingError } from '@waxwing/core'
import { UsageError } from './exit-codes.js'
import { unwrapped } from './files.js'
import { compactObject } from './inspect/compact-tree.js'
import { textOf } from './inspect/content.js'
import { datagramsOf } from './inspect/datagram.js'
import { edhocFileTree } from './inspect/edhoc-tree.js'
import { kindOf } from './inspect/item-tree.js'

export type FileKind =
  | 'enrolment'
  | 'admission'
  | 'bundle'
  | 'objects'
  | 'messages'
  | 'database'
  | 'datagrams'
  | 'edhoc'
  | 'compact'
  | 'mail'
  | 'empty'
  | 'nothing'

/** So much of a mail is looked at. */
const MAIL_HEAD_BYTES = 8192
const SQLITE: Uint8Array = utf8('SQLite format 3\0')

const WHAT: Readonly<Record<FileKind, string>> = {
  enrolment: 'is a request to be admitted to a domain: waxwing domain admit FILE --out FILE',
  admission: 'is an admission to a domain: waxwing id admit FILE --domain ID',
  bundle: 'is a trust bundle: waxwing take FILE, or waxwing domain partner add FILE',
  objects: 'holds sealed messages: waxwing open FILE',
  messages: 'holds control messages: waxwing take FILE',
  database: 'is a store or the backup of one: waxwing store check, or waxwing store restore FILE',
  datagrams: 'holds messages of CoAP as they travel: waxwing inspect FILE',
  edhoc: 'is a message of EDHOC: waxwing inspect FILE',
  compact: 'is the compact form of a sealed message: waxwing inspect FILE',
  mail: 'is a mail, or a file of mails: waxwing mail fetch FILE',
  empty: 'is empty',
  nothing: 'is nothing of Waxwing: no object, no control message, no archive and nothing of CoAP',
}

export function fileKind(bytes: Uint8Array): FileKind {
  if (bytes.length === 0) return 'empty'
  if (SQLITE.every((byte, i) => bytes[i] === byte)) return 'database'
  const kinds = kindsOf(bytes)
  if (kinds.size === 0 && isMail(bytes)) return 'mail'
  if (kinds.size === 0) return kindOfTraffic(bytes)
  if (kinds.has('object')) return 'objects'
  if (kinds.has('enrol')) return 'enrolment'
  if (!kinds.has('trust-bundle')) return 'messages'
  if (kinds.has('credential')) return 'admission'
  return kinds.size === 1 ? 'bundle' : 'messages'
}

/** @throws {UsageError} If the file is none of these, naming the command that takes it. */
export function assertKind(file: string, bytes: Uint8Array, ...wanted: readonly FileKind[]): void {
  const kind = fileKind(bytes)
  if (!wanted.includes(kind)) throw new UsageError(describeFile(file, kind))
}

export function describeFile(file: string, kind: FileKind): string {
  return `${file === '-' ? 'what came' : file} ${WHAT[kind].replaceAll('FILE', file)}`
}

/** A header field in the first line, or the line with which mailbox files begin; and a field that all mails have. */
function isMail(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, MAIL_HEAD_BYTES)).toString('latin1')
  return /^(?:From |[\w-]+:[ \t])/.test(head) && /^(?:From|Received|Date):[ \t]/m.test(head)
}

/** Nothing of ours begins as messages of CoAP and EDHOC do, so these come last. */
function kindOfTraffic(bytes: Uint8Array): FileKind {
  if (datagramsOf(bytes) !== undefined) return 'datagrams'
  if (edhocFileTree(unwrapped(bytes)) !== undefined) return 'edhoc'
  return isCompactForm(bytes) ? 'compact' : 'nothing'
}

/** Several words look like base64, too, and what they would be in it like a compact form. */
function isCompactForm(bytes: Uint8Array): boolean {
  const isOneWord = !/\s/.test(textOf(bytes)?.trim() ?? '')
  return isOneWord && compactObject(unwrapped(bytes)) !== undefined
}

/** What its items are, up to where it is damaged. */
function kindsOf(bytes: Uint8Array): ReadonlySet<string> {
  let items: readonly Uint8Array[] = []
  try {
    items = new ArchiveReader().push(unwrapped(bytes))
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
  }
  return new Set(items.flatMap((item) => kindOf(item) ?? []))
}
