// SPDX-License-Identifier: Apache-2.0
/**
 * Builds streams, chains of links and grants for tests, right ones and broken ones.
 *
 * @module
 */

import {
  decodeLink,
  encodeNodes,
  generateKemKeyPair,
  kemKeyThumbprint,
  nodesFor,
  rootNode,
  signLink,
  signManifest,
  type Grant,
  type KemKeyPair,
  type KemKind,
  type Link,
  type LinkFields,
  type ManifestFields,
  type Span,
  type TreeNode,
  type VerifiedManifest,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { EPOCH, HOUR, NOW, seedOf, type Member } from './domain.js'

const crypto = sodiumProvider

/** The root of the key tree of every stream in tests. */
export const ROOT: Uint8Array = seedOf('root')

export function manifestFields(
  producer: Member,
  domain: Member | null,
  fields: Partial<ManifestFields> = {},
): ManifestFields {
  return {
    domainId: domain?.id ?? null,
    producerId: producer.id,
    streamName: 'plant/1/temperature',
    nonce: new Uint8Array(16).fill(1),
    epochSeconds: HOUR,
    alg: 24,
    kidBytes: 8,
    counterMode: 'session',
    signatureMode: 'each',
    historyMode: 'keep',
    predecessor: null,
    ...fields,
  }
}

export function manifestOf(
  producer: Member,
  domain: Member | null,
  fields: Partial<ManifestFields> = {},
): VerifiedManifest {
  return signManifest(crypto, manifestFields(producer, domain, fields), producer.key)
}

/** The nodes of a span's cover, from {@link ROOT}. */
export function nodesOf(span: Span, root: Uint8Array = ROOT): readonly TreeNode[] {
  const nodes = nodesFor(crypto, [rootNode(root)], span)
  if (nodes === undefined) throw new RangeError('a root leads to every node')
  return nodes
}

export function kemPair(name: string, kind: KemKind = 'x25519'): Promise<KemKeyPair> {
  return generateKemKeyPair(crypto, kind, seedOf(`KEM ${name}`))
}

/** A KEM key's thumbprint that stands for a member's, where no message is sealed. */
export function kemKeyOf(member: Member): Uint8Array {
  return kemKeyThumbprint(crypto, { kind: 'x25519', publicKey: seedOf(`KEM ${member.name}`) })
}

/** One link of a chain that is to be built: from whom to whom, and what is changed about it. */
export interface Step {
  readonly issuer: Member
  readonly grantee: Member
  readonly fields?: Partial<LinkFields>
  /** Who signs it instead of the issuer. */
  readonly signer?: Member
}

/** A day of epochs around {@link EPOCH}. */
export const SPAN: Span = { first: EPOCH - 24, last: EPOCH + 23 }

/**
 * Builds a chain, link by link. All links but the last share, each as deep as it must; the last one
 * reads; all last until far past the span.
 */
export function chainOf(manifest: VerifiedManifest, steps: readonly Step[]): readonly Uint8Array[] {
  let parent: Link | undefined
  return steps.map((step, i) => {
    const depth = steps.length - 1 - i
    const fields = { ...linkFields(manifest, step, depth, parent), ...step.fields }
    const bytes = signLink(fields, (step.signer ?? step.issuer).key)
    parent = decodeLink(crypto, bytes)
    return bytes
  })
}

function linkFields(
  manifest: VerifiedManifest,
  { issuer, grantee, fields }: Step,
  depth: number,
  parent: Link | undefined,
): LinkFields {
  const span = fields?.span ?? SPAN
  return {
    generationId: manifest.generationId,
    grantId: new Uint8Array(16).fill(2),
    issuer: issuer.id,
    grantee: grantee.id,
    kemKey: kemKeyOf(grantee),
    span,
    rights: depth === 0 ? 'read' : 'share',
    depth,
    issued: NOW,
    end: (span.last + 1) * manifest.epochSeconds - 1,
    parent: parent?.digest ?? null,
    nodesDigest: crypto.sha256(encodeNodes(nodesOf(span))),
    credential: issuer.credential,
  }
}

/** A whole grant. Its nodes are those of the last step's span. */
export function grantOf(manifest: VerifiedManifest, steps: readonly Step[]): Grant {
  const span = steps.at(-1)?.fields?.span ?? SPAN
  const chain = chainOf(manifest, steps)
  return { manifest: manifest.bytes, chain, nodes: encodeNodes(nodesOf(span)) }
}
