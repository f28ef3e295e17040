// SPDX-License-Identifier: Apache-2.0
/**
 * Opening objects under one content key (`docs/spec/04-objects.md` Section 4.5).
 *
 * There is one failure, whatever was wrong. Tag and signature are both checked before anything of
 * the text is looked at; what this module returns is verified, and nothing else is.
 *
 * @module
 */

import { equalBytes, toHex } from '../bytes.js'
import {
  AEAD_PARAMETERS,
  type Aead,
  type CryptoProvider,
  type Ed25519VerifyingKey,
} from '../crypto/provider.js'
import { Slab } from '../slab.js'
import { kidOf, type VerifiedManifest } from '../stream/manifest.js'
import { AuthenticatedStructure, COUNTERSIGNATURE0, ENCRYPT0 } from './authenticated.js'
import { BatchVerifier } from './batch-signature.js'
import { deriveContentKey, encryptionAad, signatureAad } from './content-key.js'
import type { DecodedObject } from './decode.js'
import { SESSION_ID_BYTES } from './header.js'
import { decodeMetadata, type Metadata } from './metadata.js'

/** From where on a copy costs more than an array. */
const LARGE_BYTES = 65_536
/** What is longer is not copied for others to verify. */
const MAX_AHEAD_BYTES = 2048
/** Of the commitment: enough that no two keys share a name. */
const KEY_NAME_BYTES = 16

export interface OpenerInputs {
  readonly crypto: CryptoProvider
  readonly manifest: VerifiedManifest
  /** The producer's key; wanted unless the manifest's signature mode is `none`. */
  readonly producerKey: Ed25519VerifyingKey
  /** The key of the epoch's leaf, 32 bytes. Not kept. */
  readonly leaf: Uint8Array
  readonly epoch: number
  /** 7 bytes; empty in durable-counter mode. */
  readonly session: Uint8Array
  /** Of the generation, to be shared by its openers, so that each root is verified once. */
  readonly batches?: BatchVerifier | undefined
}

/** What an object held, verified. */
export interface OpenedText {
  readonly metadata: Metadata
  /** Owned by the caller: a view whose buffer may hold other messages of the session, too. */
  readonly plaintext: Uint8Array
}

/** Opens the objects of one session in one epoch. */
export class ObjectOpener {
  readonly #aead: Aead
  readonly #tagBytes: number
  readonly #baseIv: Uint8Array
  readonly #nonce: Uint8Array
  readonly #encStructure: AuthenticatedStructure
  readonly #countersignStructure: AuthenticatedStructure
  readonly #alg: number
  readonly #kid: Uint8Array
  readonly #sessionBytes: number
  readonly #slab = new Slab()
  readonly #producerKey: Ed25519VerifyingKey | undefined
  /** There if the signatures are of batches. */
  readonly #batches: BatchVerifier | undefined
  /**
   * Names the content key, and says nothing about it. Openers of one key have one name, whatever
   * node its leaf was derived from.
   */
  readonly keyName: string
  /**
   * How many objects failed under this key, by their tag or their signature (RFC 9053 Section 4).
   * Whoever makes an opener of a key again sets what it was.
   */
  failures = 0

  constructor(inputs: OpenerInputs) {
    const { crypto, manifest, producerKey, leaf, epoch, session } = inputs
    const { alg, generationId, signatureMode, counterMode } = manifest
    const content = deriveContentKey(crypto, leaf, { generationId, epoch, session, alg })
    this.#alg = alg
    this.#kid = kidOf(manifest)
    this.#sessionBytes = counterMode === 'session' ? SESSION_ID_BYTES : 0
    this.#aead = crypto.aead(alg, content.key)
    this.#tagBytes = AEAD_PARAMETERS[alg].tagBytes
    this.#baseIv = content.baseIv
    this.#nonce = new Uint8Array(content.baseIv.length)
    this.#encStructure = new AuthenticatedStructure(ENCRYPT0, encryptionAad(generationId))
    this.#countersignStructure = new AuthenticatedStructure(
      COUNTERSIGNATURE0,
      signatureAad(generationId, content.commitment),
    )
    this.#producerKey = signatureMode === 'none' ? undefined : producerKey
    if (signatureMode === 'batch') {
      this.#batches = inputs.batches ?? new BatchVerifier(crypto, generationId)
    }
    this.keyName = toHex(content.commitment.subarray(0, KEY_NAME_BYTES))
    content.key.fill(0)
  }

  /** Says that an object will be opened soon, to whoever can verify its signature meanwhile. */
  expect(object: DecodedObject): void {
    const { protectedBytes, ciphertext, signature } = object
    const key = this.#producerKey
    if (signature === undefined || this.#batches !== undefined) return
    if (ciphertext.length > MAX_AHEAD_BYTES || !this.#hasFormOfStream(object)) return
    key?.verifyAhead?.(
      this.#countersignStructure.withCiphertext(protectedBytes, ciphertext),
      signature,
    )
  }

  /**
   * Opens one object whose epoch and session are this opener's.
   *
   * @param signatureFirst - Check the signature before the tag: for a key under which too many
   *   objects failed already.
   * @returns `undefined` if it is not authentic, whatever the reason.
   */
  open(object: DecodedObject, signatureFirst = false): OpenedText | undefined {
    const { ciphertext, protectedBytes } = object
    if (!this.#hasFormOfStream(object)) return undefined
    if (ciphertext.length <= this.#tagBytes) return undefined
    if (signatureFirst && !this.#signatureVerifies(object)) return this.#failed()
    this.#setNonce(object.partialIv)
    const text = this.#decrypt(this.#encStructure.of(protectedBytes), ciphertext)
    if (text === undefined) return this.#failed()
    if (!signatureFirst && !this.#signatureVerifies(object)) return this.#failed()
    try {
      const { metadata, payloadAt } = decodeMetadata(text)
      return { metadata, plaintext: text.subarray(payloadAt) }
    } catch {
      return undefined
    }
  }

  #decrypt(aad: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
    if (ciphertext.length > LARGE_BYTES && this.#aead.openNew !== undefined) {
      return this.#aead.openNew(this.#nonce, aad, ciphertext)
    }
    const text = this.#slab.take(ciphertext.length - this.#tagBytes)
    return this.#aead.open(this.#nonce, aad, ciphertext, text) ? text : undefined
  }

  #failed(): undefined {
    this.failures++
    return undefined
  }

  /** The manifest says all this, so that nothing of it is guessed from the object. */
  #hasFormOfStream({ alg, kid, session, signature, batch }: DecodedObject): boolean {
    return (
      alg === this.#alg &&
      equalBytes(kid, this.#kid) &&
      session.length === this.#sessionBytes &&
      (signature === undefined) === (this.#producerKey === undefined) &&
      (batch === undefined) === (this.#batches === undefined)
    )
  }

  #setNonce(partialIv: Uint8Array): void {
    const nonce = this.#nonce
    nonce.set(this.#baseIv)
    const from = nonce.length - partialIv.length
    for (let i = 0; i < partialIv.length; i++) nonce[from + i]! ^= partialIv[i]!
  }

  #signatureVerifies({ protectedBytes, ciphertext, signature, batch }: DecodedObject): boolean {
    const key = this.#producerKey
    if (key === undefined) return true
    if (signature === undefined) return false
    const signed = this.#countersignStructure.withCiphertext(protectedBytes, ciphertext)
    const batches = this.#batches
    if (batches === undefined) return key.verify(signed, signature)
    return batch !== undefined && batches.verify(key, signed, signature, batch)
  }
}
