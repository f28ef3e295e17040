// SPDX-License-Identifier: Apache-2.0
/**
 * Objects, and what the native calls inside them are given: the same keys, nonces and bytes, so that
 * a bare call does the very work that sealing or opening cannot do without.
 *
 * @module
 */

import {
  countersign0Structure,
  decodeObject,
  deriveContentKey,
  encodeMetadata,
  encryptionAad,
  encStructure,
  ObjectSealer,
  principalId,
  signatureAad,
  signManifest,
  type CryptoProvider,
  type Ed25519SigningKey,
  type SealerInputs,
  type VerifiedManifest,
} from '@waxwing/core'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'

/** Objects that a run goes through in turn, so that not the same bytes are worked on each time. */
const MAX_POOL = 256
const MIN_POOL = 4
/** Fewer where they are large. */
const POOL_BYTES = 8_388_608
const TAG_BYTES = 16
const EPOCH = 495_000

export const seed: Uint8Array = crypto.randomBytes(32)
export const signingKey: Ed25519SigningKey = crypto.ed25519SigningKey(seed)
/** A time, and nothing else, as most objects carry it. */
export const metadata: Uint8Array = encodeMetadata({ offsetMs: 1_234_567 })

const leaf = crypto.randomBytes(32)
const session = crypto.randomBytes(7)
const manifests = {
  signed: manifestOf(crypto, 'each', 24),
  unsigned: manifestOf(crypto, 'none', 24),
}

/** One object, taken apart down to the native calls. */
export interface ObjectParts {
  readonly object: Uint8Array
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
  /** Metadata and payload. */
  readonly text: Uint8Array
  readonly ciphertext: Uint8Array
  readonly toBeSigned: Uint8Array
  readonly signature: Uint8Array
}

export function sealerInputs(signed: boolean): SealerInputs {
  const manifest = signed ? manifests.signed : manifests.unsigned
  const key = signed ? signingKey : undefined
  return { crypto, manifest, leaf, epoch: EPOCH, session, signingKey: key }
}

/** How a stream is protected. */
export interface Protection {
  readonly provider: CryptoProvider
  readonly alg: VerifiedManifest['alg']
  readonly signatureMode: SignatureMode
}

type SignatureMode = VerifiedManifest['signatureMode']

export function inputsFor({ provider, alg, signatureMode }: Protection): SealerInputs {
  const manifest = manifestOf(provider, signatureMode, alg)
  const key = signatureMode === 'none' ? undefined : provider.ed25519SigningKey(seed)
  return { crypto: provider, manifest, leaf, epoch: EPOCH, session, signingKey: key }
}

/** How many payloads of a size a pool has. */
export function poolCount(payloadBytes: number): number {
  return Math.max(MIN_POOL, Math.min(MAX_POOL, Math.floor(POOL_BYTES / payloadBytes)))
}

/** A pool of objects under one key. */
export function objectPool(signed: boolean, payloadBytes: number): ObjectParts[] {
  const inputs = sealerInputs(signed)
  const sealer = new ObjectSealer(inputs)
  return Array.from({ length: poolCount(payloadBytes) }, () => {
    const plaintext = crypto.randomBytes(payloadBytes)
    return partsOf(inputs, sealer.seal({ metadata, plaintext }))
  })
}

/** The item of a pool at an index that runs on. */
export function inTurn<T>(pool: readonly T[], index: number): T {
  const item = pool[index % pool.length]
  if (item === undefined) throw new RangeError('the pool is empty')
  return item
}

function partsOf({ manifest, epoch }: SealerInputs, object: Uint8Array): ObjectParts {
  const { protectedBytes, ciphertext, partialIv, signature } = decodeObject(object)
  const { generationId, alg } = manifest
  const content = deriveContentKey(crypto, leaf, { generationId, epoch, session, alg })
  const nonce = content.baseIv.slice()
  const from = nonce.length - partialIv.length
  for (const [i, byte] of partialIv.entries()) nonce[from + i] = (nonce[from + i] ?? 0) ^ byte
  const aad = encStructure(protectedBytes, encryptionAad(generationId))
  const text = new Uint8Array(ciphertext.length - TAG_BYTES)
  if (!crypto.aead(alg, content.key).open(nonce, aad, ciphertext, text)) {
    throw new Error('the parts of an object are not what opens it')
  }
  const signedAad = signatureAad(generationId, content.commitment)
  const toBeSigned = countersign0Structure(protectedBytes, signedAad, ciphertext)
  const { key } = content
  return { object, key, nonce, aad, text, ciphertext, toBeSigned, signature: signature ?? NONE }
}

const NONE = new Uint8Array(64)

function manifestOf(
  provider: CryptoProvider,
  signatureMode: SignatureMode,
  alg: VerifiedManifest['alg'],
): VerifiedManifest {
  const fields = {
    domainId: null,
    producerId: principalId(crypto, signingKey.publicKey),
    streamName: 'plant/1/temperature',
    nonce: crypto.randomBytes(16),
    epochSeconds: 3600,
    alg,
    kidBytes: 8,
    counterMode: 'session',
    signatureMode,
    historyMode: 'keep',
    predecessor: null,
  } as const
  return signManifest(provider, fields, signingKey)
}
