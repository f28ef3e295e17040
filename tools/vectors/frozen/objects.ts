// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/objects.json`: objects with every step of sealing them, and objects that must not decode,
 * must not open, or open and do not count.
 *
 * @module
 */

import { ANCHOR, bundleOf, DAY, EPOCH, HOUR, member, NOW, PLANT, THIEF } from './cast.ts'
import type { Value } from './cbor.ts'
import { addFraming } from './object-framing.ts'
import {
  circumstances,
  contentKeys,
  encryptionAad,
  partsOf,
  ROOT,
  sealed,
  signatureAad,
  streamOf,
  type ObjectInput,
  type Stream,
  type Twist,
} from './object-parts.ts'
import { bytesOf, fromHex, seedOf, tampered, utf8 } from './primitives.ts'
import { changed } from './statements.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const SIGNED = streamOf()
const UNSIGNED = streamOf({ signatureMode: 0 })
const INPUT = { stream: SIGNED }
const PARTS = partsOf(INPUT)

export function objects(): VectorFile {
  const cases = new Cases()
  addStreams(cases)
  addMetadata(cases)
  addSignatures(cases)
  addEncryption(cases)
  addForms(cases)
  addTexts(cases)
  addEpochs(cases)
  addFraming(cases, sealed({ ...INPUT, clearPart: utf8('unit=C') }))
  return cases.file(
    'objects',
    'A reader trusts bundle and holds root as the root of the key tree; the generation is that of ' +
      'manifest, its producer the principal of credential. Valid cases give every step of sealing; ' +
      'session is empty where the manifest says durable counter. ERR_MALFORMED and ' +
      'ERR_UNSUPPORTED show without a key. ERR_NOT_AUTHENTIC: no key that is held opens it. ' +
      'ERR_CLOSED_GENERATION, ERR_EXPIRED and ERR_REVOKED: it opens and does not count. ' +
      'All byte strings are hex.',
  )
}

function addValid(cases: Cases, comment: string, input: ObjectInput): void {
  const { stream, header: _, ...steps } = sealed(input)
  const signingSeed = stream.isSigned ? stream.producer.seed : null
  cases.valid(comment, { ...circumstances(stream), signingSeed, ...steps })
}

function addStreams(cases: Cases): void {
  for (const alg of [24, 3, 1, 10]) {
    addValid(cases, `alg ${alg}, signed`, { stream: streamOf({ alg }) })
    addValid(cases, `alg ${alg}, unsigned`, { stream: streamOf({ alg, signatureMode: 0 }) })
    addValid(cases, `alg ${alg}, durable counter`, { stream: streamOf({ alg, counterMode: 1 }) })
  }
  const varied: readonly [string, Partial<ObjectInput>][] = [
    ['clear part', { clearPart: utf8('unit=C') }],
    ['empty clear part', { clearPart: new Uint8Array(0) }],
    ['clear part of 256 bytes', { clearPart: bytesOf('clear part', 256) }],
    ['clear part, unsigned', { stream: UNSIGNED, clearPart: utf8('unit=C') }],
    ['kid of 4 bytes', { stream: streamOf({ kidBytes: 4 }) }],
    ['no payload', { plaintext: new Uint8Array(0) }],
    ['payload of 300 bytes', { plaintext: bytesOf('payload', 300) }],
    ['first epoch', { epoch: 0 }],
    ['last counter of a session', { counter: 2 ** 24 - 1 }],
  ]
  for (const [comment, input] of varied) addValid(cases, comment, { ...INPUT, ...input })
  const stream = streamOf({ counterMode: 1, signatureMode: 0, kidBytes: 4, alg: 10 })
  for (const counter of [1, 255, 256, 65_535, 65_536, 2 ** 20 - 1]) {
    addValid(cases, `durable counter ${counter}, short kid, short tag`, { stream, counter })
  }
}

function addMetadata(cases: Cases): void {
  const transfer = bytesOf('transfer', 16)
  const trail = [3, 1000, [[bytesOf('former session', 7), 41]]]
  const metadata: readonly [string, readonly (readonly [number, Value])[]][] = [
    ['time offset', [[1, 65_536]]],
    ['time offset of more than 32 bits', [[1, 5_270_400_000]]],
    ['content type', [[2, 'application/json']]],
    ['headers', [[3, new Map([['traceparent', '00-01']])]]],
    ['trail', [[4, trail]]],
    ['last piece of a transfer', [[5, [transfer, 2, true]]]],
    ['first piece, with the size of all', [[5, [transfer, 0, false, 5_000_000_000]]]],
    ['only piece of a transfer', [[5, [transfer, 0, true, 0]]]],
    ['last piece that there can be', [[5, [transfer, 2 ** 24 - 1, true]]]],
    ['padding', [[6, new Uint8Array(24)]]],
    ['heartbeat', [[7, true]]],
    [
      'all there is',
      [
        [1, 1],
        [2, 'text/plain'],
        [3, new Map([['a', 'b']])],
        [4, trail],
        [5, [transfer, 0, false]],
        [6, new Uint8Array(1)],
        [7, true],
      ],
    ],
  ]
  const stream = streamOf({ epochSeconds: 31_536_000 })
  for (const [name, entries] of metadata) {
    addValid(cases, `metadata: ${name}`, { stream, epoch: 57, metadata: new Map(entries) })
  }
}

function refuse(cases: Cases, comment: string, input: ObjectInput, twist: Twist = {}): void {
  const { object } = sealed(input, twist)
  cases.refused('ERR_NOT_AUTHENTIC', comment, {
    ...circumstances(input.stream),
    root: ROOT,
    object,
  })
}

function addSignatures(cases: Cases): void {
  const { generationId, commitment } = PARTS
  const other = contentKeys({ ...PARTS, root: seedOf('another root') })
  const twists: readonly [string, Twist][] = [
    ['signature changed', { signature: (made) => flipped(made) }],
    ['no signature in a signed stream', { signature: () => undefined }],
    ['signed by somebody else', { signer: THIEF }],
    ['signed without key commitment', { aadOfSignature: encryptionAad(generationId) }],
    [
      'signed for the content key of another root',
      { aadOfSignature: signatureAad(generationId, other.commitment) },
    ],
    [
      'signed for another generation',
      { aadOfSignature: signatureAad(UNSIGNED.generationId, commitment) },
    ],
    ['signed under the context for other fields', { signatureContext: 'CounterSignature0V2' }],
  ]
  for (const [comment, twist] of twists) refuse(cases, comment, INPUT, twist)
  const added = { signature: (made: Uint8Array) => made }
  refuse(cases, 'a signature in a stream without', { stream: UNSIGNED }, added)
}

/** In all but the first the signature is right. */
function addEncryption(cases: Cases): void {
  const { baseIv, partialIv } = PARTS
  const key = (changes: Partial<Parameters<typeof contentKeys>[0]>): Twist => {
    return { contentKey: contentKeys({ ...PARTS, ...changes }).contentKey }
  }
  const twists: readonly [string, Twist][] = [
    ['ciphertext changed, and signed anew', { ciphertext: flipped }],
    ['tag changed, and signed anew', { ciphertext: tampered }],
    ['cut within the tag', { ciphertext: (c) => c.slice(-15) }],
    ['no ciphertext', { ciphertext: () => new Uint8Array(0) }],
    ['encrypted for another generation', { aadOfEncryption: encryptionAad(UNSIGNED.generationId) }],
    ['encrypted without external_aad', { aadOfEncryption: new Uint8Array(0) }],
    ['encrypted under the context of COSE_Encrypt', { encryptContext: 'Encrypt' }],
    ['encrypted under the base IV alone', { nonce: baseIv }],
    [
      'Partial IV padded on the right',
      { nonce: baseIv.map((byte, i) => byte ^ (partialIv[i] ?? 0)) },
    ],
    ['content key of another root', key({ root: seedOf('another root') })],
    ['content key of another epoch', key({ epoch: EPOCH + 1 })],
    ['content key of another session', key({ session: bytesOf('another session', 7) })],
    ['content key of another generation', key({ generationId: UNSIGNED.generationId })],
    ['content key of another algorithm', key({ alg: 3 })],
  ]
  refuse(cases, 'ciphertext changed, unsigned', { stream: UNSIGNED }, { ciphertext: flipped })
  for (const [comment, twist] of twists) refuse(cases, comment, INPUT, twist)
}

/** Sealed and signed so, with all that follows from it, and yet not as the manifest says. */
function addForms(cases: Cases): void {
  const claiming = (comment: string, stream: Stream): void => {
    refuse(cases, comment, { stream: { ...stream, manifest: SIGNED.manifest } })
  }
  claiming('another algorithm than the manifest says', { ...SIGNED, alg: 3 })
  claiming('durable counter where the manifest says session', { ...SIGNED, isSession: false })
  claiming('kid of 4 bytes where the manifest says 8', { ...SIGNED, kid: SIGNED.kid.slice(0, 4) })
  claiming('another kid', { ...SIGNED, kid: bytesOf('kid', 8) })
  const durable = streamOf({ counterMode: 1 })
  refuse(cases, 'session where the manifest says durable counter', {
    stream: { ...durable, isSession: true },
  })
  const header = changed(PARTS.header, [-65537, utf8('unit=F')])
  const { header: _, ciphertext } = sealed({ ...INPUT, clearPart: utf8('unit=C') })
  refuse(cases, 'clear part changed, and signed anew', INPUT, {
    header,
    ciphertext: () => ciphertext,
  })
}

/** A byte string of 16 bytes. */
const TRANSFER = `50${'00'.repeat(16)}`

/** Encrypted and signed as it should be; what is inside is not. */
function addTexts(cases: Cases): void {
  const texts: readonly [string, string][] = [
    ['no metadata, not even an empty map', ''],
    ['metadata that is an array', '80'],
    ['metadata cut off', 'a101'],
    ['metadata of indefinite length', 'bfff'],
    ['metadata with its keys out of order', 'a207f50100'],
    ['metadata with a key twice', 'a201000100'],
    ['metadata with a number that is longer than it has to be', 'a1011817'],
    ['metadata with an unknown key', 'a10800'],
    ['metadata with a text key', 'a1617800'],
    ['metadata with a negative time offset', 'a10120'],
    ['metadata with a time offset of more than a year', 'a1011b0000000757b12c01'],
    ['metadata with a heartbeat that is false', 'a107f4'],
    ['metadata with a trail of two fields', 'a104820000'],
    ['metadata with a piece of two fields', `a10582${TRANSFER}00`],
    ['metadata with a piece of five fields', `a10585${TRANSFER}00f50000`],
    ['metadata with a counter for the id of a transfer', 'a105830000f5'],
    ['metadata with a transfer id of 15 bytes', `a105834f${'00'.repeat(15)}00f5`],
    ['metadata with a piece after the last that there can be', `a10583${TRANSFER}1a01000000f5`],
    ['metadata with an end mark that is a number', `a10583${TRANSFER}0001`],
    ['metadata with a size of 2^53', `a10584${TRANSFER}00f51b0020000000000000`],
    ['metadata with a size in the second piece', `a10584${TRANSFER}01f505`],
  ]
  for (const [comment, text] of texts) refuse(cases, comment, INPUT, { text: fromHex(text) })
}

function addEpochs(cases: Cases): void {
  const own = new Map([[4, ['plant/1/#']]])
  const expiring = member(ANCHOR, 'plant', { own, expires: NOW })
  const revoking = bundleOf(ANCHOR, { revoked: [[PLANT.id, NOW]] })
  const stream = streamOf()
  const before = sealed({ stream, epoch: EPOCH - 1 }).object
  const at = sealed({ stream, epoch: EPOCH }).object
  const common = { ...circumstances(stream), root: ROOT }
  const { credential } = expiring
  cases.valid('in the last epoch before the closing', {
    ...common,
    closingEpoch: EPOCH,
    object: at,
  })
  cases.refused('ERR_CLOSED_GENERATION', 'in an epoch after the closing one', {
    ...common,
    closingEpoch: EPOCH - 1,
    object: at,
  })
  cases.valid('in an epoch that began before the producer expired', {
    ...common,
    credential,
    object: before,
  })
  cases.refused('ERR_EXPIRED', 'in an epoch that began when the producer had expired', {
    ...common,
    credential,
    object: at,
  })
  cases.valid('in an epoch that began before the producer was revoked', {
    ...common,
    bundle: revoking,
    object: before,
  })
  cases.refused('ERR_REVOKED', 'in an epoch that began when the producer was revoked', {
    ...common,
    bundle: revoking,
    object: at,
  })
  const midway = bundleOf(ANCHOR, { revoked: [[PLANT.id, NOW + HOUR / 2]] })
  cases.valid('in the epoch within which the producer was revoked', {
    ...common,
    bundle: midway,
    object: at,
  })
  const late = member(ANCHOR, 'plant', { own, issued: NOW - DAY, expires: NOW + DAY })
  cases.valid('by a producer whose credential was issued after the epoch', {
    ...common,
    credential: late.credential,
    object: sealed({ stream, epoch: EPOCH - 48 }).object,
  })
}

function flipped(bytes: Uint8Array): Uint8Array {
  return bytes.with(0, (bytes[0] ?? 0) ^ 1)
}
