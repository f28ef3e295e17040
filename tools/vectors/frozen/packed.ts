// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/packed.json`: control messages in their packed form (`docs/spec/07-granting.md` Section 7.2.6).
 *
 * @module
 */

import { DESK, NOW, PLANT } from './cast.ts'
import { cbor, join, Raw, type Value } from './cbor.ts'
import { chain, MANIFEST, ROOT, SPAN, steps } from './chains.ts'
import {
  Bits,
  canonical,
  deflated,
  dynamicHead,
  fixedBlock,
  fixedSymbol,
  stored,
} from './deflate.ts'
import { payloadOf, signed } from './messages.ts'
import { DICTIONARY } from './packing-dictionary.ts'
import { bytesOf, sha256, utf8 } from './primitives.ts'
import { nodes } from './tree.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const NONE = new Uint8Array(0)
const TEXT = utf8('waxwing')
const HELD = [PLANT.credential, DESK.credential, bytesOf('key card', 200)]

const REQUEST = messageOf('request', null, [bytesOf('kid', 8), [[SPAN.first, SPAN.last]], 1])
const GRANT = messageOf('grant', DESK.id, [MANIFEST, chain(steps(1)), nodes(ROOT, SPAN)])

export function packedMessages(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addReferences(cases)
  addFrames(cases)
  addData(cases)
  return cases.file(
    'packed',
    'A valid case is a packed message and what it is unpacked to, by a receiver that holds the byte ' +
      'strings of held. How it was packed is free; it was not always packed as short as can be. ' +
      'dictionary is what the dictionary of every packed message begins with. data is the DEFLATE data.',
  )
}

function messageOf(type: string, recipient: Uint8Array | null, body: readonly Value[]): Uint8Array {
  const kind = { type, author: type === 'request' ? DESK : PLANT, recipient, body }
  return signed(kind, payloadOf(kind, { issued: NOW }))
}

function reference(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).slice(0, 8)
}

function frame(data: Uint8Array, ...referred: readonly Uint8Array[]): Uint8Array {
  return cbor([referred.map(reference), data])
}

function addValid(cases: Cases): void {
  const add = (
    comment: string,
    message: Uint8Array,
    data: Uint8Array,
    referred: readonly Uint8Array[] = [],
  ): void => {
    cases.valid(comment, { held: HELD, message, data, packed: frame(data, ...referred) })
  }
  const empty = fixedBlock([]).bytes
  cases.valid('nothing', { dictionary: DICTIONARY, held: [], message: NONE, packed: frame(empty) })
  for (const [name, message] of [
    ['a request', REQUEST],
    ['a grant', GRANT],
  ] as const) {
    add(`${name}, without references`, message, deflated(message, DICTIONARY))
    for (const referred of [HELD.slice(0, 1), HELD.slice(0, 2), HELD, HELD.toReversed()]) {
      const data = deflated(message, join(DICTIONARY, ...referred))
      add(`${name}, ${referred.length} references`, message, data, referred)
    }
    add(`${name}, stored`, message, stored(message))
  }
  const eight = Array.from({ length: 8 }, () => HELD[0]!)
  add(
    'eight references, to the same',
    REQUEST,
    deflated(REQUEST, join(DICTIONARY, ...eight)),
    eight,
  )
  add('two blocks', join(TEXT, TEXT), join(stored(TEXT, false), stored(TEXT)))
  add('the first byte of the dictionary', DICTIONARY.slice(0, 3), fixedBlock([[3, 750]]).bytes)
  add('a repetition that runs into itself', filled(1, 259), fixedBlock([1, [258, 1]]).bytes)
  add('codes of its own', filled(7, 4), ownCodes())
  add('codes of its own, a single distance', filled(7, 4), ownCodes([1]))
  add('bits that mean nothing behind the end', NONE, Uint8Array.of(0x03, 0xfc))
}

function addReferences(cases: Cases): void {
  const data = fixedBlock([]).bytes
  const unknown = bytesOf('somebody else', 40)
  const missing = { held: HELD, packed: frame(data, unknown) }
  cases.refused('ERR_KEY_UNKNOWN', 'a reference to what is not held', missing)
  const both = { held: HELD, packed: frame(data, PLANT.credential, unknown) }
  cases.refused('ERR_KEY_UNKNOWN', 'one of two that is not held', both)
  const malformed = (comment: string, references: Value): void => {
    cases.refused('ERR_MALFORMED', comment, { held: HELD, packed: cbor([references, data]) })
  }
  const one = reference(PLANT.credential)
  malformed(
    'nine references',
    Array.from({ length: 9 }, () => one),
  )
  malformed('a reference of seven bytes', [one.slice(1)])
  malformed('a reference of 32 bytes', [sha256(PLANT.credential)])
  malformed('text for a reference', ['waxwing!'])
  malformed('a reference without a list', one)
  malformed('null for references', null)
}

function addFrames(cases: Cases): void {
  const data = deflated(TEXT, DICTIONARY)
  const malformed = (comment: string, packed: Uint8Array): void => {
    cases.refused('ERR_MALFORMED', comment, { held: HELD, packed })
  }
  const right = frame(data)
  malformed('no data', cbor([[]]))
  malformed('three parts', cbor([[], data, data]))
  malformed('text for the data', cbor([[], 'data']))
  malformed('cut off', right.slice(0, -1))
  malformed('a byte behind it', join(right, Uint8Array.of(0)))
  malformed(
    'a head that could be shorter',
    cbor([[], new Raw(join(Uint8Array.of(0x58, data.length), data))]),
  )
  malformed('under a tag', join(Uint8Array.of(0xd2), right))
}

function addData(cases: Cases): void {
  const malformed = (comment: string, data: Uint8Array): void => {
    cases.refused('ERR_MALFORMED', comment, { held: [], data, packed: frame(data) })
  }
  const right = deflated(TEXT, DICTIONARY)
  malformed('no data at all', NONE)
  malformed('data cut off', right.slice(0, -1))
  malformed('a byte behind the last block', join(right, Uint8Array.of(0)))
  malformed('a block behind the last', join(right, right))
  malformed('no last block', stored(TEXT, false))
  malformed('a block of type 3', new Bits().add(1, 1).add(3, 2).bytes)
  malformed('a stored block whose length is wrong', changedByte(stored(TEXT), 3))
  malformed('a stored block cut off', stored(TEXT).slice(0, -1))
  malformed('further back than the dictionary', fixedBlock([[3, 751]]).bytes)
  malformed('a length that is reserved', fixedSymbol(new Bits().add(3, 3), 286).add(0, 16).bytes)
  malformed(
    'a distance that is reserved',
    fixedSymbol(new Bits().add(3, 3), 257).code(30, 5).add(0, 16).bytes,
  )
  malformed('more codes than have room', ownCodes([1, 1, 1]))
  malformed('codes with room left', ownCodes([2, 2, 2]))
  malformed('no code for the end of the block', ownCodes([1, 1], false))
  malformed('31 distances', ownCodes(Array.from({ length: 31 }, () => 5)))
  addBounds(cases)
}

/** Zeros, of which as many come out as may, and one more. */
function addBounds(cases: Cases): void {
  const zeros = (count: number): Uint8Array => {
    const whole = Math.floor((count - 4) / 258)
    const repeated = Array.from({ length: whole }, () => [258, 1] as const)
    return frame(fixedBlock([0, ...repeated, [count - 1 - 258 * whole, 1]]).bytes)
  }
  let count = 65_536
  while (65_536 + 16 * zeros(count + 1).length > count) count++
  const comment = `${count} bytes out of ${zeros(count).length}`
  cases.valid(comment, { held: [], length: count, packed: zeros(count) })
  cases.refused('ERR_LIMIT', 'a byte more than that', { held: [], packed: zeros(count + 1) })
}

/** A block with codes of its own: seven four times, and no distance that is used. */
function ownCodes(distances: readonly number[] = [1, 1], hasEnd = true): Uint8Array {
  const literals = Array.from({ length: 257 }, () => 0)
  literals[7] = 1
  literals[hasEnd ? 256 : 8] = 1
  const bits = dynamicHead(literals, distances, { 0: 1, 1: 2, 2: 3, 5: 3 })
  const codes = canonical(literals)
  const add = (symbol: number): void => void bits.code(codes[symbol]!.value, codes[symbol]!.count)
  for (const symbol of [7, 7, 7, 7, hasEnd ? 256 : 8]) add(symbol)
  return bits.bytes
}

function changedByte(data: Uint8Array, at: number): Uint8Array {
  return data.map((byte, i) => (i === at ? byte ^ 1 : byte))
}

function filled(value: number, count: number): Uint8Array {
  return new Uint8Array(count).fill(value)
}
