// SPDX-License-Identifier: Apache-2.0
/**
 * Sealing objects under one content key (`docs/spec/04-objects.md` Section 4.6).
 *
 * Synchronous, and laid out ahead: between two objects of a session only the counter changes, so
 * header, AAD and nonce stand ready and three bytes of each are overwritten. The invariant on which
 * everything rests, that a counter is used at most once, is kept here: counters only go up, and at
 * the limit sealing ends with `ERR_COUNTER_EXHAUSTED`.
 *
 * @module
 */

import { concatBytes } from '../bytes.js'
import {
  AEAD_PARAMETERS,
  ALG_AES_CCM_16_64_128,
  type Aead,
  type CryptoProvider,
  type Ed25519SigningKey,
} from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import { Slab } from '../slab.js'
import { kidOf, type VerifiedManifest } from '../stream/manifest.js'
import { AuthenticatedStructure, COUNTERSIGNATURE0, ENCRYPT0 } from './authenticated.js'
import { signBatch, type UnsignedObject } from './batch-signature.js'
import { BatchHasher } from './batch-tree.js'
import { deriveContentKey, encryptionAad, signatureAad } from './content-key.js'
import {
  durablePartialIv,
  encodeHead,
  encodeProtectedHeader,
  headBytes,
  MAX_CLEAR_PART_BYTES,
  partialIvOffset,
  SESSION_ID_BYTES,
  sessionPartialIv,
  SIGNATURE_BYTES,
  writeBytesHead,
} from './header.js'

/** Most objects under one content key (Section 5.5.4). */
const MAX_OBJECTS: number = 2 ** 24
/** The same for the algorithm with the 8-byte tag. */
const MAX_OBJECTS_SHORT_TAG: number = 2 ** 20
/** A scratch buffer that a large payload made grow is not kept. */
const MAX_KEPT_SCRATCH_BYTES = 65_536

const TAG_AND_ARRAY: Uint8Array = Uint8Array.of(0xd0, 0x83)
const NO_UNPROTECTED = 0xa0
const NO_TEXT = new Uint8Array(0)
/** `{12: h'…64 bytes…'}`, without the bytes. */
const SIGNATURE_HEAD: Uint8Array = Uint8Array.of(0xa1, 0x0c, 0x58, SIGNATURE_BYTES)

export interface SealerInputs {
  readonly crypto: CryptoProvider
  readonly manifest: VerifiedManifest
  /** The key of the epoch's leaf, 32 bytes. Not kept. */
  readonly leaf: Uint8Array
  readonly epoch: number
  /** 7 bytes that this generation never used before; empty in durable-counter mode. */
  readonly session: Uint8Array
  /** The producer's key; wanted unless the manifest's signature mode is `none`. */
  readonly signingKey: Ed25519SigningKey | undefined
}

export interface SealInputs {
  /** From `encodeMetadata`. */
  readonly metadata: Uint8Array
  readonly plaintext: Uint8Array
  /** At most 65,535 bytes. */
  readonly clearPart?: Uint8Array | undefined
}

/** How many objects one content key may seal. */
export function maxObjects(alg: number): number {
  return alg === ALG_AES_CCM_16_64_128 ? MAX_OBJECTS_SHORT_TAG : MAX_OBJECTS
}

/** Seals the objects of one session in one epoch. */
export class ObjectSealer {
  readonly epoch: number
  readonly session: Uint8Array
  readonly #crypto: CryptoProvider
  readonly #manifest: VerifiedManifest
  readonly #signingKey: Ed25519SigningKey | undefined
  readonly #aead: Aead
  readonly #tagBytes: number
  readonly #nonce: Uint8Array
  readonly #baseIv: Uint8Array
  readonly #encStructure: AuthenticatedStructure
  readonly #countersignStructure: AuthenticatedStructure
  readonly #hasher: BatchHasher | undefined
  readonly #limit: number
  readonly #plain: Layout
  #next: number
  readonly #slab = new Slab()
  /** Where metadata and plaintext are put together, and the part of it that was used last. */
  #scratch: Uint8Array = new Uint8Array(1024)
  #text: Uint8Array = NO_TEXT

  /**
   * @param firstCounter - The first counter to use. Every one below it counts as used.
   * @throws {TypeError} If a signing key is missing or a session id has the wrong length.
   */
  constructor(inputs: SealerInputs, firstCounter = 0) {
    const { crypto, manifest, leaf, epoch, session, signingKey } = inputs
    const { alg, generationId, signatureMode, counterMode } = manifest
    if ((signatureMode === 'none') !== (signingKey === undefined)) {
      throw new TypeError(`signingKey does not fit signature mode ${signatureMode}`)
    }
    const sessionBytes = counterMode === 'session' ? SESSION_ID_BYTES : 0
    if (session.length !== sessionBytes) {
      throw new TypeError(`session must be ${sessionBytes} bytes, got ${session.length}`)
    }
    const content = deriveContentKey(crypto, leaf, { generationId, epoch, session, alg })
    this.#crypto = crypto
    this.#manifest = manifest
    this.#signingKey = signingKey
    this.epoch = epoch
    this.session = session.slice()
    this.#aead = crypto.aead(alg, content.key)
    this.#tagBytes = AEAD_PARAMETERS[alg].tagBytes
    this.#baseIv = content.baseIv
    this.#nonce = new Uint8Array(content.baseIv.length)
    this.#encStructure = new AuthenticatedStructure(ENCRYPT0, encryptionAad(generationId))
    this.#countersignStructure = new AuthenticatedStructure(
      COUNTERSIGNATURE0,
      signatureAad(generationId, content.commitment),
    )
    this.#hasher = signatureMode === 'batch' ? new BatchHasher(crypto) : undefined
    this.#limit = maxObjects(alg)
    this.#next = firstCounter
    this.#plain = this.#layout(firstCounter, undefined)
    content.key.fill(0)
  }

  /** The counter that the next object will carry. */
  get nextCounter(): number {
    return this.#next
  }

  /** `true` once the key is used up: a new session must begin. */
  get exhausted(): boolean {
    return this.#next >= this.#limit
  }

  /**
   * Seals one object under the next counter. In a stream with batch signatures it is a batch of one.
   *
   * @returns The object, owned by the caller: a view whose buffer may hold others, too.
   * @throws {WaxwingError} `ERR_COUNTER_EXHAUSTED`.
   * @throws {RangeError} If the clear part is too long.
   */
  seal(inputs: SealInputs): Uint8Array {
    if (this.#hasher !== undefined) return this.#sealAlone(inputs)
    const { metadata, plaintext } = inputs
    const layout = this.#nextLayout(inputs)
    const textBytes = metadata.length + plaintext.length
    const ciphertextBytes = textBytes + this.#tagBytes
    const signedBytes = this.#signingKey === undefined ? 1 : SIGNATURE_HEAD.length + SIGNATURE_BYTES
    const headAt = layout.prefix.length + signedBytes
    const ciphertextAt = headAt + headBytes(ciphertextBytes)

    const object = this.#slab.take(ciphertextAt + ciphertextBytes)
    object.set(layout.prefix)
    writeBytesHead(object, headAt, ciphertextBytes)
    const ciphertext = object.subarray(ciphertextAt)
    this.#encrypt(layout, inputs, ciphertext)
    this.#countersign(object, layout, ciphertext)
    return object
  }

  /**
   * Seals one object of a batch, to be signed with others by `signBatch`.
   *
   * @throws {TypeError} If the stream has no batch signatures.
   * @throws {WaxwingError} As {@link seal}.
   */
  sealUnsigned(inputs: SealInputs): UnsignedObject {
    if (this.#hasher === undefined) throw new TypeError('the stream has no batch signatures')
    const { metadata, plaintext } = inputs
    const layout = this.#nextLayout(inputs)
    const ciphertextBytes = metadata.length + plaintext.length + this.#tagBytes
    const rest = new Uint8Array(headBytes(ciphertextBytes) + ciphertextBytes)
    const ciphertext = rest.subarray(writeBytesHead(rest, 0, ciphertextBytes))
    this.#encrypt(layout, inputs, ciphertext)
    const { prefix, protectedBytes } = layout
    const structure = this.#countersignStructure.withCiphertext(protectedBytes, ciphertext)
    return { prefix: prefix.slice(), rest, leaf: this.#hasher.leaf(structure) }
  }

  /** Overwrites what this sealer holds of the key, as far as it is ours. It seals no more. */
  wipe(): void {
    this.#next = this.#limit
    this.#baseIv.fill(0)
    this.#scratch.fill(0)
    this.#countersignStructure.wipe()
  }

  #sealAlone(inputs: SealInputs): Uint8Array {
    const key = this.#signingKey
    if (key === undefined) throw new TypeError('a signing key is wanted')
    const { generationId } = this.#manifest
    const [object] = signBatch(this.#crypto, [this.sealUnsigned(inputs)], { generationId, key })
    return object!
  }

  /** Takes the next counter. */
  #nextLayout({ clearPart }: SealInputs): Layout {
    if (this.exhausted) {
      throw new WaxwingError('ERR_COUNTER_EXHAUSTED', 'this session has used its last counter')
    }
    if (clearPart !== undefined && clearPart.length > MAX_CLEAR_PART_BYTES) {
      throw new RangeError(`clearPart must be at most ${MAX_CLEAR_PART_BYTES} bytes`)
    }
    return this.#layoutFor(this.#next++, clearPart)
  }

  #encrypt(layout: Layout, { metadata, plaintext }: SealInputs, ciphertext: Uint8Array): void {
    const aad = this.#encStructure.of(layout.protectedBytes)
    const textBytes = metadata.length + plaintext.length
    if (textBytes > MAX_KEPT_SCRATCH_BYTES && this.#aead.sealPieces !== undefined) {
      this.#aead.sealPieces(this.#nonce, aad, [metadata, plaintext], ciphertext)
      return
    }
    this.#aead.seal(this.#nonce, aad, this.#textOf(metadata, plaintext, textBytes), ciphertext)
  }

  #layoutFor(counter: number, clearPart: Uint8Array | undefined): Layout {
    if (clearPart !== undefined || this.session.length === 0) {
      this.#setNonce(counter)
      return this.#layout(counter, clearPart)
    }
    const layout = this.#plain
    writeCounter(layout.prefix, layout.counterAt, counter)
    this.#setNonce(counter)
    return layout
  }

  /** Base IV xor the left-padded Partial IV (RFC 9052 Section 3.1). */
  #setNonce(counter: number): void {
    const nonce = this.#nonce
    nonce.set(this.#baseIv)
    const { session } = this
    const end = nonce.length
    if (session.length === 0) {
      let rest = counter
      for (let i = end - 1; rest > 0; i--, rest = Math.floor(rest / 256)) nonce[i]! ^= rest % 256
      return
    }
    for (let i = 0; i < SESSION_ID_BYTES; i++) nonce[end - 10 + i]! ^= session[i]!
    nonce[end - 3]! ^= counter >>> 16
    nonce[end - 2]! ^= counter >>> 8
    nonce[end - 1]! ^= counter
  }

  #layout(counter: number, clearPart: Uint8Array | undefined): Layout {
    const manifest = this.#manifest
    const { epoch, session } = this
    const partialIv =
      session.length === 0 ? durablePartialIv(counter) : sessionPartialIv(session, counter)
    const kid = kidOf(manifest)
    const fields = { alg: manifest.alg, kid, epoch, partialIv }
    const header = encodeProtectedHeader(
      clearPart === undefined ? fields : { ...fields, clearPart },
    )
    const head = encodeHead(2, header.length)
    const prefix = concatBytes(TAG_AND_ARRAY, head, header)
    const protectedBytes = prefix.subarray(prefix.length - header.length)
    const ivAt = prefix.length - header.length + partialIvOffset(manifest.alg, kid.length)
    return { prefix, protectedBytes, counterAt: ivAt + SESSION_ID_BYTES }
  }

  #textOf(metadata: Uint8Array, plaintext: Uint8Array, textBytes: number): Uint8Array {
    if (textBytes !== this.#text.length) this.#text = this.#scratchOf(textBytes)
    const text = this.#text
    text.set(metadata)
    text.set(plaintext, metadata.length)
    if (textBytes > MAX_KEPT_SCRATCH_BYTES) this.#text = NO_TEXT
    return text
  }

  #scratchOf(textBytes: number): Uint8Array {
    if (textBytes > MAX_KEPT_SCRATCH_BYTES) return new Uint8Array(textBytes)
    if (this.#scratch.length < textBytes) this.#scratch = new Uint8Array(2 * textBytes)
    return this.#scratch.subarray(0, textBytes)
  }

  /** Writes the unprotected header: the producer's signature, or nothing. */
  #countersign(object: Uint8Array, layout: Layout, ciphertext: Uint8Array): void {
    const { prefix, protectedBytes } = layout
    const signingKey = this.#signingKey
    if (signingKey === undefined) {
      object[prefix.length] = NO_UNPROTECTED
      return
    }
    const signed = this.#countersignStructure.withCiphertext(protectedBytes, ciphertext)
    object.set(SIGNATURE_HEAD, prefix.length)
    object.set(signingKey.sign(signed), prefix.length + SIGNATURE_HEAD.length)
  }
}

interface Layout {
  /** Tag, array and the protected header as a byte string. */
  readonly prefix: Uint8Array
  /** The protected header alone: a view of `prefix`. */
  readonly protectedBytes: Uint8Array
  /** Where the counter stands in `prefix`. */
  readonly counterAt: number
}

function writeCounter(bytes: Uint8Array, at: number, counter: number): void {
  bytes[at] = counter >>> 16
  bytes[at + 1] = counter >>> 8
  bytes[at + 2] = counter
}
