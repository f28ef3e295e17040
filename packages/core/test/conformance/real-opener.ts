// SPDX-License-Identifier: Apache-2.0
/**
 * The same opener from this project's own parts: grants in, objects opened.
 *
 * @module
 */

import {
  ArchiveReader,
  authenticate,
  decodeCredential,
  decodeKeyCard,
  decodeLink,
  decodeManifest,
  decodeMessage,
  decodeStatement,
  decodeTrustBundle,
  decodeObject,
  equalBytes,
  GenerationOpener,
  isPackedMessage,
  kemKeyThumbprint,
  NodeRing,
  openSealedMessage,
  toHex,
  unpackMessage,
  kidOf,
  verifyGrant,
  WaxwingError,
  type KemKeyPair,
  type OpenOutcome,
  type Trust,
  type VerifiedGrant,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'

const crypto = nodeProvider

/** What became of an object. */
export interface Outcome {
  readonly outcome: string
  readonly error: string | null
  readonly plaintext: string | null
}

interface Held {
  readonly grant: VerifiedGrant
  readonly ring: NodeRing
  readonly opener: GenerationOpener
}

/** Says `valid`, or the code of the error. */
export async function codeOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return 'valid'
  } catch (error) {
    if (error instanceof WaxwingError) return error.code
    throw error
  }
}

export class RealOpener {
  readonly #held = new Map<string, Held>()
  readonly #id: Uint8Array
  readonly #key: KemKeyPair
  readonly #trust: Trust
  readonly #now: number

  constructor(id: Uint8Array, key: KemKeyPair, trust: Trust, now: number) {
    this.#id = id
    this.#key = key
    this.#trust = trust
    this.#now = now
  }

  async takeGrant(sealed: Uint8Array): Promise<void> {
    const key = this.#key
    const inside = await openSealedMessage(crypto, sealed, { id: this.#id, key })
    const { bundle } = this.#trust
    const bytes = isPackedMessage(inside)
      ? unpackMessage(inside, (reference) =>
          bundle !== undefined && equalBytes(bundle.digest, reference) ? bundle.bytes : undefined,
        )
      : inside
    const message = decodeMessage(crypto, bytes)
    const common = { crypto, trust: this.#trust, now: this.#now }
    const { body, envelope, author, type } = authenticate(message, {
      ...common,
      recipient: this.#id,
    })
    if (type !== 'grant') throw new WaxwingError('ERR_UNSUPPORTED', 'no grant')
    if (this.#trust.isFrozen(this.#now))
      throw new WaxwingError('ERR_EXPIRED', 'the bundle is frozen')
    const grant = verifyGrant(body, {
      ...common,
      issued: envelope.issued,
      grantee: this.#id,
      kemKey: kemKeyThumbprint(crypto, key),
    })
    if (!equalBytes(grant.links.at(-1)!.issuer, author))
      throw new WaxwingError('ERR_CHAIN', 'not by its last issuer')
    this.#hold(grant)
  }

  open(bytes: Uint8Array): Outcome {
    const none = { error: null, plaintext: null }
    let object
    try {
      object = decodeObject(bytes)
    } catch (error) {
      if (error instanceof WaxwingError) return { ...none, outcome: 'refused', error: error.code }
      throw error
    }
    const { kid } = object
    const tried = [...this.#held.values()].filter(({ grant }) =>
      equalBytes(kidOf(grant.manifest), kid),
    )
    const outcomes = tried.map(({ opener }) => opener.open(object))
    const best = ['opened', 'refused', 'no-key', 'failed']
      .map((kind) => outcomes.find((outcome) => outcome.kind === kind))
      .find((outcome) => outcome !== undefined)
    return best === undefined ? { ...none, outcome: 'no-key' } : shown(best)
  }

  #hold(grant: VerifiedGrant): void {
    const { manifest, producer } = grant
    const id = toHex(grant.generationId)
    let held = this.#held.get(id)
    if (held === undefined) {
      const ring = new NodeRing(crypto)
      const trust = this.#trust
      held = {
        grant,
        ring,
        opener: new GenerationOpener({ crypto, trust, manifest, producer, ring }),
      }
      this.#held.set(id, held)
    }
    const { links, nodes, grantId } = grant
    const giver = toHex(links.at(-1)?.issuer ?? producer.id)
    held.ring.add(nodes, { name: toHex(grantId), giver, distance: links.length })
    held.opener.reset()
    for (const { grant: other } of this.#held.values()) this.#close(other)
  }

  /** A successor of the same producer closes; that is all that the streams here have. */
  #close({ manifest: { predecessor, producerId } }: VerifiedGrant): void {
    const closed = predecessor && this.#held.get(toHex(predecessor.generationId))
    if (!closed || predecessor.closingEpoch === null) return
    if (equalBytes(closed.grant.manifest.producerId, producerId)) {
      closed.opener.closingEpoch = predecessor.closingEpoch
    }
  }
}

function shown(outcome: OpenOutcome): Outcome {
  const none = { error: null, plaintext: null }
  if (outcome.kind === 'refused') return { ...none, outcome: 'refused', error: outcome.error.code }
  if (outcome.kind !== 'opened') return { ...none, outcome: outcome.kind }
  return { ...none, outcome: 'opened', plaintext: toHex(outcome.plaintext) }
}

/** Decodes a statement of whatever type it is, with its payload. */
export function decodeAny(bytes: Uint8Array): void {
  const { type } = decodeStatement(bytes)
  if (type === 'key-card') decodeKeyCard(bytes)
  else if (type === 'trust-bundle') decodeTrustBundle(crypto, bytes)
  else if (type === 'credential') decodeCredential(crypto, bytes)
  else if (type === 'manifest') decodeManifest(crypto, bytes)
  else if (type === 'link') decodeLink(crypto, bytes)
  else decodeMessage(crypto, bytes)
}

/** The lengths of an archive's items, and where and why it could not go on. */
export interface Split {
  readonly items: readonly number[]
  readonly error: { readonly code: string; readonly offset: number } | null
}

export function splitUp(archive: Uint8Array): Split {
  const reader = new ArchiveReader()
  const items: number[] = []
  try {
    items.push(...reader.push(archive).map(({ length }) => length))
    reader.end()
    return { items, error: null }
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return { items, error: { code: error.code, offset: error.details.offset ?? -1 } }
  }
}
