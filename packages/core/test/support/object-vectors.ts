// SPDX-License-Identifier: Apache-2.0
/**
 * What the vectors of objects have in common: whom the reader trusts, and what it holds.
 *
 * @module
 */

import {
  decodeCredential,
  decodeManifest,
  fromHex,
  GenerationOpener,
  NodeRing,
  notAuthentic,
  rootNode,
  verifyManifest,
  type CryptoProvider,
  type OpenOutcome,
  type VerifiedManifest,
} from '@waxwing/core'
import { trustIn, type VectorCase } from './vectors.js'

/** What a reader trusts and holds. */
export interface Circumstances extends VectorCase {
  readonly manifest: string
  readonly credential: string
  readonly bundle: string
  readonly root: string
  readonly closingEpoch?: number
}

export interface Opening extends Circumstances {
  readonly object: string
}

export function manifestOf(
  crypto: CryptoProvider,
  { manifest, credential }: Circumstances,
): VerifiedManifest {
  const { signingKey } = decodeCredential(crypto, fromHex(credential))
  const key = crypto.ed25519VerifyingKey(signingKey)
  return verifyManifest(decodeManifest(crypto, fromHex(manifest)), key)
}

export function openerOf(crypto: CryptoProvider, test: Circumstances): GenerationOpener {
  const trust = trustIn(crypto, test.bundle)
  const producer = trust.resolveCredential(fromHex(test.credential))
  const ring = new NodeRing(crypto)
  ring.addProven([rootNode(fromHex(test.root))], { name: 'own', giver: 'own', distance: 0 })
  const manifest = manifestOf(crypto, test)
  const opener = new GenerationOpener({ crypto, trust, manifest, producer, ring })
  opener.closingEpoch = test.closingEpoch
  return opener
}

/** An outcome as an error: the code under which a reader reports it. */
export function raise(outcome: OpenOutcome): void {
  if (outcome.kind === 'opened') return
  if (outcome.kind === 'refused') throw outcome.error
  if (outcome.kind === 'no-key') throw new Error('a root covers every epoch')
  throw notAuthentic()
}
