// SPDX-License-Identifier: Apache-2.0
/**
 * Chains of links from the plant to the desk, right ones and broken ones
 * (`docs/spec/07-granting.md` Section 7.5).
 *
 * @module
 */

import { AGENT, ANCHOR, DEPUTY, DESK, EPOCH, KEEPER, NOW, PLANT, type Actor } from './cast.ts'
import { bytesOf, hex, seedOf, sha256, thumbprint, x25519, type Signer } from './primitives.ts'
import {
  generationId,
  linkPayload,
  manifestPayload,
  statement,
  type Fields,
  type LinkInput,
} from './statements.ts'
import { nodes, type Span } from './tree.ts'

export const ROOT: Uint8Array = seedOf('root')
export const SPAN: Span = { first: EPOCH - 24, last: EPOCH + 23 }
/** The last second of the span. */
export const END: number = (SPAN.last + 1) * 3600 - 1

export const PAYLOAD: Fields = manifestPayload({
  domainId: ANCHOR.id,
  producerId: PLANT.id,
  streamName: 'plant/1/temperature',
  nonce: bytesOf('manifest nonce', 16),
})
export const MANIFEST: Uint8Array = statement({
  type: 'manifest',
  signer: PLANT,
  payload: PAYLOAD,
})
export const GENERATION_ID: Uint8Array = generationId(PLANT.id, PAYLOAD)

/** A principal who may issue links; `credential` is null for one that is only pinned. */
export interface Issuer extends Actor {
  readonly credential: Uint8Array | null
}

/** One step of a chain, with what is to be otherwise. */
export interface Step extends Partial<LinkInput> {
  readonly by: Issuer
  readonly to: Actor
  readonly signer?: Signer
  /** Default: the one who signs says that it is the issuer. */
  readonly author?: Uint8Array
}

/** The thumbprint of an actor's X25519 key. */
export function kemKeyOf({ name }: Actor): Uint8Array {
  return thumbprint('x25519', x25519(seedOf(`KEM of ${name}`)))
}

/** From the plant by as many delegates as it takes to the desk, with one step changed. */
export function steps(linkCount: number, at?: number, change: Partial<Step> = {}): Step[] {
  const path: Issuer[] = [PLANT, KEEPER, DEPUTY, AGENT].slice(0, linkCount)
  return path.map((by, i) => {
    const step = { by, to: path[i + 1] ?? DESK }
    return i === at ? { ...step, ...change } : step
  })
}

/** Signs the links one after the other, each under the one before. */
export function chain(list: readonly Step[]): Uint8Array[] {
  const links: Uint8Array[] = []
  for (const [i, step] of list.entries()) {
    const parent = links.at(-1)
    links.push(link(step, list.length - 1 - i, parent === undefined ? null : sha256(parent)))
  }
  return links
}

function link(step: Step, depth: number, parent: Uint8Array | null): Uint8Array {
  const { by, to, signer = by, author, ...changes } = step
  const span = changes.span ?? SPAN
  const payload = linkPayload({
    generationId: GENERATION_ID,
    grantId: bytesOf('grant id', 16),
    issuer: by.id,
    grantee: to.id,
    kemKey: kemKeyOf(to),
    span,
    rights: depth === 0 ? 'read' : 'share',
    depth,
    issued: NOW,
    end: END,
    parent,
    nodesDigest: sha256(nodes(ROOT, span)),
    credential: by.credential,
    ...changes,
  })
  return statement({ type: 'link', signer, author: author ?? by.id, payload })
}

export function hexChain(links: readonly Uint8Array[]): readonly string[] {
  return links.map(hex)
}
