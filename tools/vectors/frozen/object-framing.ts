// SPDX-License-Identifier: Apache-2.0
/**
 * The cases of `vectors/objects.json` that show without a key: one valid object, framed wrongly in
 * every way that the specification tells apart (`docs/spec/04-objects.md` Section 4.2).
 *
 * @module
 */

import { cbor, join, Raw, Tagged, type Value } from './cbor.ts'
import { framed, type SealedObject } from './object-parts.ts'
import { bytesOf } from './primitives.ts'
import { changed } from './statements.ts'
import type { Cases } from './vector-file.ts'

const NONE = new Uint8Array(0)

export function addFraming(cases: Cases, right: SealedObject): void {
  addOuter(cases, right)
  addLengths(cases, right)
  addOrder(cases, right)
  addFields(cases, right)
  addUnknown(cases, right)
}

/** The three parts, each of which may be given otherwise. */
function parts({ protectedHeader, signature = NONE, ciphertext }: SealedObject): Value[] {
  return [protectedHeader, new Map([[12, signature]]), ciphertext]
}

function tagged(...contents: readonly Value[]): Uint8Array {
  return cbor(new Tagged(16, contents))
}

function addOuter(cases: Cases, right: SealedObject): void {
  const [header = null, unprotected = null, ciphertext = null] = parts(right)
  const { object, signature = NONE } = right
  const signed = (value: Value): Value => new Map([[12, value]])
  const malformed: readonly [string, Uint8Array][] = [
    ['no bytes', NONE],
    ['the last byte missing', object.slice(0, -1)],
    ['a byte behind the object', join(object, Uint8Array.of(0))],
    ['no tag', cbor([header, unprotected, ciphertext])],
    ['two parts', tagged(header, unprotected)],
    ['four parts', tagged(header, unprotected, ciphertext, null)],
    ['a map for the three parts', cbor(new Tagged(16, new Map()))],
    ['protected header not wrapped', tagged(right.header, unprotected, ciphertext)],
    ['empty protected header', tagged(NONE, unprotected, ciphertext)],
    ['protected header with a byte behind it', tagged(longer(header), unprotected, ciphertext)],
    ['null for the unprotected header', tagged(header, null, ciphertext)],
    ['detached ciphertext', tagged(header, unprotected, null)],
    ['text for the ciphertext', tagged(header, unprotected, 'ciphertext')],
    ['signature of 63 bytes', tagged(header, signed(signature.slice(1)), ciphertext)],
    ['signature of 65 bytes', tagged(header, signed(longer(signature)), ciphertext)],
    ['null for the signature', tagged(header, signed(null), ciphertext)],
  ]
  for (const [comment, bytes] of malformed) {
    cases.refused('ERR_MALFORMED', comment, { object: bytes })
  }
}

/** Lengths that are longer than they have to be, or not said at all. */
function addLengths(cases: Cases, right: SealedObject): void {
  const [header = null, unprotected = null, ciphertext = null] = parts(right)
  const all = [header, unprotected, ciphertext]
  const contents = join(...all.map(cbor))
  const wide = (bytes: Uint8Array, info = 0x59): Raw => {
    const size = info === 0x5b ? 8 : 2
    const head = new Uint8Array(1 + size).with(0, info)
    head.set([bytes.length >> 8, bytes.length & 0xff], size - 1)
    return new Raw(join(head, bytes))
  }
  const stream = (bytes: Uint8Array): Raw =>
    new Raw(join(Uint8Array.of(0x5f), cbor(bytes), Uint8Array.of(0xff)))
  const inner = (label: number, value: Value): Uint8Array =>
    tagged(cbor(changed(right.header, [label, value])), unprotected, ciphertext)
  const {
    stream: { kid },
    ciphertext: secret,
  } = right
  const malformed: readonly [string, Uint8Array][] = [
    ['tag in two bytes', join(Uint8Array.of(0xd8, 0x10), cbor(all))],
    ['array in two bytes', join(Uint8Array.of(0xd0, 0x98, 3), contents)],
    ['array of indefinite length', join(Uint8Array.of(0xd0, 0x9f), contents, Uint8Array.of(0xff))],
    [
      'length of the protected header too long',
      tagged(wide(right.protectedHeader), unprotected, secret),
    ],
    ['length of the ciphertext too long', tagged(header, unprotected, wide(secret))],
    ['length of the ciphertext in eight bytes', tagged(header, unprotected, wide(secret, 0x5b))],
    ['ciphertext of indefinite length', tagged(header, unprotected, stream(secret))],
    [
      'unprotected header of indefinite length',
      tagged(
        header,
        new Raw(
          join(Uint8Array.of(0xbf), cbor(12), cbor(right.signature ?? NONE), Uint8Array.of(0xff)),
        ),
        ciphertext,
      ),
    ],
    ['alg in three bytes', inner(1, new Raw(Uint8Array.of(0x19, 0, right.alg)))],
    ['length of the kid too long', inner(4, wide(kid))],
    ['kid of indefinite length', inner(4, stream(kid))],
  ]
  for (const [comment, bytes] of malformed) {
    cases.refused('ERR_MALFORMED', comment, { object: bytes })
  }
}

function addOrder(cases: Cases, right: SealedObject): void {
  const [, unprotected = null, ciphertext = null] = parts(right)
  const entries = [...right.header].map(([label, value]) => join(cbor(label), cbor(value)))
  const headed = (count: number, ...items: readonly Uint8Array[]): Uint8Array =>
    tagged(join(Uint8Array.of(0xa0 + count), ...items), unprotected, ciphertext)
  const [alg = NONE, kid = NONE, ...rest] = entries
  cases.refused('ERR_MALFORMED', 'protected header out of order', {
    object: headed(entries.length, kid, alg, ...rest),
  })
  cases.refused('ERR_MALFORMED', 'a label of the protected header twice', {
    object: headed(entries.length + 1, alg, alg, kid, ...rest),
  })
  const indefinite = join(Uint8Array.of(0xbf), ...entries, Uint8Array.of(0xff))
  cases.refused('ERR_MALFORMED', 'protected header of indefinite length', {
    object: tagged(indefinite, unprotected, ciphertext),
  })
}

function addFields(cases: Cases, right: SealedObject): void {
  const changes: readonly [string, number, Value | undefined][] = [
    ['no alg', 1, undefined],
    ['no kid', 4, undefined],
    ['no Partial IV', 6, undefined],
    ['no kid context', 10, undefined],
    ['empty kid', 4, NONE],
    ['kid of 5 bytes', 4, bytesOf('kid', 5)],
    ['kid of 16 bytes', 4, bytesOf('kid', 16)],
    ['text for the kid', 4, 'kid'],
    ['empty Partial IV', 6, NONE],
    ['Partial IV of 6 bytes', 6, bytesOf('Partial IV', 6)],
    ['Partial IV of 11 bytes', 6, bytesOf('Partial IV', 11)],
    ['durable counter with a leading zero', 6, Uint8Array.of(0, 1)],
    ['kid context of 3 bytes', 10, bytesOf('epoch', 3)],
    ['kid context of 5 bytes', 10, bytesOf('epoch', 5)],
    ['a number for the kid context', 10, right.epoch],
    ['text for the clear part', -65537, 'clear'],
  ]
  for (const [comment, label, value] of changes) {
    const header = changed(right.header, [label, value])
    const object = framed(header, right.signature, right.ciphertext)
    cases.refused('ERR_MALFORMED', comment, { object })
  }
}

function addUnknown(cases: Cases, right: SealedObject): void {
  const [header = null, , ciphertext = null] = parts(right)
  const { signature = NONE } = right
  const inner = (label: number | string, value: Value): Uint8Array =>
    framed(changed(right.header, [label, value]), signature, right.ciphertext)
  const outer = (...entries: readonly (readonly [number, Value])[]): Uint8Array =>
    tagged(header, new Map(entries), ciphertext)
  const unknown: readonly [string, Uint8Array][] = [
    ['A192GCM', inner(1, 2)],
    ['ChaCha20 under a number that it does not have', inner(1, -24)],
    ['an algorithm named by text', inner(1, 'ChaCha20/Poly1305')],
    ['a content type in the protected header', inner(3, 0)],
    ['an IV in the protected header', inner(5, bytesOf('IV', 12))],
    ['crit', inner(2, [4])],
    ['an unknown private label', inner(-65540, 0)],
    ['a text label', inner('label', 0)],
    ['an unknown private label beside none', outer([-65541, NONE])],
    ['a label beside the signature', outer([5, bytesOf('IV', 12)], [12, signature])],
    ['a full countersignature', outer([11, NONE])],
    ['tag of COSE_Encrypt', cbor(new Tagged(96, parts(right)))],
    ['tag of COSE_Sign1', cbor(new Tagged(18, [...parts(right), NONE]))],
  ]
  for (const [comment, object] of unknown) cases.refused('ERR_UNSUPPORTED', comment, { object })
}

function longer(value: Value): Uint8Array {
  return join(value instanceof Uint8Array ? value : NONE, Uint8Array.of(0))
}
