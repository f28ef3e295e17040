// SPDX-License-Identifier: Apache-2.0
/**
 * A stream, its objects, and a reader of one generation of it.
 *
 * @module
 */

import {
  decodeObject,
  deriveLeaf,
  encodeMetadata,
  GenerationOpener,
  NodeRing,
  ObjectSealer,
  rootNode,
  utf8,
  type Aead,
  type CryptoProvider,
  type DecodedObject,
  type GenerationOpenerInputs,
  type ManifestFields,
  type OpenOutcome,
  type Trust,
  type TrustBundleFields,
  type VerifiedManifest,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { sodiumProvider } from '@waxwing/core/sodium'
import { enrolled, EPOCH, HOUR, stranger, trustOf, type Member } from './domain.js'
import { manifestOf, ROOT } from './stream.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PLAIN = encodeMetadata({})

/** Who produces the stream. */
export const PLANT: Member = enrolled(ANCHOR, 'plant', { expires: (EPOCH + 1000) * HOUR })

export interface StreamAndReader {
  readonly manifest: VerifiedManifest
  readonly trust: Trust
  /** What the reader holds: nothing yet. */
  readonly ring: NodeRing
  readonly opener: GenerationOpener
  /** Seals an object whose session id is made of one byte. */
  readonly sealed: (epoch: number, session?: number, root?: Uint8Array) => DecodedObject
}

/** The stream is signed object by object, or not at all. */
export function streamAndReader(
  fields: Partial<ManifestFields> = {},
  inputs: Partial<GenerationOpenerInputs> = {},
  bundle: Partial<TrustBundleFields> = {},
): StreamAndReader {
  const manifest = manifestOf(PLANT, ANCHOR, fields)
  const ring = new NodeRing(crypto)
  const trust: Trust = trustOf(ANCHOR, bundle)
  const producer = trust.resolve(PLANT.id, PLANT.credential)
  const opener = new GenerationOpener({ crypto, trust, manifest, producer, ring, ...inputs })
  const signingKey = manifest.signatureMode === 'none' ? undefined : PLANT.key
  const sealed = (epoch: number, session = 3, root = ROOT): DecodedObject => {
    const sealer = new ObjectSealer({
      crypto: inputs.crypto ?? crypto,
      manifest,
      leaf: deriveLeaf(crypto, rootNode(root), epoch),
      epoch,
      session: new Uint8Array(7).fill(session),
      signingKey,
    })
    return decodeObject(sealer.seal({ metadata: PLAIN, plaintext: utf8(`epoch ${epoch}`) }))
  }
  return { manifest, trust, ring, opener, sealed }
}

/** In one word, with the code of what is refused. */
export function say(outcome: OpenOutcome): string {
  if (outcome.kind === 'refused') return outcome.error.code
  if (outcome.kind === 'failed') return outcome.provisional ? 'failed, provisional' : 'failed'
  return outcome.kind
}

/** The object with a bit of its ciphertext changed. */
export function forge(object: DecodedObject): DecodedObject {
  return { ...object, ciphertext: object.ciphertext.with(0, object.ciphertext[0]! ^ 1) }
}

export interface CountingCrypto {
  readonly crypto: CryptoProvider
  /** How often a ciphertext was decrypted. */
  readonly opened: () => number
  /** How many content keys were made ready. */
  readonly keyed: () => number
}

export function countingCrypto(): CountingCrypto {
  let opened = 0
  let keyed = 0
  const aead: CryptoProvider['aead'] = (alg, key) => {
    const real: Aead = nodeProvider.aead(alg, key)
    keyed++
    return {
      seal: (...args) => {
        real.seal(...args)
      },
      open: (...args) => {
        opened++
        return real.open(...args)
      },
    }
  }
  return { crypto: { ...nodeProvider, aead }, opened: () => opened, keyed: () => keyed }
}
