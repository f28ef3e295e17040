// SPDX-License-Identifier: Apache-2.0
/**
 * What makes a grant valid (`docs/spec/07-granting.md` Section 7.5.2): a chain of links from the
 * producer's own to the grantee, each narrower than the one before.
 *
 * This file is the whole rule, one step a function, in the order of the specification. Its result is
 * made nowhere else. What it cannot tell is whether the nodes are the right ones: they stay
 * provisional until an object proves them (Section 7.5.3).
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import { CLOCK_SKEW_SECONDS } from '../identity/principal.js'
import type { Trust, TrustedPrincipal } from '../identity/trust.js'
import { containsSpan, type Span } from '../key-tree/span.js'
import { decodeNodes, type TreeNode } from '../key-tree/tree.js'
import { verifyStatement } from '../statement/statement.js'
import { decodeManifest, verifyManifest, type VerifiedManifest } from '../stream/manifest.js'
import { MAX_LINKS, type Grant } from './grant.js'
import { decodeLink, lastEpochOfLease, type Link } from './link.js'
import type { Rights } from './request.js'

export interface ChainInputs {
  readonly crypto: CryptoProvider
  readonly trust: Trust
  /** Seconds since 1970, now. */
  readonly now: number
  /** When the message that brought the chain was issued. */
  readonly issued: number
}

declare const verified: unique symbol
declare const ours: unique symbol

/**
 * A chain that holds, without its nodes: the proof of who may grant what. Only {@link verifyChain}
 * makes it.
 */
export interface VerifiedChain {
  readonly generationId: Uint8Array
  readonly grantId: Uint8Array
  readonly span: Span
  readonly rights: Rights
  readonly depth: number
  /** Seconds since 1970; `null` for never. */
  readonly end: number | null
  readonly grantee: Uint8Array
  readonly links: readonly Link[]
  /** Who issued each link; the first is the producer. */
  readonly issuers: readonly TrustedPrincipal[]
  readonly [verified]: true
}

/** A grant that holds, addressed to us. Only {@link verifyGrant} makes it. */
export interface VerifiedGrant extends VerifiedChain {
  readonly manifest: VerifiedManifest
  readonly producer: TrustedPrincipal
  /** Provisional until proven by an object. Secret. */
  readonly nodes: readonly TreeNode[]
  readonly [ours]: true
}

export interface GrantInputs extends ChainInputs {
  /** Our own id. */
  readonly grantee: Uint8Array
  /** Thumbprint of the key that opened the message; `undefined` if it came unsealed. */
  readonly kemKey: Uint8Array | undefined
}

/**
 * Verifies a grant to ourselves.
 *
 * @throws {WaxwingError} `ERR_CHAIN` with the rule that it breaks; `ERR_RECIPIENT` if it is another's;
 *   what {@link Trust.resolve} throws; `ERR_NOT_AUTHORIZED` if the producer may not use the name.
 */
export function verifyGrant(grant: Grant, inputs: GrantInputs): VerifiedGrant {
  const { crypto, trust, grantee, kemKey } = inputs
  const manifest = decodeManifest(crypto, grant.manifest)
  const chain = verifyChain(grant.chain, { ...inputs, producerId: manifest.producerId })
  const [producer] = chain.issuers
  const last = chain.links.at(-1)
  if (producer === undefined || last === undefined) throw broken('empty chain')

  if (!equalBytes(chain.generationId, manifest.generationId)) throw broken('generation id')
  if (!equalBytes(last.grantee, grantee)) throw notOurs('the grant is for somebody else')
  if (kemKey !== undefined && !equalBytes(last.kemKey, kemKey)) {
    throw notOurs('the grant was sealed to another key than its link says')
  }
  if (!equalBytes(crypto.sha256(grant.nodes), last.nodesDigest)) throw broken('nodes digest')
  checkLease(last, manifest.epochSeconds)
  trust.checkMayName(producer, manifest.domainId, manifest.streamName)
  const nodes = decodeNodes(grant.nodes, last.span)
  const ofProducer = verifyManifest(manifest, producer.key)
  const found: Omit<VerifiedGrant, typeof ours> = {
    ...chain,
    manifest: ofProducer,
    producer,
    nodes,
  }
  return found as VerifiedGrant
}

/**
 * Verifies a chain from the producer down, without manifest and nodes.
 *
 * @throws {WaxwingError} As {@link verifyGrant}.
 */
export function verifyChain(
  encoded: readonly Uint8Array[],
  inputs: ChainInputs & { readonly producerId: Uint8Array },
): VerifiedChain {
  const { crypto } = inputs
  if (encoded.length === 0 || encoded.length > MAX_LINKS) throw broken('chain length')
  const links = encoded.map((bytes) => decodeLink(crypto, bytes))
  const issuers: TrustedPrincipal[] = []
  let parent: Link | undefined
  for (const link of links) {
    if (parent === undefined) checkFirst(link, inputs.producerId)
    else checkStep(parent, link)
    checkEnd(link, inputs)
    issuers.push(verifyIssuer(link, parent === undefined, inputs))
    parent = link
  }
  const last = links.at(-1)
  if (last === undefined) throw broken('chain length')
  const { generationId, grantId, span, rights, depth, end, grantee } = last
  const chain: Omit<VerifiedChain, typeof verified> = {
    generationId,
    grantId,
    span,
    rights,
    depth,
    end,
    grantee,
    links,
    issuers,
  }
  return chain as VerifiedChain
}

/** The first issuer is the manifest's producer. */
function checkFirst(link: Link, producerId: Uint8Array): void {
  if (link.parent !== null) throw broken('parent')
  if (!equalBytes(link.issuer, producerId)) throw broken('first issuer')
}

/** Each issuer is its parent's grantee, and no link is wider than its parent. */
function checkStep(parent: Link, link: Link): void {
  if (link.parent === null || !equalBytes(link.parent, parent.digest)) throw broken('parent')
  if (!equalBytes(link.issuer, parent.grantee)) throw broken('issuer')
  if (!equalBytes(link.generationId, parent.generationId)) throw broken('generation id')
  if (!equalBytes(link.grantId, parent.grantId)) throw broken('grant id')
  if (parent.rights !== 'share') throw broken('rights')
  if (link.depth >= parent.depth) throw broken('depth')
  if (!containsSpan(parent.span, link.span)) throw broken('span')
  if (parent.end !== null && (link.end === null || link.end > parent.end)) throw broken('end')
  if (link.issued + CLOCK_SKEW_SECONDS < parent.issued) throw broken('issued')
}

/** A link's end, if any, lies after the grant's issue and after now. */
function checkEnd({ end, issued }: Link, inputs: ChainInputs): void {
  if (issued > inputs.now + CLOCK_SKEW_SECONDS) throw broken('issued')
  if (end === null) return
  if (end <= inputs.issued || end <= inputs.now) {
    throw new WaxwingError('ERR_EXPIRED', 'a link of the chain has ended', { rule: 'end' })
  }
}

/**
 * The issuer is trusted, its credential counted when it signed, and it did sign. A revoked
 * delegate's link serves nothing; a revoked producer's serves the epochs before its revocation,
 * which is judged object by object.
 */
function verifyIssuer(link: Link, isProducer: boolean, inputs: ChainInputs): TrustedPrincipal {
  const { trust } = inputs
  const issuer = trust.resolve(link.issuer, link.credential)
  if (!equalBytes(link.statement.author, link.issuer)) throw broken('issuer')
  verifyStatement(link.statement, issuer.key, null)
  if (link.issued >= issuer.expires || link.issued + CLOCK_SKEW_SECONDS < issuer.issued) {
    throw new WaxwingError('ERR_EXPIRED', 'an issuer had no valid credential', {
      rule: 'credential',
    })
  }
  if (!isProducer && trust.revokedSince(issuer) !== undefined) {
    throw new WaxwingError('ERR_REVOKED', 'a delegate of the chain was revoked', {
      rule: 'revoked',
    })
  }
  return issuer
}

/** A lease is kept by missing keys: no epoch after the one that holds the end. */
function checkLease({ rights, end, span }: Link, epochSeconds: number): void {
  if (rights === 'read' && end !== null && span.last > lastEpochOfLease(end, epochSeconds)) {
    throw broken('lease')
  }
}

function broken(rule: string): WaxwingError {
  return new WaxwingError('ERR_CHAIN', `the chain of the grant breaks a rule: ${rule}`, { rule })
}

function notOurs(message: string): WaxwingError {
  return new WaxwingError('ERR_RECIPIENT', message)
}
