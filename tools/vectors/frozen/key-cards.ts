// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/key-cards.json`: key cards, alone and against the one that is held
 * (`docs/spec/06-identity.md` Section 6.4).
 *
 * @module
 */

import { DAY, DESK, NOW, THIEF } from './cast.ts'
import type { Value } from './cbor.ts'
import { bytesOf, coseKey, seedOf, tampered, thumbprint, x25519 } from './primitives.ts'
import { changed, keyCardPayload, statement, type PublicKey, type Statement } from './statements.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const X25519: PublicKey = { kind: 'x25519', publicKey: x25519(seedOf('KEM of the desk')) }
const X_WING: PublicKey = { kind: 'x-wing', publicKey: bytesOf('X-Wing of the desk', 1216) }
const EXPIRES = NOW + 30 * DAY
const PAYLOAD = keyCardPayload(NOW, EXPIRES, [X25519])
const COMMON = { principalId: DESK.id, publicKey: DESK.publicKey, now: NOW }

export function keyCards(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addPayloads(cases)
  addTimes(cases)
  addSignatures(cases)
  addHeld(cases)
  return cases.file(
    'key-cards',
    'publicKey is the Ed25519 key of the principal whose card it has to be; held, where there is one, ' +
      'is the newest card of that principal that was seen before. thumbprints are those of keys.',
  )
}

function signed(payload: Value, input: Partial<Statement> = {}): Uint8Array {
  return statement({ type: 'key-card', signer: DESK, payload, ...input })
}

function addValid(cases: Cases): void {
  const lists: readonly [string, readonly PublicKey[]][] = [
    ['X25519', [X25519]],
    ['X25519 and X-Wing', [X25519, X_WING]],
    ['X-Wing and X25519', [X_WING, X25519]],
  ]
  for (const [comment, keys] of lists) {
    cases.valid(comment, {
      ...COMMON,
      issued: NOW,
      expires: EXPIRES,
      keys: keys.map(({ kind, publicKey }) => ({ kind, publicKey })),
      thumbprints: keys.map(({ kind, publicKey }) => thumbprint(kind, publicKey)),
      card: signed(keyCardPayload(NOW, EXPIRES, keys)),
    })
  }
}

function addPayloads(cases: Cases): void {
  const key = ({ kind, publicKey }: PublicKey): Value => coseKey(kind, publicKey)
  const changes: readonly [string, string, number, Value | undefined][] = [
    ['ERR_MALFORMED', 'no time of issue', 1, undefined],
    ['ERR_MALFORMED', 'expires when it is issued', 2, NOW],
    ['ERR_MALFORMED', 'lasts longer than a year', 2, NOW + 365 * DAY + 1],
    ['ERR_MALFORMED', 'no keys', 3, []],
    ['ERR_MALFORMED', 'X-Wing alone', 3, [key(X_WING)]],
    ['ERR_MALFORMED', 'two keys of one kind', 3, [key(X25519), key(X25519)]],
    [
      'ERR_MALFORMED',
      'a signing key among the KEM keys',
      3,
      [key(X25519), coseKey('ed25519', DESK.publicKey)],
    ],
    ['ERR_MALFORMED', 'X-Wing key of 1215 bytes', 3, [key(X25519), key(short(X_WING))]],
    ['ERR_UNSUPPORTED', 'key on X448', 3, [changed(asFields(key(X25519)), [-1, 5])]],
    ['ERR_MALFORMED', 'unknown field', 4, null],
  ]
  for (const [result, comment, field, value] of changes) {
    cases.refused(result, comment, { ...COMMON, card: signed(changed(PAYLOAD, [field, value])) })
  }
}

function addTimes(cases: Cases): void {
  const card = signed(PAYLOAD)
  cases.valid('issued five minutes from now', { ...COMMON, now: NOW - 300, card })
  cases.refused('ERR_NOT_YET_VALID', 'issued more than five minutes from now', {
    ...COMMON,
    now: NOW - 301,
    card,
  })
  cases.valid('about to expire', { ...COMMON, now: EXPIRES - 1, card })
  cases.refused('ERR_EXPIRED', 'expires now', { ...COMMON, now: EXPIRES, card })
}

function addSignatures(cases: Cases): void {
  const right = signed(PAYLOAD)
  const forged: readonly [string, Uint8Array][] = [
    ['signature changed', tampered(right)],
    ['signed by somebody else in its name', signed(PAYLOAD, { signer: THIEF, author: DESK.id })],
    ['of somebody else', signed(PAYLOAD, { signer: THIEF })],
    ["its own, in somebody else's name", signed(PAYLOAD, { author: THIEF.id })],
    ['signed for one recipient', signed(PAYLOAD, { recipient: THIEF.id })],
  ]
  for (const [comment, card] of forged) {
    cases.refused('ERR_SIGNATURE', comment, { ...COMMON, card })
  }
}

function addHeld(cases: Cases): void {
  const held = signed(PAYLOAD)
  const at = (issued: number): Uint8Array => signed(changed(PAYLOAD, [1, issued]))
  const other = signed(changed(PAYLOAD, [2, EXPIRES + 1]))
  cases.valid('newer than the one that is held', { ...COMMON, held, card: at(NOW + 1) })
  cases.valid('the one that is held', { ...COMMON, held, card: held })
  cases.refused('ERR_ROLLBACK', 'older than the one that is held', {
    ...COMMON,
    held,
    card: at(NOW - 1),
  })
  cases.refused('ERR_CONFLICT', 'another of the same time', { ...COMMON, held, card: other })
}

function short({ kind, publicKey }: PublicKey): PublicKey {
  return { kind, publicKey: publicKey.slice(1) }
}

function asFields(key: Value): ReadonlyMap<number | string, Value> {
  if (!(key instanceof Map)) throw new TypeError('a COSE_Key is a map')
  return key as ReadonlyMap<number | string, Value>
}
