// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/batches.json`: objects that share a signature (`docs/spec/04-objects.md` Section 4.3.4), with the
 * tree and its paths, and objects whose batch signature must not be believed or does not decode.
 *
 * @module
 */

import { EPOCH, PLANT, THIEF } from './cast.ts'
import { cbor, join, Raw, type Value } from './cbor.ts'
import {
  circumstances,
  encryptionAad,
  framedWith,
  ROOT,
  sealed,
  streamOf,
  type ObjectInput,
  type SealedObject,
  type Twist,
} from './object-parts.ts'
import { bytesOf, sha256, tampered, utf8 } from './primitives.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const STREAM = streamOf({ signatureMode: 2 })
const LABEL = -65538
const NONE = new Uint8Array(0)

/** What may be done otherwise than it should be in making a tree and signing it. */
interface Wrong {
  readonly leaf?: (structure: Uint8Array) => Uint8Array
  readonly node?: (left: Uint8Array, right: Uint8Array) => Uint8Array
  readonly toSign?: (count: number, root: Uint8Array) => Uint8Array
  readonly signer?: typeof PLANT
  readonly twist?: Twist
}

interface Batch {
  readonly members: readonly Member[]
  readonly merkleRoot: Uint8Array
  readonly batchToSign: Uint8Array
  readonly signature: Uint8Array
}

interface Member {
  readonly parts: SealedObject
  readonly leafHash: Uint8Array
  readonly path: Uint8Array
  readonly object: Uint8Array
}

export function batches(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addForged(cases)
  addFraming(cases)
  return cases.file(
    'batches',
    'A reader trusts bundle and holds root as the root of the key tree; the generation is that of ' +
      'manifest, its producer the principal of credential, signingSeed its key. A valid case is one ' +
      'batch: objects in the order of their leaves, each with what was sealed, its ' +
      'Countersign_structure, the hash of its leaf and its path. A refused case is one object. ' +
      'All byte strings are hex.',
  )
}

function batchOf(inputs: readonly Partial<ObjectInput>[], wrong: Wrong = {}): Batch {
  const leafOf = wrong.leaf ?? ((structure) => sha256(join(Uint8Array.of(0), structure)))
  const nodeOf = wrong.node ?? ((left, right) => sha256(join(Uint8Array.of(1), left, right)))
  const all = inputs.map((input) => sealed({ stream: STREAM, ...input }, wrong.twist))
  const leaves = all.map(({ countersignStructure = NONE }) => leafOf(countersignStructure))
  const count = leaves.length
  const merkleRoot = rootOf(leaves, nodeOf)
  const { generationId } = STREAM
  const toSign = wrong.toSign ?? ((n, root) => cbor(['waxwing batch v1', generationId, n, root]))
  const batchToSign = toSign(count, merkleRoot)
  const signature = (wrong.signer ?? PLANT).sign(batchToSign)
  const members = all.map((parts, index) => {
    const path = join(...pathOf(leaves, index, nodeOf))
    const unprotected = new Map([[LABEL, [signature, index, count, path]]])
    const object = framedWith(parts.header, unprotected, parts.ciphertext)
    return { parts, leafHash: leaves[index] ?? NONE, path, object }
  })
  return { members, merkleRoot, batchToSign, signature }
}

type NodeOf = (left: Uint8Array, right: Uint8Array) => Uint8Array

/** MTH of RFC 9162 Section 2.1.1, over leaves that are hashed. */
function rootOf(leaves: readonly Uint8Array[], nodeOf: NodeOf): Uint8Array {
  if (leaves.length <= 1) return leaves[0] ?? NONE
  const k = splitOf(leaves.length)
  return nodeOf(rootOf(leaves.slice(0, k), nodeOf), rootOf(leaves.slice(k), nodeOf))
}

/** PATH of RFC 9162 Section 2.1.3.1. */
function pathOf(leaves: readonly Uint8Array[], index: number, nodeOf: NodeOf): Uint8Array[] {
  if (leaves.length <= 1) return []
  const k = splitOf(leaves.length)
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)]
  return index < k
    ? [...pathOf(left, index, nodeOf), rootOf(right, nodeOf)]
    : [...pathOf(right, index - k, nodeOf), rootOf(left, nodeOf)]
}

function splitOf(count: number): number {
  let k = 1
  while (2 * k < count) k *= 2
  return k
}

function messages(count: number): Partial<ObjectInput>[] {
  return Array.from({ length: count }, (_, counter) => ({
    counter,
    plaintext: utf8(`reading ${counter}`),
  }))
}

function addValid(cases: Cases): void {
  const clearPart = utf8('unit=C')
  const valid: readonly [string, readonly Partial<ObjectInput>[]][] = [
    ['one object', messages(1)],
    ['two objects', messages(2)],
    ['three objects', messages(3)],
    ['five objects', messages(5)],
    ['thirty-three objects', messages(33)],
    ['with a clear part, and without', [{ clearPart }, { counter: 1 }]],
    [
      'of two sessions and two epochs',
      [{}, { session: bytesOf('next session', 7) }, { epoch: EPOCH + 1 }],
    ],
  ]
  for (const [comment, inputs] of valid) {
    const { members, ...batch } = batchOf(inputs)
    const objects = members.map(({ parts, leafHash, path, object }) => {
      const { epoch, session, counter, metadata, plaintext, clearPart: clear } = parts
      const { countersignStructure } = parts
      const sealedFrom = { epoch, session, counter, metadata, plaintext, clearPart: clear }
      return { ...sealedFrom, countersignStructure, leafHash, path, object }
    })
    const { generationId } = STREAM
    const inputsOfCase = { ...circumstances(STREAM), root: ROOT, signingSeed: PLANT.seed }
    cases.valid(comment, { ...inputsOfCase, generationId, ...batch, objects })
  }
}

function addForged(cases: Cases): void {
  const refuse = (comment: string, object: Uint8Array, stream = STREAM): void =>
    cases.refused('ERR_NOT_AUTHENTIC', comment, { ...circumstances(stream), root: ROOT, object })
  const { generationId } = STREAM
  const wrong: readonly [string, Wrong][] = [
    ['signed by somebody else', { signer: THIEF }],
    ['leaves hashed like nodes', { leaf: (s) => sha256(join(Uint8Array.of(1), s)) }],
    ['leaves hashed bare', { leaf: (s) => sha256(s) }],
    ['nodes hashed like leaves', { node: (l, r) => sha256(join(Uint8Array.of(0), l, r)) }],
    ['nodes hashed bare', { node: (l, r) => sha256(join(l, r)) }],
    ['nodes hashed the wrong way round', { node: (l, r) => sha256(join(Uint8Array.of(1), r, l)) }],
    ['signed: the root alone', { toSign: (_, root) => root }],
    [
      'signed without the count',
      { toSign: (_, root) => cbor(['waxwing batch v1', generationId, root]) },
    ],
    [
      'signed for another generation',
      { toSign: (n, root) => cbor(['waxwing batch v1', streamOf().generationId, n, root]) },
    ],
    [
      'signed under another context',
      { toSign: (n, root) => cbor(['waxwing batch v2', generationId, n, root]) },
    ],
    ['leaves without key commitment', { twist: { aadOfSignature: encryptionAad(generationId) } }],
  ]
  for (const [comment, what] of wrong) {
    const [first] = batchOf(messages(3), what).members
    refuse(comment, first?.object ?? NONE)
  }
  const right = batchOf(messages(4))
  const [first, second] = right.members
  if (first === undefined || second === undefined) throw new Error('there are four')
  const { header, ciphertext } = first.parts
  const carrying = (value: readonly Value[], text = ciphertext): Uint8Array =>
    framedWith(header, new Map([[LABEL, value]]), text)
  const { signature } = right
  refuse('signature changed', carrying([tampered(signature), 0, 4, first.path]))
  refuse('path changed', carrying([signature, 0, 4, tampered(first.path)]))
  refuse('path of another object', carrying([signature, 0, 4, second.path]))
  refuse('place of another object', carrying([signature, 1, 4, second.path]))
  refuse('index of another object', carrying([signature, 2, 4, first.path]))
  refuse('another count, with a path as long', carrying([signature, 0, 3, first.path]))
  refuse('ciphertext changed', carrying([signature, 0, 4, first.path], tampered(ciphertext)))
  const { countersignStructure = NONE } = first.parts
  const alone = new Map([[12, PLANT.sign(countersignStructure)]])
  refuse('a signature of its own in a stream with batches', framedWith(header, alone, ciphertext))
  refuse('no signature in a stream with batches', framedWith(header, new Map(), ciphertext))
  const each = sealed({ stream: streamOf() })
  const leaf = sha256(join(Uint8Array.of(0), each.countersignStructure ?? NONE))
  const ofOne = cbor(['waxwing batch v1', each.generationId, 1, leaf])
  const batched = new Map([[LABEL, [PLANT.sign(ofOne), 0, 1, NONE]]])
  const object = framedWith(each.header, batched, each.ciphertext)
  refuse('a batch in a stream whose objects are signed each', object, each.stream)
}

function addFraming(cases: Cases): void {
  const { members, signature } = batchOf(messages(3))
  const [first] = members
  if (first === undefined) throw new Error('there are three')
  const { parts, path } = first
  const refuse = (comment: string, value: Value): void => {
    const object = framedWith(parts.header, new Map([[LABEL, value]]), parts.ciphertext)
    cases.refused('ERR_MALFORMED', comment, { object })
  }
  refuse('the signature alone', signature)
  refuse('no path', [signature, 0, 3])
  refuse('five parts', [signature, 0, 3, path, null])
  refuse('signature of 63 bytes', [signature.slice(1), 0, 3, path])
  refuse('index that is the count', [signature, 3, 3, path])
  refuse('index below nothing', [signature, -1, 3, path])
  refuse('index in two bytes', [signature, new Raw(Uint8Array.of(0x18, 0)), 3, path])
  refuse('no objects', [signature, 0, 0, NONE])
  refuse('4,097 objects', [signature, 0, 4097, bytesOf('path', 13 * 32)])
  refuse('count in three bytes', [signature, 0, new Raw(Uint8Array.of(0x19, 0, 3)), path])
  refuse('path with a node too few', [signature, 0, 3, path.slice(32)])
  refuse('path with a node too many', [signature, 0, 3, join(path, path.slice(32))])
  refuse('path with a byte too many', [signature, 0, 3, join(path, Uint8Array.of(0))])
  refuse('path as an array', [signature, 0, 3, [path.slice(0, 32), path.slice(32)]])
  const both = new Map<number, Value>([
    [12, signature],
    [LABEL, [signature, 0, 3, path]],
  ])
  const object = framedWith(parts.header, both, parts.ciphertext)
  cases.refused('ERR_MALFORMED', 'both forms of a signature', { object })
}
