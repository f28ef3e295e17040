// SPDX-License-Identifier: Apache-2.0
/**
 * Decoding an object's framing (`docs/spec/04-objects.md` Section 4.2.3), without a key.
 *
 * Strict: only the one deterministic encoding decodes. What is well-formed but carries labels,
 * algorithms or a type that this version does not know is `ERR_UNSUPPORTED`; everything else is
 * `ERR_MALFORMED`. Linear in the input, and nothing is copied: the result holds views.
 *
 * @module
 */

import { CborTag, decodeCbor } from '../cbor/cbor.js'
import { type ContentAlgorithm, isContentAlgorithm } from '../crypto/provider.js'
import { WaxwingError } from '../errors.js'
import { MAX_BATCH_OBJECTS, NODE_BYTES, pathNodes } from './batch-tree.js'
import {
  LABEL_BATCH_SIGNATURE,
  LABEL_BATCH_SIGNATURE_BYTES,
  LABEL_CLEAR_PART,
  MAX_CLEAR_PART_BYTES,
  SESSION_ID_BYTES,
  SESSION_PARTIAL_IV_BYTES,
  SIGNATURE_BYTES,
} from './header.js'

/** An object of which only the framing was read: nothing in it is verified. */
export interface DecodedObject {
  readonly kind: 'decoded'
  readonly bytes: Uint8Array
  readonly alg: ContentAlgorithm
  readonly kid: Uint8Array
  readonly epoch: number
  readonly partialIv: Uint8Array
  /** 7 bytes, or none in durable-counter mode. */
  readonly session: Uint8Array
  readonly counter: number
  readonly clearPart: Uint8Array | undefined
  /** 64 bytes, or `undefined` where the object carries none. */
  readonly signature: Uint8Array | undefined
  /** Where it stands in its batch, if the signature is of one. */
  readonly batch: BatchPlace | undefined
  /** The encoded protected header, as it is authenticated. */
  readonly protectedBytes: Uint8Array
  readonly ciphertext: Uint8Array
}

/** The place of an object under a batch signature (Section 4.3.4). */
export interface BatchPlace {
  /** From 0. */
  readonly index: number
  /** How many objects share the signature: more than `index`. */
  readonly count: number
  /** 32 bytes for each node that the place wants, the object's sibling first. */
  readonly path: Uint8Array
}

interface Signature {
  readonly bytes: Uint8Array
  readonly batch: BatchPlace | undefined
}

const NO_SESSION = new Uint8Array(0)
const KNOWN_PROTECTED: ReadonlySet<unknown> = new Set([1, 4, 6, 10, LABEL_CLEAR_PART])
const KNOWN_UNPROTECTED: ReadonlySet<unknown> = new Set([12, LABEL_BATCH_SIGNATURE])

/**
 * Decodes an object.
 *
 * @param bytes - Untrusted. The result holds views into it: it must not change afterwards.
 * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED`.
 */
export function decodeObject(bytes: Uint8Array): DecodedObject {
  const cursor = new Cursor(bytes)
  try {
    return readObject(cursor)
  } catch (error) {
    if (error === cursor) throw classify(bytes, cursor.field, cursor.offset)
    throw error
  }
}

function readObject(cursor: Cursor): DecodedObject {
  const { bytes } = cursor
  cursor.expect(0xd0, 'tag')
  cursor.expect(0x83, 'array')
  const protectedBytes = cursor.byteString('protected header')
  const protectedEnd = cursor.offset
  const signature = readUnprotected(cursor)
  const ciphertext = cursor.byteString('ciphertext')
  cursor.end()

  cursor.enter(protectedEnd - protectedBytes.length, protectedEnd)
  const { alg, kid, epoch, partialIv, clearPart } = readProtected(cursor)
  const inSession = partialIv.length === SESSION_PARTIAL_IV_BYTES
  const session = inSession ? partialIv.subarray(0, SESSION_ID_BYTES) : NO_SESSION
  const counter = bigEndian(partialIv, session.length, partialIv.length)
  return {
    kind: 'decoded',
    bytes,
    alg,
    kid,
    epoch,
    partialIv,
    clearPart,
    session,
    counter,
    signature: signature?.bytes,
    batch: signature?.batch,
    protectedBytes,
    ciphertext,
  }
}

function readUnprotected(cursor: Cursor): Signature | undefined {
  if (cursor.accept(0xa0)) return undefined
  cursor.expect(0xa1, 'unprotected header')
  if (cursor.accept(0x0c)) return { bytes: readSignature(cursor), batch: undefined }
  for (const byte of LABEL_BATCH_SIGNATURE_BYTES) cursor.expect(byte, 'unprotected header')
  cursor.expect(0x84, 'batch signature')
  const bytes = readSignature(cursor)
  const index = cursor.uint16('batch index')
  const count = cursor.uint16('batch count')
  if (count > MAX_BATCH_OBJECTS || index >= count) cursor.fail('batch count')
  const path = cursor.byteString('batch path')
  if (path.length !== pathNodes(index, count) * NODE_BYTES) cursor.fail('batch path')
  return { bytes, batch: { index, count, path } }
}

function readSignature(cursor: Cursor): Uint8Array {
  const signature = cursor.byteString('signature')
  if (signature.length !== SIGNATURE_BYTES) cursor.fail('signature')
  return signature
}

type ProtectedFields = Pick<DecodedObject, 'alg' | 'kid' | 'epoch' | 'partialIv' | 'clearPart'>

function readProtected(cursor: Cursor): ProtectedFields {
  const withClearPart = cursor.accept(0xa5)
  if (!withClearPart) cursor.expect(0xa4, 'protected header')
  cursor.expect(0x01, 'alg')
  const wide = cursor.accept(0x18)
  const alg = cursor.next('alg')
  if (wide !== alg >= 24 || !isContentAlgorithm(alg)) cursor.fail('alg')
  cursor.expect(0x04, 'kid')
  const kid = cursor.byteString('kid')
  if (kid.length !== 8 && kid.length !== 4) cursor.fail('kid')
  cursor.expect(0x06, 'Partial IV')
  const partialIv = cursor.byteString('Partial IV')
  if (!isPartialIv(partialIv)) cursor.fail('Partial IV')
  cursor.expect(0x0a, 'kid context')
  const epoch = cursor.uint32('kid context')
  const clearPart = withClearPart ? readClearPart(cursor) : undefined
  cursor.end()
  return { alg, kid, epoch, partialIv, clearPart }
}

function readClearPart(cursor: Cursor): Uint8Array {
  for (const byte of [0x3a, 0x00, 0x01, 0x00, 0x00]) cursor.expect(byte, 'clear part')
  const clearPart = cursor.byteString('clear part')
  if (clearPart.length > MAX_CLEAR_PART_BYTES) cursor.fail('clear part')
  return clearPart
}

/** Ten bytes, or a counter of 1 to 5 bytes without a leading zero (Section 4.2.1). */
function isPartialIv(partialIv: Uint8Array): boolean {
  const { length } = partialIv
  if (length === SESSION_PARTIAL_IV_BYTES || length === 1) return true
  return length >= 2 && length <= 5 && partialIv[0] !== 0
}

function bigEndian(bytes: Uint8Array, from: number, end: number): number {
  let value = 0
  for (let i = from; i < end; i++) value = value * 256 + bytes[i]!
  return value
}

/** Reads strictly and fails by throwing itself, so that the fast path allocates no error. */
class Cursor {
  offset = 0
  field = ''
  readonly bytes: Uint8Array
  /** What views are made of: faster than `subarray`. */
  readonly #buffer: ArrayBufferLike
  #end: number

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.#buffer = bytes.buffer
    this.#end = bytes.length
  }

  /** Goes on with the bytes from `start` to `end` alone. */
  enter(start: number, end: number): void {
    this.offset = start
    this.#end = end
  }

  fail(field: string): never {
    this.field = field
    // oxlint-disable-next-line only-throw-error -- caught in decodeObject
    throw this
  }

  next(field: string): number {
    if (this.offset >= this.#end) this.fail(field)
    return this.bytes[this.offset++]!
  }

  accept(byte: number): boolean {
    if (this.offset >= this.#end || this.bytes[this.offset] !== byte) return false
    this.offset++
    return true
  }

  expect(byte: number, field: string): void {
    if (!this.accept(byte)) this.fail(field)
  }

  end(): void {
    if (this.offset !== this.#end) this.fail('trailing bytes')
  }

  /** A byte string of four bytes, as the number that they are; not a view, to save its making. */
  uint32(field: string): number {
    this.expect(0x44, field)
    const from = this.offset
    this.offset += 4
    if (this.offset > this.#end) this.fail(field)
    return bigEndian(this.bytes, from, this.offset)
  }

  /** A number below 2^16 with the shortest head. */
  uint16(field: string): number {
    const head = this.next(field)
    if (head < 24) return head
    if (head > 25) this.fail(field)
    const value = head === 24 ? this.next(field) : this.next(field) * 256 + this.next(field)
    if (value < (head === 24 ? 24 : 256)) this.fail(field)
    return value
  }

  /** A byte string with the shortest head; a view. */
  byteString(field: string): Uint8Array {
    const head = this.next(field)
    if (head < 0x40 || head > 0x5a) this.fail(field)
    let length = head - 0x40
    if (length >= 24) {
      const size = 1 << (length - 24)
      length = 0
      for (let i = 0; i < size; i++) length = length * 256 + this.next(field)
      const shortest = size === 1 ? 24 : 2 ** (4 * size)
      if (length < shortest) this.fail(field)
    }
    const end = this.offset + length
    if (end > this.#end) this.fail(field)
    const view = new Uint8Array(this.#buffer, this.bytes.byteOffset + this.offset, length)
    this.offset = end
    return view
  }
}

/** Tells, away from the fast path, what is unknown to us from what is no object at all. */
function classify(bytes: Uint8Array, field: string, offset: number): WaxwingError {
  const unknown = unknownPart(bytes)
  if (unknown === undefined) {
    return new WaxwingError('ERR_MALFORMED', `object: bad ${field}`, { field, offset })
  }
  return new WaxwingError('ERR_UNSUPPORTED', `object: unknown ${unknown}`, { field: unknown })
}

function unknownPart(bytes: Uint8Array): string | undefined {
  let value, header
  try {
    value = decodeCbor(bytes, 'object')
    if (!(value instanceof CborTag)) return undefined
    if (value.tag !== 16) return 'type'
    if (!Array.isArray(value.contents) || value.contents.length !== 3) return undefined
    const [protectedBytes, unprotected] = value.contents as readonly unknown[]
    if (!(protectedBytes instanceof Uint8Array) || !(unprotected instanceof Map)) return undefined
    header = decodeCbor(protectedBytes, 'object')
    if (!(header instanceof Map)) return undefined
    if (header.has(2)) return 'crit'
    for (const label of header.keys()) if (!KNOWN_PROTECTED.has(label)) return unknownLabel(label)
    for (const label of unprotected.keys())
      if (!KNOWN_UNPROTECTED.has(label)) return unknownLabel(label)
    const alg: unknown = header.get(1)
    if (alg === undefined) return undefined
    return isContentAlgorithm(alg) ? undefined : 'alg'
  } catch {
    return undefined
  }
}

/** Names a label if it is a number. Text is the sender's own and may not be fit for a log. */
function unknownLabel(label: unknown): string {
  return typeof label === 'number' ? `label ${label}` : 'label'
}
