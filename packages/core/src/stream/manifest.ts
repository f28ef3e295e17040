// SPDX-License-Identifier: Apache-2.0
/**
 * The manifest of a generation and the generation id (`docs/spec/03-streams.md` Section 3.2).
 *
 * A manifest never changes: the generation id commits to all of it, and every object commits to the
 * generation id. It travels only inside sealed messages, because it names the stream.
 *
 * @module
 */

import { decodeCbor, encodeCbor, type CborKey, type CborValue } from '../cbor/cbor.js'
import { ArrayFields, MapFields } from '../cbor/fields.js'
import {
  type ContentAlgorithm,
  type CryptoProvider,
  type Ed25519SigningKey,
  type Ed25519VerifyingKey,
  isContentAlgorithm,
} from '../crypto/provider.js'
import { malformed, WaxwingError } from '../errors.js'
import { LAST_EPOCH } from '../key-tree/span.js'
import {
  decodeStatementOf,
  signStatement,
  verifyStatement,
  type DecodedStatement,
} from '../statement/statement.js'
import { isStreamName } from './name-pattern.js'

export const DEFAULT_EPOCH_SECONDS = 3600
/** A year: longer epochs would make spans meaningless. */
export const MAX_EPOCH_SECONDS = 31_536_000
export const GENERATION_ID_BYTES = 32

export type CounterMode = 'session' | 'durable'
export type SignatureMode = 'none' | 'each' | 'batch'
export type HistoryMode = 'keep' | 'forget'

const COUNTER_MODES: readonly CounterMode[] = ['session', 'durable']
const SIGNATURE_MODES: readonly SignatureMode[] = ['none', 'each', 'batch']
const HISTORY_MODES: readonly HistoryMode[] = ['keep', 'forget']

export interface Predecessor {
  /** 32 bytes. */
  readonly generationId: Uint8Array
  /** The last epoch of the predecessor that counts, or `null` where it is not known. */
  readonly closingEpoch: number | null
}

export interface ManifestFields {
  /** The producer's domain, 32 bytes; `null` for a producer that is only pinned by hand. */
  readonly domainId: Uint8Array | null
  /** 32 bytes. */
  readonly producerId: Uint8Array
  readonly streamName: string
  /** 16 random bytes. */
  readonly nonce: Uint8Array
  /** 1 to {@link MAX_EPOCH_SECONDS}. */
  readonly epochSeconds: number
  readonly alg: ContentAlgorithm
  readonly kidBytes: 4 | 8
  readonly counterMode: CounterMode
  readonly signatureMode: SignatureMode
  readonly historyMode: HistoryMode
  readonly predecessor: Predecessor | null
}

/** A decoded manifest and what follows from its bytes alone. Its signature is not yet verified. */
export interface Manifest extends ManifestFields {
  /** 32 bytes. */
  readonly generationId: Uint8Array
  /** SHA-256 of the payload: what a producer shows to prove that a kid is its own. */
  readonly payloadDigest: Uint8Array
  /** The statement's bytes, to be copied unchanged. */
  readonly bytes: Uint8Array
  readonly statement: DecodedStatement
}

declare const verified: unique symbol
/** A manifest whose signature by its producer was verified. Only {@link verifyManifest} makes it. */
export type VerifiedManifest = Manifest & { readonly [verified]: true }

/**
 * Computes a generation id (Section 3.3): it commits to the producer and to the whole manifest, and
 * tells an outsider neither.
 */
export function generationId(
  crypto: Pick<CryptoProvider, 'sha256'>,
  producerId: Uint8Array,
  payloadDigest: Uint8Array,
): Uint8Array {
  return crypto.sha256(encodeCbor(['waxwing generation v1', producerId, payloadDigest]))
}

/** Signs a manifest. Returns it verified, since it was made here. */
export function signManifest(
  crypto: Pick<CryptoProvider, 'sha256'>,
  fields: ManifestFields,
  key: Ed25519SigningKey,
): VerifiedManifest {
  const payload = manifestToCbor(fields)
  const author = fields.producerId
  const bytes = signStatement({ type: 'manifest', author, key, recipient: null, payload })
  return decodeManifest(crypto, bytes) as VerifiedManifest
}

/** Decodes a manifest. @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED`. */
export function decodeManifest(
  crypto: Pick<CryptoProvider, 'sha256'>,
  bytes: Uint8Array,
): Manifest {
  const statement = decodeStatementOf('manifest', bytes)
  const fields = manifestFromCbor(decodeCbor(statement.payload, 'manifest'))
  const payloadDigest = crypto.sha256(statement.payload)
  return {
    ...fields,
    generationId: generationId(crypto, fields.producerId, payloadDigest),
    payloadDigest,
    bytes,
    statement,
  }
}

/**
 * Verifies a manifest's signature under its producer's key.
 *
 * @throws {WaxwingError} `ERR_SIGNATURE`, also if the author it names is not its producer.
 */
export function verifyManifest(manifest: Manifest, key: Ed25519VerifyingKey): VerifiedManifest {
  const { author } = manifest.statement
  if (!author.every((byte, i) => byte === manifest.producerId[i])) {
    throw new WaxwingError('ERR_SIGNATURE', 'manifest: signed by another than its producer')
  }
  verifyStatement(manifest.statement, key, null)
  return manifest as VerifiedManifest
}

/** The hint by which an object names its generation: the first bytes of the id. */
export function kidOf(manifest: Pick<Manifest, 'generationId' | 'kidBytes'>): Uint8Array {
  return manifest.generationId.subarray(0, manifest.kidBytes)
}

function manifestToCbor(fields: ManifestFields): CborValue {
  const { predecessor } = fields
  return new Map<CborKey, CborValue>([
    [1, fields.domainId],
    [2, fields.producerId],
    [3, fields.streamName],
    [4, fields.nonce],
    [5, fields.epochSeconds],
    [6, fields.alg],
    [7, fields.kidBytes],
    [8, COUNTER_MODES.indexOf(fields.counterMode)],
    [9, SIGNATURE_MODES.indexOf(fields.signatureMode)],
    [10, HISTORY_MODES.indexOf(fields.historyMode)],
    [11, predecessor === null ? null : [predecessor.generationId, predecessor.closingEpoch]],
  ])
}

function manifestFromCbor(value: CborValue): ManifestFields {
  const map = new MapFields('manifest', value)
  const fields: ManifestFields = {
    domainId: map.bytesOrNull(1, 'domain id', { length: 32 }),
    producerId: map.bytes(2, 'producer id', { length: 32 }),
    streamName: map.text(3, 'stream name', { maxBytes: 255 }),
    nonce: map.bytes(4, 'nonce', { length: 16 }),
    epochSeconds: map.uint(5, 'epoch length', { max: MAX_EPOCH_SECONDS }),
    alg: algorithm(map.int(6, 'alg')),
    kidBytes: kidLength(map.uint(7, 'kid length')),
    counterMode: oneOf(COUNTER_MODES, map.uint(8, 'counter mode')),
    signatureMode: oneOf(SIGNATURE_MODES, map.uint(9, 'signature mode')),
    historyMode: oneOf(HISTORY_MODES, map.uint(10, 'history mode')),
    predecessor: predecessorFromCbor(map.value(11, 'predecessor')),
  }
  map.end()
  if (!isStreamName(fields.streamName)) throw malformed('manifest', 'stream name')
  if (fields.epochSeconds === 0) throw malformed('manifest', 'epoch length')
  return fields
}

function predecessorFromCbor(value: CborValue): Predecessor | null {
  if (value === null) return null
  const list = new ArrayFields('manifest', value)
  const id = list.bytes(0, 'predecessor', { length: GENERATION_ID_BYTES })
  const closingEpoch = list.uintOrNull(1, 'closing epoch', { max: LAST_EPOCH })
  list.end()
  return { generationId: id, closingEpoch }
}

function algorithm(alg: number): ContentAlgorithm {
  if (isContentAlgorithm(alg)) return alg
  throw new WaxwingError('ERR_UNSUPPORTED', `manifest: unknown alg ${alg}`, { field: 'alg' })
}

function kidLength(length: number): 4 | 8 {
  if (length === 4 || length === 8) return length
  throw malformed('manifest', 'kid length')
}

function oneOf<T>(modes: readonly T[], index: number): T {
  const mode = modes[index]
  if (mode === undefined) throw new WaxwingError('ERR_UNSUPPORTED', 'manifest: unknown mode')
  return mode
}
