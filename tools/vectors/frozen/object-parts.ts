// SPDX-License-Identifier: Apache-2.0
/**
 * One object, step by step (`docs/spec/04-objects.md`, `docs/spec/05-keys.md` Section 5.4), so that
 * each step can be shown, and gone wrong.
 *
 * @module
 */

import { cbor, join, Tagged, type Value } from './cbor.ts'
import { ANCHOR, BUNDLE, EPOCH, PLANT, type Member } from './cast.ts'
import { bytesOf, encrypt, hkdfExpand, seedOf, type Signer } from './primitives.ts'
import {
  generationId,
  manifestPayload,
  statement,
  type Fields,
  type ManifestInput,
} from './statements.ts'
import { leafKey } from './tree.ts'

export const ROOT: Uint8Array = seedOf('root')
const NO_METADATA: Value = new Map()

const SIZES: Readonly<Record<number, readonly [keyBytes: number, nonceBytes: number]>> = {
  1: [16, 12],
  3: [32, 12],
  10: [16, 13],
  24: [32, 12],
}

export interface Stream {
  readonly alg: number
  readonly generationId: Uint8Array
  readonly kid: Uint8Array
  readonly isSession: boolean
  /** Each object by itself. */
  readonly isSigned: boolean
  /** Many objects at once. */
  readonly isBatched: boolean
  readonly manifest: Uint8Array
  readonly producer: Member
}

/** The plant's stream, or another's. */
export function streamOf(input: Partial<ManifestInput> = {}, producer: Member = PLANT): Stream {
  const payload: Fields = manifestPayload({
    domainId: ANCHOR.id,
    producerId: producer.id,
    streamName: 'plant/1/temperature',
    nonce: bytesOf('manifest nonce', 16),
    ...input,
  })
  const id = generationId(producer.id, payload)
  return {
    alg: input.alg ?? 24,
    generationId: id,
    kid: id.slice(0, input.kidBytes ?? 8),
    isSession: (input.counterMode ?? 0) === 0,
    isSigned: (input.signatureMode ?? 1) === 1,
    isBatched: input.signatureMode === 2,
    manifest: statement({ type: 'manifest', signer: producer, payload }),
    producer,
  }
}

export interface ObjectInput {
  readonly stream: Stream
  readonly root?: Uint8Array
  readonly epoch?: number
  readonly session?: Uint8Array
  readonly counter?: number
  readonly metadata?: Value
  readonly plaintext?: Uint8Array
  readonly clearPart?: Uint8Array | undefined
}

export interface KeyInput {
  readonly root: Uint8Array
  readonly epoch: number
  readonly session: Uint8Array
  readonly alg: number
  readonly generationId: Uint8Array
}

/** What is derived from a leaf: content key, base IV and key commitment. */
export function contentKeys({ root, epoch, ...rest }: KeyInput): ContentKeys & {
  leaf: Uint8Array
} {
  const leaf = leafKey(root, epoch)
  return { leaf, ...keysOfLeaf({ ...rest, leaf, epoch }) }
}

export interface ContentKeys {
  readonly contentKey: Uint8Array
  readonly baseIv: Uint8Array
  readonly commitment: Uint8Array
}

/** The same where the leaf is known. */
export function keysOfLeaf(
  input: Omit<KeyInput, 'root'> & { readonly leaf: Uint8Array },
): ContentKeys {
  const { leaf, epoch, session, alg, generationId: id } = input
  const [keyBytes = 0, nonceBytes = 0] = SIZES[alg] ?? []
  const info = (label: string): Uint8Array => cbor([label, id, epoch, session, alg])
  const material = hkdfExpand(leaf, info('waxwing content v1'), keyBytes + nonceBytes)
  return {
    contentKey: material.slice(0, keyBytes),
    baseIv: material.slice(keyBytes),
    commitment: hkdfExpand(leaf, info('waxwing commit v1'), 32),
  }
}

export interface ObjectParts extends KeyInput {
  readonly stream: Stream
  readonly counter: number
  readonly metadata: Uint8Array
  readonly plaintext: Uint8Array
  readonly clearPart: Uint8Array | undefined
  readonly leaf: Uint8Array
  readonly contentKey: Uint8Array
  readonly baseIv: Uint8Array
  readonly commitment: Uint8Array
  readonly partialIv: Uint8Array
  readonly nonce: Uint8Array
  readonly header: Fields
}

/** Derives everything that comes before encryption. */
export function partsOf(input: ObjectInput): ObjectParts {
  const { stream, root = ROOT, epoch = EPOCH, counter = 0, clearPart } = input
  const { alg, generationId: id, kid, isSession } = stream
  const session = isSession ? (input.session ?? bytesOf('session', 7)) : new Uint8Array(0)
  const keys = contentKeys({ root, epoch, session, alg, generationId: id })
  const partialIv = join(session, isSession ? bigEndian(counter, 3) : shortest(counter))
  const header = new Map<number, Value>([
    [1, alg],
    [4, kid],
    [6, partialIv],
    [10, bigEndian(epoch, 4)],
  ])
  if (clearPart !== undefined) header.set(-65537, clearPart)
  return {
    stream,
    root,
    epoch,
    session,
    counter,
    alg,
    generationId: id,
    metadata: cbor(input.metadata ?? NO_METADATA),
    plaintext: input.plaintext ?? new TextEncoder().encode('21.5'),
    clearPart,
    ...keys,
    partialIv,
    nonce: nonceOf(keys.baseIv, partialIv),
    header,
  }
}

/** Base IV xor the Partial IV, padded on the left. */
export function nonceOf(baseIv: Uint8Array, partialIv: Uint8Array): Uint8Array {
  const from = baseIv.length - partialIv.length
  return baseIv.map((byte, i) => byte ^ (partialIv[i - from] ?? 0))
}

/** The external_aad of the encryption. */
export function encryptionAad(id: Uint8Array): Uint8Array {
  return cbor(['waxwing object v1', id])
}

/** The external_aad of the signature. */
export function signatureAad(id: Uint8Array, commitment: Uint8Array): Uint8Array {
  return cbor(['waxwing object v1', id, commitment])
}

/** The object as it travels. */
export function framed(
  header: Fields,
  signature: Uint8Array | undefined,
  ciphertext: Uint8Array,
): Uint8Array {
  const unprotected = new Map(signature === undefined ? [] : [[12, signature] as const])
  return framedWith(header, unprotected, ciphertext)
}

/** The same with any unprotected header. */
export function framedWith(header: Fields, unprotected: Value, ciphertext: Value): Uint8Array {
  return cbor(new Tagged(16, [cbor(header), unprotected, ciphertext]))
}

/** What may be done otherwise than it should be. Everything else is right all the same. */
export interface Twist {
  readonly header?: Fields
  readonly contentKey?: Uint8Array
  readonly nonce?: Uint8Array
  readonly aadOfEncryption?: Uint8Array
  readonly encryptContext?: string
  /** Metadata and payload. */
  readonly text?: Uint8Array
  readonly ciphertext?: (ciphertext: Uint8Array) => Uint8Array
  readonly aadOfSignature?: Uint8Array
  readonly signatureContext?: string
  readonly signer?: Signer
  readonly signature?: (signature: Uint8Array) => Uint8Array | undefined
}

export interface SealedObject extends ObjectParts {
  readonly protectedHeader: Uint8Array
  readonly encryptionAad: Uint8Array
  readonly encStructure: Uint8Array
  readonly ciphertext: Uint8Array
  readonly signatureAad: Uint8Array | undefined
  readonly countersignStructure: Uint8Array | undefined
  readonly signature: Uint8Array | undefined
  readonly object: Uint8Array
}

/** Seals an object, with at most one thing gone wrong. */
export function sealed(input: ObjectInput, twist: Twist = {}): SealedObject {
  const parts = partsOf(input)
  const { stream, alg, generationId: id } = parts
  const header = twist.header ?? parts.header
  const protectedHeader = cbor(header)
  const aad = twist.aadOfEncryption ?? encryptionAad(id)
  const encStructure = cbor([twist.encryptContext ?? 'Encrypt0', protectedHeader, aad])
  const text = twist.text ?? join(parts.metadata, parts.plaintext)
  const key = twist.contentKey ?? parts.contentKey
  const nonce = twist.nonce ?? parts.nonce
  const right = encrypt(alg, key, nonce, encStructure, text)
  const ciphertext = twist.ciphertext?.(right) ?? right

  const aadOfSignature = twist.aadOfSignature ?? signatureAad(id, parts.commitment)
  const context = twist.signatureContext ?? 'CounterSignature0'
  const structure = cbor([context, protectedHeader, aadOfSignature, ciphertext])
  const hasStructure = stream.isSigned || stream.isBatched
  const signer = twist.signer ?? stream.producer
  const made = stream.isSigned ? signer.sign(structure) : undefined
  const signature =
    twist.signature === undefined ? made : twist.signature(made ?? signer.sign(structure))
  return {
    ...parts,
    protectedHeader,
    encryptionAad: aad,
    encStructure,
    ciphertext,
    signatureAad: hasStructure ? aadOfSignature : undefined,
    countersignStructure: hasStructure ? structure : undefined,
    signature,
    object: framed(header, signature, ciphertext),
  }
}

/** What every case says of the stream and of whom the reader trusts. */
export function circumstances(stream: Stream, bundle: Uint8Array = BUNDLE) {
  return { manifest: stream.manifest, credential: stream.producer.credential, bundle }
}

export function bigEndian(value: number, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(lengthBytes)
  for (let i = lengthBytes - 1, rest = value; i >= 0; i--, rest = Math.floor(rest / 256)) {
    bytes[i] = rest % 256
  }
  return bytes
}

function shortest(value: number): Uint8Array {
  const lengthBytes = [1, 2, 3, 4, 5].find((length) => value < 2 ** (8 * length)) ?? 5
  return bigEndian(value, lengthBytes)
}
