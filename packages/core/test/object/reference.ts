// SPDX-License-Identifier: Apache-2.0
/**
 * Objects by the general CBOR codec (`docs/spec/04-objects.md` Section 4.2), and a writer that breaks
 * determinism on purpose.
 *
 * @module
 */

import {
  CborTag,
  concatBytes,
  encodeCbor,
  encodeHead,
  type BatchPlace,
  type CborKey,
  type CborValue,
} from '@waxwing/core'

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
