// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/sealed.json`: control messages sealed to their recipient (`docs/spec/07-granting.md`
 * Section 7.2.3), with every step of HPKE.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { DESK, THIEF } from './cast.ts'
import { cbor, join, Tagged, type Value } from './cbor.ts'
import {
  deriveKeyPair,
  encapsulate,
  hedgedIkm,
  KEM_X25519,
  KEM_X_WING,
  keySchedule,
  sealFirst,
  type Encapsulation,
  type KeyPair,
} from './hpke.ts'
import { bytesOf, fromHex, seedOf, tampered, thumbprint, utf8 } from './primitives.ts'
import { changed, type Fields } from './statements.ts'
import { Cases, type Input, type VectorFile } from './vector-file.ts'

type Kind = 'x25519' | 'x-wing'

const KEMS = { x25519: KEM_X25519, 'x-wing': KEM_X_WING } as const
const ALGS = { x25519: 42, 'x-wing': -65539 } as const
const MESSAGE = bytesOf('message', 100)
const RANDOMNESS = bytesOf('randomness', 64)
const X25519 = deriveKeyPair(seedOf('KEM of desk'))
const X_WING = readXWing()

interface Sealed {
  readonly kind: Kind
  readonly key: KeyPair
  readonly encapsulation: Encapsulation
  readonly plaintext?: Uint8Array
  readonly recipientId?: Uint8Array
  readonly header?: Fields
  readonly unprotected?: Fields
  readonly info?: Uint8Array
  readonly aad?: (protectedHeader: Uint8Array) => Uint8Array
  readonly ciphertext?: (ciphertext: Uint8Array) => Value
  readonly tag?: number
}

/** Every step, with at most one gone wrong. */
function steps(input: Sealed) {
  const { kind, key, encapsulation, plaintext = MESSAGE, recipientId = DESK.id, tag = 16 } = input
  const kemKid = thumbprint(kind, key.publicKey).slice(0, 8)
  const header =
    input.header ??
    new Map<number, Value>([
      [1, ALGS[kind]],
      [4, kemKid],
    ])
  const protectedHeader = cbor(header)
  const info = input.info ?? cbor(['waxwing control v1', recipientId])
  const aad = input.aad?.(protectedHeader) ?? cbor(['Encrypt0', protectedHeader, new Uint8Array(0)])
  const schedule = keySchedule(KEMS[kind], encapsulation.sharedSecret, info)
  const ciphertext = sealFirst(schedule, aad, plaintext)
  const unprotected = input.unprotected ?? new Map([[-4, encapsulation.encapsulatedKey]])
  const last = input.ciphertext === undefined ? ciphertext : input.ciphertext(ciphertext)
  const contents = [protectedHeader, unprotected, last]
  const sealed = cbor(new Tagged(tag, contents))
  return { kemKid, protectedHeader, info, aad, ...schedule, ciphertext, sealed }
}

const x25519 = (plaintext = MESSAGE, to = X25519): Sealed => {
  const ikm = hedgedIkm(RANDOMNESS, to.publicKey, plaintext)
  return {
    kind: 'x25519',
    key: to,
    encapsulation: encapsulate(deriveKeyPair(ikm), to.publicKey),
    plaintext,
  }
}
const xWing: Sealed = { kind: 'x-wing', key: X_WING, encapsulation: X_WING }

export function sealedMessages(): VectorFile {
  const cases = new Cases()
  for (const [comment, plaintext] of [
    ['X25519', MESSAGE],
    ['X25519, an empty message', new Uint8Array(0)],
    ['X25519, 300 bytes', bytesOf('longer message', 300)],
  ] as const) {
    const input = x25519(plaintext)
    const ikm = hedgedIkm(RANDOMNESS, X25519.publicKey, plaintext)
    const { encapsulatedKey, sharedSecret } = input.encapsulation
    const made = { randomness: RANDOMNESS, ikm, encapsulatedKey, sharedSecret }
    cases.valid(comment, { ...circumstances(input), message: plaintext, ...made, ...steps(input) })
  }
  const { encapsulatedKey, sharedSecret } = X_WING
  const made = { message: MESSAGE, encapsulatedKey, sharedSecret }
  cases.valid('X-Wing', { ...circumstances(xWing), ...made, ...steps(xWing) })
  for (const input of [x25519(), xWing]) addUnauthentic(cases, input)
  addFraming(cases, x25519())
  return cases.file(
    'sealed',
    'sealed is message, sealed to the principal recipientId and its KEM key. randomness is what a ' +
      'provider draws for an X25519 ephemeral, ikm what the hedge makes of it; key and baseNonce are ' +
      'those of the HPKE context. The encapsulation of X-Wing is given, not made.',
  )
}

function circumstances({ kind, key }: Sealed): Record<string, Input> {
  return { kind, recipientId: DESK.id, publicKey: key.publicKey, secretKey: key.secretKey }
}

function refuse(cases: Cases, result: string, comment: string, input: Sealed, right = input): void {
  const { sealed } = steps(input)
  cases.refused(result, `${input.kind}: ${comment}`, { ...circumstances(right), sealed })
}

function addUnauthentic(cases: Cases, right: Sealed): void {
  const { encapsulatedKey } = right.encapsulation
  const text = (bytes: Uint8Array): Value => bytes
  const changes: readonly [string, Partial<Sealed>][] = [
    ['addressed to somebody else', { recipientId: THIEF.id }],
    ['without a recipient in its info', { info: new Uint8Array(0) }],
    ['without its header authenticated', { aad: () => new Uint8Array(0) }],
    ['ciphertext changed', { ciphertext: (bytes) => text(tampered(bytes)) }],
    ['ciphertext cut', { ciphertext: (bytes) => text(bytes.slice(0, -1)) }],
    ['cut within the tag', { ciphertext: (bytes) => text(bytes.slice(0, 15)) }],
    ['no ciphertext', { ciphertext: () => text(new Uint8Array(0)) }],
    ['encapsulated key changed', { unprotected: new Map([[-4, tampered(encapsulatedKey)]]) }],
  ]
  for (const [comment, change] of changes) {
    refuse(cases, 'ERR_NOT_AUTHENTIC', comment, { ...right, ...change }, right)
  }
  const { kemKid } = steps(right)
  const other = new Map<number, Value>([
    [1, ALGS[right.kind]],
    [4, bytesOf('KEM kid', 8)],
  ])
  refuse(cases, 'ERR_RECIPIENT', 'kid of another key', { ...right, header: other })
  if (right.kind === 'x25519') {
    const foreign = x25519(MESSAGE, deriveKeyPair(seedOf('KEM of thief')))
    const claimed = new Map<number, Value>([
      [1, 42],
      [4, kemKid],
    ])
    refuse(
      cases,
      'ERR_NOT_AUTHENTIC',
      'sealed to another key under our kid',
      { ...foreign, header: claimed },
      right,
    )
    const zero = new Map([[-4, new Uint8Array(32)]])
    refuse(cases, 'ERR_NOT_AUTHENTIC', 'encapsulated key of small order', {
      ...right,
      unprotected: zero,
    })
  }
}

function addFraming(cases: Cases, right: Sealed): void {
  const { kemKid, protectedHeader, ciphertext } = steps(right)
  const { encapsulatedKey } = right.encapsulation
  const header = new Map<number, Value>([
    [1, 42],
    [4, kemKid],
  ])
  const headed = (label: number, value?: Value): Partial<Sealed> => {
    return { header: changed(header, [label, value]) }
  }
  const key = (bytes: Value): Partial<Sealed> => ({ unprotected: new Map([[-4, bytes]]) })
  const changes: readonly [string, string, Partial<Sealed>][] = [
    ['ERR_MALFORMED', 'no alg', headed(1)],
    ['ERR_UNSUPPORTED', 'HPKE-0', headed(1, 35)],
    ['ERR_UNSUPPORTED', 'an algorithm named by text', headed(1, 'HPKE-4')],
    ['ERR_UNSUPPORTED', 'crit', headed(2, [4])],
    ['ERR_UNSUPPORTED', 'a pre-shared key', headed(-5, utf8('psk'))],
    ['ERR_MALFORMED', 'no kid', headed(4)],
    ['ERR_MALFORMED', 'kid of 32 bytes', headed(4, thumbprint('x25519', right.key.publicKey))],
    ['ERR_MALFORMED', 'no encapsulated key', { unprotected: new Map() }],
    ['ERR_MALFORMED', 'encapsulated key of 31 bytes', key(encapsulatedKey.slice(1))],
    ['ERR_MALFORMED', 'text for the encapsulated key', key('key')],
    ['ERR_MALFORMED', 'detached ciphertext', { ciphertext: () => null }],
    ['ERR_MALFORMED', 'tag of COSE_Encrypt', { tag: 96 }],
  ]
  for (const [result, comment, change] of changes) {
    refuse(cases, result, comment, { ...right, ...change }, right)
  }
  const bytes = steps(right).sealed
  const framed = (comment: string, sealed: Uint8Array): void => {
    cases.refused('ERR_MALFORMED', comment, { ...circumstances(right), sealed })
  }
  framed('no tag', bytes.slice(1))
  framed('cut off', bytes.slice(0, -1))
  framed('a byte behind it', join(bytes, Uint8Array.of(0)))
  framed('two parts', cbor(new Tagged(16, [protectedHeader, ciphertext])))
}

function readXWing(): KeyPair & Encapsulation {
  const url = new URL('x-wing.json', import.meta.url)
  const data = JSON.parse(readFileSync(url, 'utf8')) as Record<string, string>
  const field = (name: string): Uint8Array => fromHex(data[name] ?? '')
  return {
    secretKey: field('secretKey'),
    publicKey: field('publicKey'),
    encapsulatedKey: field('encapsulatedKey'),
    sharedSecret: field('sharedSecret'),
  }
}
