// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `verifyChain` and `verifyGrant` (`docs/spec/07-granting.md` Section 7.5.2), rule by
 * rule in the order of the specification.
 *
 * @module
 */

import { hex, sha256 } from '../../../../tools/vectors/frozen/primitives.ts'
import { generationId } from '../../../../tools/vectors/frozen/statements.ts'
import { cover, LAST_EPOCH, type Span } from '../../../../tools/vectors/frozen/tree.ts'
import type { CborMap } from './cbor.ts'
import { insist, refuse } from './refusal.ts'
import { LINK, MANIFEST, mapObeying } from './rules.ts'
import { checkSignature, readStatement, type Statement } from './statements.ts'
import { checkName, resolve, revokedSince, SKEW, type Held, type Principal } from './trust.ts'

/** A decoded link. Ids and digests are hex. */
export interface Link {
  readonly generationId: string
  readonly grantId: string
  readonly issuer: string
  readonly grantee: string
  readonly kemKey: string
  readonly span: Span
  readonly rights: 'read' | 'share'
  readonly depth: number
  readonly issued: number
  readonly end: number | null
  readonly parent: string | null
  readonly nodesDigest: string
  readonly credential: Uint8Array | null
  readonly statement: Statement
}

/** Decodes a link (Section 7.5.1). @throws {Refusal} */
export function readLink(bytes: Uint8Array): Link {
  const statement = readStatement(bytes, 'link')
  const map = mapObeying(LINK, statement.payload)
  const hexOf = (key: number): string => hex(map.get(key) as Uint8Array)
  const [first = 0, last = 0] = map.get(6) as readonly number[]
  return {
    generationId: hexOf(1),
    grantId: hexOf(2),
    issuer: hexOf(3),
    grantee: hexOf(4),
    kemKey: hexOf(5),
    span: { first, last },
    rights: map.get(7) === 1 ? 'read' : 'share',
    depth: map.get(8) as number,
    issued: map.get(9) as number,
    end: map.get(10) as number | null,
    parent: map.get(11) === null ? null : hexOf(11),
    nodesDigest: hexOf(12),
    credential: map.get(13) as Uint8Array | null,
    statement,
  }
}

/** A decoded manifest. Ids are hex. */
export interface Manifest {
  readonly generationId: string
  readonly domain: string | null
  readonly producer: string
  readonly streamName: string
  readonly epochSeconds: number
  readonly alg: number
  readonly kidBytes: number
  readonly isSession: boolean
  readonly signatureMode: number
  readonly statement: Statement
  readonly fields: CborMap
}

/** Decodes a manifest (Sections 3.2 and 3.3). @throws {Refusal} */
export function readManifest(bytes: Uint8Array): Manifest {
  const statement = readStatement(bytes, 'manifest')
  const fields = mapObeying(MANIFEST, statement.payload)
  const domain = fields.get(1) as Uint8Array | null
  const producer = fields.get(2) as Uint8Array
  return {
    // The twin has checked that the payload is the one encoding of these fields.
    generationId: hex(generationId(producer, fields as Parameters<typeof generationId>[1])),
    domain: domain === null ? null : hex(domain),
    producer: hex(producer),
    streamName: fields.get(3) as string,
    epochSeconds: fields.get(5) as number,
    alg: fields.get(6) as number,
    kidBytes: fields.get(7) as number,
    isSession: fields.get(8) === 0,
    signatureMode: fields.get(9) as number,
    statement,
    fields,
  }
}

export interface Circumstances {
  readonly held: Held
  readonly now: number
  /** When the message that brought the chain was issued. */
  readonly issued: number
}

export interface Chain {
  readonly links: readonly Link[]
  readonly issuers: readonly Principal[]
}

/** Verifies a chain for a producer. @throws {Refusal} */
export function verifyChain(
  encoded: readonly Uint8Array[],
  producer: string,
  circumstances: Circumstances,
): Chain {
  insist(encoded.length >= 1 && encoded.length <= 4, 'ERR_CHAIN')
  const links = encoded.map(readLink)
  const issuers = links.map((link, i) => {
    const parent = links[i - 1]
    if (parent === undefined) {
      insist(link.parent === null && link.issuer === producer, 'ERR_CHAIN') // rule 1
    } else insist(mayFollow(link, parent), 'ERR_CHAIN') // rule 2
    return checkLink(link, parent === undefined, circumstances)
  })
  return { links, issuers }
}

function mayFollow(link: Link, parent: Link): boolean {
  return (
    link.parent === hex(parent.statement.digest) &&
    link.issuer === parent.grantee &&
    link.generationId === parent.generationId &&
    link.grantId === parent.grantId &&
    parent.rights === 'share' &&
    link.depth < parent.depth &&
    link.span.first >= parent.span.first &&
    link.span.last <= parent.span.last &&
    (link.end ?? Infinity) <= (parent.end ?? Infinity) &&
    link.issued >= parent.issued - SKEW
  )
}

/** Rules 3 to 9. Returns who issued it. */
function checkLink(link: Link, isFirst: boolean, circumstances: Circumstances): Principal {
  const { held, now, issued } = circumstances
  insist(link.issued <= now + SKEW, 'ERR_CHAIN')
  insist((link.end ?? Infinity) > Math.max(now, issued), 'ERR_EXPIRED')
  const issuer = resolve(held, link.issuer, link.credential)
  insist(hex(link.statement.author) === link.issuer, 'ERR_CHAIN')
  checkSignature(link.statement, issuer.key)
  insist(link.issued < issuer.expires && link.issued >= issuer.issued - SKEW, 'ERR_EXPIRED')
  if (!isFirst) insist(revokedSince(held, issuer) === Infinity, 'ERR_REVOKED')
  return issuer
}

export interface Grant {
  readonly manifest: Uint8Array
  readonly chain: readonly Uint8Array[]
  readonly nodes: Uint8Array
}

export interface Recipient {
  /** Hex. */
  readonly grantee: string
  /** The thumbprint of the KEM key that opened the message, in hex, where it came sealed. */
  readonly kemKey: string | undefined
}

export interface VerifiedGrant extends Chain {
  readonly manifest: Manifest
  readonly producer: Principal
  /** Depth, index and key in hex. */
  readonly nodes: readonly (readonly [number, number, string])[]
}

/** Verifies a grant to ourselves, but for its author (rules 1 to 10). @throws {Refusal} */
export function verifyGrant(
  grant: Grant,
  { grantee, kemKey }: Recipient,
  circumstances: Circumstances,
): VerifiedGrant {
  const manifest = readManifest(grant.manifest)
  const chain = verifyChain(grant.chain, manifest.producer, circumstances)
  const last = chain.links.at(-1)!
  const producer = chain.issuers[0]!
  insist(last.generationId === manifest.generationId, 'ERR_CHAIN')
  insist(last.grantee === grantee, 'ERR_RECIPIENT')
  insist(kemKey === undefined || last.kemKey === kemKey, 'ERR_RECIPIENT')
  insist(hex(sha256(grant.nodes)) === last.nodesDigest, 'ERR_CHAIN')
  insist(isLease(last, manifest.epochSeconds), 'ERR_CHAIN')
  checkName(producer, manifest.domain, manifest.streamName)
  const nodes = readNodes(grant.nodes, last.span)
  insist(hex(manifest.statement.author) === manifest.producer, 'ERR_SIGNATURE')
  checkSignature(manifest.statement, producer.key)
  return { ...chain, manifest, producer, nodes }
}

/** Whether a right to read that ends keeps to the epochs before its end. */
function isLease({ rights, end, span }: Link, epochSeconds: number): boolean {
  if (rights === 'share' || end === null) return true
  return span.last <= Math.min(Math.floor(end / epochSeconds), LAST_EPOCH)
}

/** The nodes of a span's cover (Section 5.3). @throws {Refusal} `ERR_MALFORMED`. */
export function readNodes(
  bytes: Uint8Array,
  span: Span,
): readonly (readonly [number, number, string])[] {
  const positions = cover(span)
  if (bytes.length !== 32 * positions.length) return refuse('ERR_MALFORMED')
  return positions.map(([depth, index], i) => {
    return [depth, index, hex(bytes.slice(32 * i, 32 * i + 32))] as const
  })
}
