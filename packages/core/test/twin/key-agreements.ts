// SPDX-License-Identifier: Apache-2.0
/**
 * Agreements on the parts that everything else stands on: CBOR, names, covers and their keys.
 *
 * @module
 */

import {
  coverOf,
  decodeCbor,
  decodeNodes,
  deriveLeaf,
  encodeCbor,
  encodeNodes,
  isNamePattern,
  isStreamName,
  matchesName,
  nodesFor,
  rootNode,
  type Span,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import * as fc from 'fast-check'
import { leafKey, nodes } from '../../../../tools/vectors/frozen/tree.ts'
import { bytesOf, mutated } from '../support/arbitraries.ts'
import { agree, agreement, note, type Agreement } from './agreement.ts'
import { decodeByTheBook, encodeByTheBook } from './cbor.ts'
import { readNodes } from './chains.ts'
import { leafBelow, positionsOf } from './keys.ts'
import { structural } from './mutations.ts'
import { isName, isPattern, matches } from './names.ts'

const crypto = nodeProvider

// CBOR: whatever is done to an item, both read the same or nothing.

const item = fc
  .uint8Array({ minLength: 1, maxLength: 40 })
  .map((content) =>
    encodeByTheBook([new Map([[1, content]]), 'text \u00e9', content.length, null, [true, -1]]),
  )
/** Arrays, maps and tags inside one another: 16 are allowed. */
const deep = fc
  .array(fc.constantFrom(0x81, 0xc1), { minLength: 14, maxLength: 18, size: 'max' })
  .chain((heads) => fc.constantFrom([], [0xa1, 1]).map((inner) => [...heads, ...inner, 0]))
  .map((bytes) => Uint8Array.from(bytes))
const encoded = fc.oneof(
  item,
  deep,
  item.chain((bytes) => mutated([bytes])),
  fc.tuple(item, structural).map(([bytes, by]) => by(bytes)),
  fc.uint8Array({ maxLength: 12 }),
)

function readAlike(bytes: Uint8Array): void {
  const outcome = agree(
    () => decodeCbor(bytes, 'item'),
    () => decodeByTheBook(bytes),
  )
  note('CBOR', outcome)
  if (outcome !== 'valid') return
  agree(
    () => encodeCbor(decodeCbor(bytes, 'item')),
    () => bytes,
  )
}

// Names and patterns.

const level = fc.oneof(
  fc.constantFrom('a', 'b', '+', '#', '', 'a+', '\u00e9', 'e\u0301', '\u0000', '.*', '\u{1f40d}'),
  fc.string({ unit: 'binary', maxLength: 3 }),
)
const name = fc.oneof(
  { weight: 30, arbitrary: fc.array(level, { maxLength: 4 }).map((levels) => levels.join('/')) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(255), '\u00e9'.repeat(128), '/'.repeat(3)) },
)

function nameAlike([text, pattern]: readonly [string, string]): void {
  const answers = [isStreamName(text), isNamePattern(pattern), matchesName(pattern, text)]
  agree(
    () => answers,
    () => [isName(text), isPattern(pattern), matches(pattern, text)],
  )
  note('names', answers.join(' '))
}

// Covers.

const LAST = 2 ** 32 - 1
const epoch = fc.oneof(
  fc.constantFrom(0, 1, LAST, LAST - 1, 2 ** 31, 2 ** 31 - 1),
  fc.integer({ min: 0, max: LAST }),
  fc.integer({ min: 500_000, max: 500_040 }),
)
const span = fc
  .tuple(epoch, epoch)
  .map(([a, b]): Span => ({ first: Math.min(a, b), last: Math.max(a, b) }))

const covering = fc.record({
  root: bytesOf(32),
  held: span,
  wanted: span,
  at: epoch,
  more: fc.constantFrom(0, 0, 0, -32, 32, 1, -1),
})
type Covering = typeof covering extends fc.Arbitrary<infer T> ? T : never

function coverAlike({ root, held, wanted, at, more }: Covering): void {
  const keys = nodes(root, held)
  agree(
    () => coverOf(held),
    () => positionsOf(held),
  )
  agree(
    () => encodeNodes(nodesFor(crypto, [rootNode(root)], held) ?? []),
    () => keys,
  )
  agree(
    () => deriveLeaf(crypto, rootNode(root), at),
    () => leafKey(root, at),
  )
  const given = new Uint8Array(Math.max(0, keys.length + more))
  given.set(keys.subarray(0, given.length))
  const outcome = agree(
    () => decodeNodes(given, held).map((node) => [node.depth, node.index, node.key]),
    () => readNodes(given, held),
  )
  note('covers', outcome)
  if (outcome !== 'valid') return
  const ring = decodeNodes(keys, held)
  const isHeld = held.first <= wanted.first && wanted.last <= held.last
  agree(
    () => nodesFor(crypto, ring, wanted)?.map(({ key }) => key) ?? null,
    () => (isHeld ? readNodes(nodes(root, wanted), wanted).map(([, , key]) => key) : null),
  )
  note('covers', isHeld ? 'held' : 'not held')
  const above = ring.find(({ depth, index }) => Math.floor(at / 2 ** (32 - depth)) === index)
  if (above === undefined) return
  agree(
    () => leafBelow(above, at),
    () => leafKey(root, at),
  )
}

export const KEY_AGREEMENTS: readonly Agreement[] = [
  agreement('CBOR', 800, encoded, readAlike),
  agreement('names', 500, fc.tuple(name, name), nameAlike),
  agreement('covers', 250, covering, coverAlike),
]
