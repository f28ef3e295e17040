// SPDX-License-Identifier: Apache-2.0
/**
 * Which mails are looked into, told by their structure (BODYSTRUCTURE, RFC 9051 Section 7.5.2) alone:
 * a mail without an attachment of ours is never downloaded. The structure is the server's reading of
 * what anybody wrote: it decides what is fetched, and when, and nothing else.
 *
 * @module
 */

import type {
  FetchMessageObject,
  FetchQueryObject,
  ImapFlow,
  MessageStructureObject,
} from 'imapflow'
import { addressIn } from '../item-address.js'
import { partKind } from '../read-mail.js'

export interface Candidate {
  readonly uid: number
  /** The whole mail, in bytes. */
  readonly sizeBytes: number
  /** INTERNALDATE: when the server got it. */
  readonly storedAt: Date
  readonly flags: ReadonlySet<string>
  /** What its attachments are for; `undefined` where not each of them says so. */
  readonly addresses: readonly string[] | undefined
  /** Says, perhaps, that a mail of ours could not be delivered. */
  readonly isReport: boolean
}

const CANDIDATE_QUERY: FetchQueryObject = {
  uid: true,
  flags: true,
  size: true,
  internalDate: true,
  bodyStructure: true,
}

const MAX_DEPTH = 100
const MAX_ADDRESSES = 1_000

/**
 * Those of some mails that hold something of ours. One structure at a time is in memory, since each may
 * have thousands of parts.
 *
 * @throws {unknown} What broke the connection.
 */
export async function candidatesOf(
  client: ImapFlow,
  uids: readonly number[],
): Promise<readonly Candidate[]> {
  const candidates: Candidate[] = []
  for await (const message of client.fetch([...uids], CANDIDATE_QUERY, { uid: true })) {
    const candidate = candidateOf(message)
    if (candidate !== undefined) candidates.push(candidate)
  }
  return candidates
}

/** `undefined` where the mail holds nothing of ours. */
function candidateOf(message: FetchMessageObject): Candidate | undefined {
  const { uid, size = 0, internalDate, flags = new Set<string>(), bodyStructure } = message
  const addresses = new Set<string>()
  // A server that tells no structure leaves no choice but to look.
  const unknown = bodyStructure === undefined
  const found = unknown ? { isOurs: true, isUnnamed: true } : look(bodyStructure, addresses)
  const isReport =
    bodyStructure?.type === 'multipart/report' &&
    bodyStructure.parameters?.['report-type']?.toLowerCase() === 'delivery-status'
  if (!found.isOurs && !isReport) return undefined
  const storedAt = new Date(internalDate ?? 0)
  const isKnown = !found.isUnnamed && addresses.size <= MAX_ADDRESSES
  return {
    uid,
    sizeBytes: size,
    storedAt: Number.isNaN(storedAt.getTime()) ? new Date(0) : storedAt,
    flags,
    addresses: isKnown ? [...addresses] : undefined,
    isReport,
  }
}

function look(
  root: MessageStructureObject,
  addresses: Set<string>,
): { isOurs: boolean; isUnnamed: boolean } {
  let [isOurs, isUnnamed] = [false, false]
  const waiting: [MessageStructureObject, number][] = [[root, 0]]
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [node, depth] = next
    for (const child of node.childNodes ?? []) {
      if (depth < MAX_DEPTH) waiting.push([child, depth + 1])
    }
    const name = node.dispositionParameters?.['filename'] ?? node.parameters?.['name']
    const isLookedInto = node.type === 'message/rfc822' && node.childNodes === undefined
    if (partKind(node.type, name) === undefined && !isLookedInto) continue
    isOurs = true
    const address = addressIn(node.location)
    if (address === undefined) isUnnamed = true
    else addresses.add(address)
  }
  return { isOurs, isUnnamed }
}
