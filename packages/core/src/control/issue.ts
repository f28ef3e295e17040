// SPDX-License-Identifier: Apache-2.0
/**
 * Issuing grants: the first link by a stream's producer, the next by whoever holds a grant of
 * `share` (`docs/spec/07-granting.md` Section 7.4.1). The caller decided; this only refuses what no
 * reader would accept.
 *
 * @module
 */

import type { CryptoProvider, Ed25519SigningKey } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import { containsSpan, type Span } from '../key-tree/span.js'
import { encodeNodes, type TreeNode } from '../key-tree/tree.js'
import type { VerifiedManifest } from '../stream/manifest.js'
import type { Grant } from './grant.js'
import {
  decodeLink,
  GRANT_ID_BYTES,
  lastEpochOfLease,
  MAX_DEPTH,
  signLink,
  type Link,
} from './link.js'
import type { Rights } from './request.js'

export interface Issuer {
  readonly id: Uint8Array
  readonly key: Ed25519SigningKey
  /** `null` if the issuer is only pinned. */
  readonly credential: Uint8Array | null
}

export interface IssueInputs {
  readonly crypto: CryptoProvider
  readonly manifest: VerifiedManifest
  readonly issuer: Issuer
  /** Derives the cover of a span from what the issuer holds, as `NodeRing.nodesFor` does. */
  readonly nodesFor: (span: Span) => readonly TreeNode[] | undefined
  /** The issuer's own grant of `share`; empty if it is the producer. */
  readonly parentChain: readonly Uint8Array[]
  readonly grantee: Uint8Array
  /** Thumbprint of the KEM key that the grant will be sealed to. */
  readonly kemKey: Uint8Array
  readonly span: Span
  readonly rights: Rights
  /** For `share`: how many links may follow. Default: as many as possible. */
  readonly depth?: number | undefined
  /** Seconds since 1970. */
  readonly now: number
  /** When the grant ends, or `null` for as long as its parent. */
  readonly end: number | null
}

/**
 * Issues a grant. A lease's span is cut at the epoch that holds its end.
 *
 * @returns The grant, with its secret nodes.
 * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if it is more than the issuer may give;
 *   `ERR_KEY_UNKNOWN` if the issuer does not hold the whole span.
 */
export function issueGrant(inputs: IssueInputs): Grant {
  const { crypto, manifest, issuer, parentChain, grantee, kemKey, rights, now } = inputs
  const parentBytes = parentChain.at(-1)
  const parent = parentBytes === undefined ? undefined : decodeLink(crypto, parentBytes)
  const end = earlier(inputs.end, parent?.end ?? null)
  if (end !== null && end <= now) throw notAllowed('end')
  const span = rights === 'read' ? cutAtEnd(inputs.span, end, manifest.epochSeconds) : inputs.span
  if (parent !== undefined) checkWithin(parent, span)
  const depth = depthOf(rights, inputs.depth, parent)

  const nodes = inputs.nodesFor(span)
  if (nodes === undefined) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', 'the keys of this span are not all held')
  }
  const encoded = encodeNodes(nodes)
  const link = signLink(
    {
      generationId: manifest.generationId,
      grantId: parent?.grantId ?? crypto.randomBytes(GRANT_ID_BYTES),
      issuer: issuer.id,
      grantee,
      kemKey,
      span,
      rights,
      depth,
      issued: now,
      end,
      parent: parent?.digest ?? null,
      nodesDigest: crypto.sha256(encoded),
      credential: issuer.credential,
    },
    issuer.key,
  )
  return { manifest: manifest.bytes, chain: [...parentChain, link], nodes: encoded }
}

function checkWithin(parent: Link, span: Span): void {
  if (parent.rights !== 'share') throw notAllowed('rights')
  if (!containsSpan(parent.span, span)) throw notAllowed('span')
}

function depthOf(rights: Rights, wanted: number | undefined, parent: Link | undefined): number {
  const most = parent === undefined ? MAX_DEPTH : parent.depth - 1
  if (rights === 'read') {
    if (most < 0) throw notAllowed('depth')
    return 0
  }
  const depth = wanted ?? most
  if (depth < 1 || depth > most) throw notAllowed('depth')
  return depth
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b
  return Math.min(a, b)
}

function cutAtEnd(span: Span, end: number | null, epochSeconds: number): Span {
  if (end === null) return span
  const last = Math.min(span.last, lastEpochOfLease(end, epochSeconds))
  if (last < span.first) throw notAllowed('lease')
  return { first: span.first, last }
}

function notAllowed(rule: string): WaxwingError {
  const message = `the issuer may not grant this: ${rule}`
  return new WaxwingError('ERR_NOT_AUTHORIZED', message, { rule })
}
