// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of the one Ed25519 rule (`docs/spec/02-algorithms.md` Section 2.3), step by step over
 * the points of a library. What was found of the same bytes before is remembered: it is slow indeed.
 *
 * @module
 */

import {
  ORDER,
  PRIME,
  fromHex,
  Point,
  toHex,
  validByBytes,
} from '../../../../tools/vectors/signature-parts.ts'

/** The y of the points of small order (Section 2.3.3). */
const SMALL_ORDER: ReadonlySet<bigint> = new Set(
  [
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '0000000000000000000000000000000000000000000000000000000000000000',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  ].map((hex) => numberOf(fromHex(hex))),
)
const REMEMBERED = 20_000
const remembered = new Map<string, boolean>()

/** Whether some bytes are a public key (Section 2.3.1). */
export function isPublicKey(key: Uint8Array): boolean {
  return once(`key ${toHex(key)}`, () => {
    if (key.length !== 32 || !isGoodY(key)) return false
    try {
      return Point.fromBytes(key).isTorsionFree()
    } catch {
      return false
    }
  })
}

/** Whether a signature verifies (Section 2.3.2). @param key - One that {@link isPublicKey}. */
export function verifies(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return once(`${toHex(key)} ${toHex(signature)} ${toHex(message)}`, () => {
    if (signature.length !== 64) return false
    const [r, s] = [signature.slice(0, 32), numberOf(signature.slice(32))]
    if (s >= ORDER || !isGoodY(r)) return false
    return validByBytes({ publicKey: key, message, r, s })
  })
}

/** Whether the y of 32 bytes is below p, and of no point of small order. */
function isGoodY(bytes: Uint8Array): boolean {
  const y = numberOf(bytes) % 2n ** 255n
  return y < PRIME && !SMALL_ORDER.has(y)
}

/** The number in little-endian bytes. */
function numberOf(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes.toReversed())}`)
}

function once(question: string, answer: () => boolean): boolean {
  const known = remembered.get(question)
  if (known !== undefined) return known
  if (remembered.size >= REMEMBERED) remembered.clear()
  const found = answer()
  remembered.set(question, found)
  return found
}
