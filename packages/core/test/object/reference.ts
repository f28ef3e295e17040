// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of the object codec, written from the specification over the general CBOR codec
 * (`docs/spec/04-objects.md` Section 4.2), and a writer that breaks determinism on purpose.
 *
 * @module
 */

import {
  AEAD_PARAMETERS,
  CborTag,
  concatBytes,
  decodeCbor,
  encodeCbor,
  encodeHead,
  type BatchPlace,
  type CborKey,
  type CborValue,
} from '@waxwing/core'

import { naivePath } from './naive-batch-tree.js'

export interface ObjectParts {
  readonly alg: number
  readonly kid: Uint8Array
  readonly partialIv: Uint8Array
  readonly epoch: number
  readonly clearPart?: Uint8Array | undefined
  readonly signature?: Uint8Array | undefined
  readonly batch?: BatchPlace | undefined
  readonly ciphertext: Uint8Array
}

export function headerMap(parts: ObjectParts): Map<CborKey, CborValue> {
  const epoch = new Uint8Array(4)
  new DataView(epoch.buffer).setUint32(0, parts.epoch)
  const map = new Map<CborKey, CborValue>([
    [1, parts.alg],
    [4, parts.kid],
    [6, parts.partialIv],
    [10, epoch],
  ])
  if (parts.clearPart !== undefined) map.set(-65537, parts.clearPart)
  return map
}

/** Encodes an object by the general codec. */
export function referenceEncode(parts: ObjectParts): Uint8Array {
  const { signature, batch, ciphertext } = parts
  const unprotected = new Map<CborKey, CborValue>()
  if (signature !== undefined && batch === undefined) unprotected.set(12, signature)
  if (signature !== undefined && batch !== undefined) {
    const { index, count, path } = batch
    unprotected.set(-65538, [signature, index, count, path])
  }
  return encodeCbor(new CborTag(16, [encodeCbor(headerMap(parts)), unprotected, ciphertext]))
}

/** What decoding has to come to: `valid`, or the code of the error. */
export function referenceVerdict(bytes: Uint8Array): string {
  const value = readable(bytes)
  if (!(value instanceof CborTag)) return 'ERR_MALFORMED'
  if (value.tag !== 16) return 'ERR_UNSUPPORTED'
  if (!Array.isArray(value.contents) || value.contents.length !== 3) return 'ERR_MALFORMED'
  const [bucket, unprotected, ciphertext] = value.contents as readonly CborValue[]
  if (!(bucket instanceof Uint8Array) || !(unprotected instanceof Map)) return 'ERR_MALFORMED'
  const header = readable(bucket)
  if (!(header instanceof Map)) return 'ERR_MALFORMED'
  const map = header as ReadonlyMap<CborKey, CborValue>
  if (hasUnknown(map, unprotected as ReadonlyMap<CborKey, CborValue>)) return 'ERR_UNSUPPORTED'
  const signature: unknown = unprotected.get(12)
  const right =
    map.has(1) &&
    [4, 8].includes(lengthOf(map.get(4))) &&
    isPartialIv(map.get(6)) &&
    lengthOf(map.get(10)) === 4 &&
    (!map.has(-65537) || within(lengthOf(map.get(-65537)), 0, 65_535)) &&
    unprotected.size <= 1 &&
    (!unprotected.has(12) || lengthOf(signature) === 64) &&
    (!unprotected.has(-65538) || isBatch(unprotected.get(-65538))) &&
    ciphertext instanceof Uint8Array
  return right ? 'valid' : 'ERR_MALFORMED'
}

function hasUnknown(
  header: ReadonlyMap<CborKey, CborValue>,
  unprotected: ReadonlyMap<CborKey, CborValue>,
): boolean {
  const alg = header.get(1)
  const known = Object.keys(AEAD_PARAMETERS).map(Number)
  const unknownAlg = alg !== undefined && !(typeof alg === 'number' && known.includes(alg))
  return (
    unknownAlg ||
    [...header.keys()].some((label) => ![1, 4, 6, 10, -65537].includes(label as number)) ||
    [...unprotected.keys()].some((label) => ![12, -65538].includes(label as number))
  )
}

function isBatch(value: unknown): boolean {
  if (!Array.isArray(value) || value.length !== 4) return false
  const [signature, index, count, path] = value as readonly unknown[]
  if (typeof index !== 'number' || typeof count !== 'number') return false
  const isPlace = within(count, 1, 4096) && within(index, 0, count - 1)
  const leaves = Array.from({ length: isPlace ? count : 0 }, () => new Uint8Array(32))
  const nodes = isPlace ? naivePath(leaves, index).length : -1
  return lengthOf(signature) === 64 && lengthOf(path) === 32 * nodes
}

function isPartialIv(value: unknown): boolean {
  const length = lengthOf(value)
  if (length === 10 || length === 1) return true
  return within(length, 2, 5) && (value as Uint8Array)[0] !== 0
}

function lengthOf(value: unknown): number {
  return value instanceof Uint8Array ? value.length : -1
}

function within(value: number, min: number, max: number): boolean {
  return value >= min && value <= max
}

function readable(bytes: Uint8Array): CborValue | undefined {
  try {
    return decodeCbor(bytes, 'object')
  } catch {
    return undefined
  }
}

/** One head of an item, and the bytes behind it that belong to it. */
export interface Token {
  readonly major: number
  readonly argument: number
  readonly content?: Uint8Array
  /** How many tokens behind it belong to it; of an array, all to the end if this is left out. */
  readonly tokens?: number
}

const bstr = (content: Uint8Array): Token => ({ major: 2, argument: content.length, content })
const uint = (argument: number): Token => ({ major: 0, argument })
const negative = (value: number): Token => ({ major: 1, argument: -1 - value })

/** The heads of the protected header, in order. */
export function headerTokens(parts: ObjectParts): Token[] {
  const tokens: Token[] = [{ major: 5, argument: headerMap(parts).size }]
  for (const [label, value] of headerMap(parts)) {
    const number = label as number
    tokens.push(number < 0 ? negative(number) : uint(number))
    tokens.push(typeof value === 'number' ? uint(value) : bstr(value as Uint8Array))
  }
  return tokens
}

/** The heads of the object around an encoded protected header. */
export function objectTokens(parts: ObjectParts, protectedBytes: Uint8Array): Token[] {
  const { ciphertext } = parts
  const signed = signatureTokens(parts)
  return [
    { major: 6, argument: 16 },
    { major: 4, argument: 3 },
    bstr(protectedBytes),
    { major: 5, argument: signed.length === 0 ? 0 : 1, tokens: signed.length },
    ...signed,
    bstr(ciphertext),
  ]
}

function signatureTokens({ signature, batch }: ObjectParts): Token[] {
  if (signature === undefined) return []
  if (batch === undefined) return [uint(12), bstr(signature)]
  const { index, count, path } = batch
  const list = { major: 4, argument: 4, tokens: 4 }
  return [negative(-65538), list, bstr(signature), uint(index), uint(count), bstr(path)]
}

/** Writes tokens, the one at `wideAt` with a head that is longer than it has to be. */
export function writeTokens(tokens: readonly Token[], wideAt?: number, steps = 1): Uint8Array {
  return concatBytes(
    ...tokens.flatMap(({ major, argument, content = new Uint8Array(0) }, i) => {
      const head = i === wideAt ? wideHead(major, argument, steps) : encodeHead(major, argument)
      return [head, content]
    }),
  )
}

function wideHead(major: number, argument: number, steps: number): Uint8Array {
  const shortest = encodeHead(major, argument)
  const info = shortest.length === 1 ? 23 : shortest[0]! & 31
  const wider = Math.min(info + steps, 27)
  const head = new Uint8Array(1 + 2 ** (wider - 24))
  head[0] = (major << 5) | wider
  new DataView(head.buffer).setUint8(head.length - 1, argument % 256)
  for (let i = head.length - 1, rest = argument; i > 0; i--, rest = Math.floor(rest / 256)) {
    head[i] = rest % 256
  }
  return head
}

/** Writes tokens with an indefinite length at `at`, or nothing where there is no such form. */
export function writeIndefinite(tokens: readonly Token[], at: number): Uint8Array | undefined {
  const token = tokens[at]
  if (token === undefined || ![2, 4, 5].includes(token.major)) return undefined
  const before = writeTokens(tokens.slice(0, at))
  const opened = Uint8Array.of((token.major << 5) | 31)
  const end = Uint8Array.of(0xff)
  if (token.major === 2) {
    const chunk = writeTokens([token])
    return concatBytes(before, opened, chunk, end, writeTokens(tokens.slice(at + 1)))
  }
  // The items of an outer map or array reach to the end, or up to the ciphertext.
  const whole = token.major === 5 ? 2 * token.argument : tokens.length - at - 1
  const itemCount = token.tokens ?? whole
  const items = writeTokens(tokens.slice(at + 1, at + 1 + itemCount))
  return concatBytes(before, opened, items, end, writeTokens(tokens.slice(at + 1 + itemCount)))
}
