// SPDX-License-Identifier: Apache-2.0
/**
 * Writes `vectors/ed25519-strict.json`: Ed25519 signatures on which libraries disagree, with the
 * verdict of the project's one rule (`docs/spec/02-algorithms.md`). With `--check` it writes nothing
 * and fails if the file differs.
 *
 * Each vector is built from points, and each claim of its comment (valid with cofactor, valid
 * without) is computed before it is written down. Nothing is random.
 *
 * Run: `node tools/vectors/ed25519-strict.ts [--check]`
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  challenge,
  describeSmall,
  fromHex,
  isOnCurve,
  join,
  multiple,
  nearest,
  ORDER,
  type Parts,
  Point,
  PRIME,
  scalarOf,
  signAs,
  smallEncodings,
  text,
  toBytes,
  toHex,
  TORSION,
  turned,
  validByBytes,
  validWithCofactor,
} from './signature-parts.ts'

const FILE = fileURLToPath(new URL('../../vectors/ed25519-strict.json', import.meta.url))

type Result = 'valid' | 'invalid' | 'ERR_KEY_INVALID'

interface Vector {
  readonly id: number
  readonly comment: string
  readonly publicKey: string
  readonly message: string
  readonly signature: string
  readonly result: Result
}

const vectors: Vector[] = []

function add(comment: string, parts: Parts, result: Result): void {
  addBytes(comment, parts.publicKey, parts.message, join(parts.r, toBytes(parts.s)), result)
}

function addBytes(
  comment: string,
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  result: Result,
): void {
  vectors.push({
    id: vectors.length + 1,
    comment,
    publicKey: toHex(publicKey),
    message: toHex(message),
    signature: toHex(signature),
    result,
  })
}

function expect(condition: boolean, claim: string): void {
  if (!condition) throw new Error(`not as claimed: ${claim}`)
}

/** Tries messages until one has what is wanted; the wanted are one in eight or more. */
function search(words: string, attempt: (message: Uint8Array) => Parts | undefined): Parts {
  for (let i = 0; i < 1000; i++) {
    const parts = attempt(text(`${words} ${i}`))
    if (parts !== undefined) return parts
  }
  throw new Error(`nothing found: ${words}`)
}

const SECRET = scalarOf('the secret scalar of the honest signer')
const HONEST = Point.BASE.multiply(SECRET)

const NONCE = scalarOf('the nonce of the signer')
const NONCE_POINT = Point.BASE.multiply(NONCE)

function signHonestly(words: string): Parts {
  const parts = signAs(HONEST.toBytes(), SECRET, NONCE_POINT.toBytes(), NONCE, text(words))
  expect(validByBytes(parts) && validWithCofactor(parts), 'an honest signature is valid')
  return parts
}

/** RFC 8032 Section 7.1, TEST 1 to TEST 3. */
const RFC_8032 = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155' +
      '5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
      '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac' +
      '18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  ],
] as const

function addHonest(): void {
  for (const [i, [publicKey, message, signature]] of RFC_8032.entries()) {
    const comment = `RFC 8032 Section 7.1, TEST ${i + 1}`
    addBytes(comment, fromHex(publicKey), fromHex(message), fromHex(signature), 'valid')
  }
  const good = signHonestly('an honest message')
  add('honest', good, 'valid')
  add('another message', { ...good, message: text('another message') }, 'invalid')
  add('another S', { ...good, s: good.s ^ 1n }, 'invalid')
  add('R with the sign of x turned', { ...good, r: turned(good.r) }, 'invalid')
  add(
    'A with the sign of x turned: a good key, another one',
    {
      ...good,
      publicKey: turned(good.publicKey),
    },
    'invalid',
  )
}

function addLengths(): void {
  const { publicKey, message, r, s } = signHonestly('lengths')
  const signature = join(r, toBytes(s))
  for (const length of [0, 31]) {
    const cut = publicKey.subarray(0, length)
    addBytes(`public key of ${length} bytes`, cut, message, signature, 'ERR_KEY_INVALID')
  }
  const long = join(publicKey, new Uint8Array(1))
  addBytes('public key of 33 bytes', long, message, signature, 'ERR_KEY_INVALID')
  for (const length of [0, 32, 63]) {
    const cut = signature.subarray(0, length)
    addBytes(`signature of ${length} bytes`, publicKey, message, cut, 'invalid')
  }
  const longer = join(signature, new Uint8Array(1))
  addBytes('signature of 65 bytes', publicKey, message, longer, 'invalid')
}

function addScalars(): void {
  const good = signHonestly('S not reduced')
  for (let times = 1n; good.s + times * ORDER < 1n << 256n; times += 1n) {
    const parts = { ...good, s: good.s + times * ORDER }
    expect(validByBytes(parts), 'valid but for the size of S')
    if (times <= 3n || times === 15n) add(`S plus ${times} times the order`, parts, 'invalid')
  }
  add('S equal to the order', { ...good, s: ORDER }, 'invalid')
  add('S of all ones', { ...good, s: (1n << 256n) - 1n }, 'invalid')
  add('S = 0', { ...good, s: 0n }, 'invalid')
}

/** A key of small order makes signatures valid that nobody made. */
function addSmallKeys(): void {
  for (const [publicKey, what] of smallEncodings()) {
    const lenient = nearest(publicKey)
    const parts = search('small A', (message) => {
      const k = challenge({ r: NONCE_POINT.toBytes(), publicKey, message })
      const found = multiple(Point.fromBytes(lenient, true), k % 8n).is0()
      const r = NONCE_POINT.toBytes()
      return found ? { publicKey, message, r, s: NONCE } : undefined
    })
    add(`A ${what}; [k]A = 0, so that the bytes of R agree`, parts, 'ERR_KEY_INVALID')
  }
}

/** R of small order: S = ka, which only the signer can make, but for which no nonce was needed. */
function addSmallCommitments(): void {
  for (const [r, what] of smallEncodings()) {
    const parts = signAs(HONEST.toBytes(), SECRET, r, 0n, text('small R'))
    const k = challenge(parts)
    const left = multiple(Point.BASE, parts.s).subtract(multiple(HONEST, k))
    expect(left.is0(), 'the rest is of small order')
    add(`R ${what}; valid with cofactor`, parts, 'invalid')
  }
}

/** A = A' + T: the signer knows the scalar of A' and adds T. */
function addMixedKeys(): void {
  for (const times of [1n, 2n, 4n]) {
    const twist = multiple(TORSION, times)
    const publicKey = HONEST.add(twist).toBytes()
    const sign = (message: Uint8Array): Parts =>
      signAs(publicKey, SECRET, NONCE_POINT.toBytes(), NONCE, message)
    const withCofactor = search(`mixed A ${times}`, (message) => {
      const parts = sign(message)
      return validByBytes(parts) ? undefined : parts
    })
    expect(validWithCofactor(withCofactor), 'valid with cofactor')
    const byBytes = search(`mixed A ${times}`, (message) => {
      const parts = sign(message)
      return validByBytes(parts) ? parts : undefined
    })
    expect(validWithCofactor(byBytes), 'valid with cofactor as well')
    const what = `A = A' + T, T ${describeSmall(twist)}`
    add(`${what}; valid with cofactor only`, withCofactor, 'ERR_KEY_INVALID')
    add(`${what}; [k]T = 0: valid without cofactor too`, byBytes, 'ERR_KEY_INVALID')
  }
}

/** R = R' + T under an honest key. */
function addMixedCommitments(): void {
  for (let times = 1n; times < 8n; times += 1n) {
    const twist = multiple(TORSION, times)
    const r = NONCE_POINT.add(twist).toBytes()
    const parts = signAs(HONEST.toBytes(), SECRET, r, NONCE, text('mixed R'))
    expect(validWithCofactor(parts) && !validByBytes(parts), 'valid with cofactor only')
    add(`R = R' + T, T ${describeSmall(twist)}; valid with cofactor only`, parts, 'invalid')
  }
}

/** Both mixed, so that the torsion parts of R and [k]A cancel: valid everywhere but for A. */
function addMixedBoth(): void {
  const publicKey = HONEST.add(TORSION).toBytes()
  const parts = search('mixed A and R', (message) => {
    const r = NONCE_POINT.add(TORSION).toBytes()
    const found = signAs(publicKey, SECRET, r, NONCE, message)
    return validByBytes(found) ? found : undefined
  })
  const comment = "A = A' + T and R = R' + T' with T' = -[k]T; valid without cofactor"
  add(comment, parts, 'ERR_KEY_INVALID')
}

/** Encodings that are no small order: y of 2 to 18 plus p, and y of no point. */
function addBadEncodings(): void {
  const good = signHonestly('bad encodings')
  for (let y = 2n; y < 19n; y += 1n) {
    const comment = `y = p + ${y}, ${isOnCurve(y) ? 'of a point' : 'of no point'}`
    const bytes = toBytes(PRIME + y)
    add(`A with ${comment}`, { ...good, publicKey: bytes }, 'ERR_KEY_INVALID')
    add(`R with ${comment}`, { ...good, r: bytes }, 'invalid')
  }
  const offCurve = toBytes(2n)
  expect(!isOnCurve(2n), 'y = 2 is of no point')
  add('A with y = 2, of no point', { ...good, publicKey: offCurve }, 'ERR_KEY_INVALID')
  add('R with y = 2, of no point', { ...good, r: offCurve }, 'invalid')
  const ones = new Uint8Array(32).fill(0xff)
  add('A of all ones', { ...good, publicKey: ones }, 'ERR_KEY_INVALID')
  add('R of all ones', { ...good, r: ones }, 'invalid')
}

function build(): string {
  addHonest()
  addLengths()
  addScalars()
  addSmallKeys()
  addSmallCommitments()
  addMixedKeys()
  addMixedCommitments()
  addMixedBoth()
  addBadEncodings()
  const file = {
    schema: 'ed25519-strict/1',
    source: 'tools/vectors/ed25519-strict.ts; TEST 1 to 3 from RFC 8032 Section 7.1',
    notes:
      'The one rule: 64 bytes, canonical A, R and S, R not of small order, A of the prime-order ' +
      'subgroup and not its identity, and the bytes of [S]B - [k]A equal R. ERR_KEY_INVALID: the ' +
      'key is refused when it is imported. All values are hex.',
    tests: vectors,
  }
  return `${JSON.stringify(file, null, 2)}\n`
}

const content = build()
if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== content) {
    process.stderr.write('vectors/ed25519-strict.json is not what its script makes\n')
    process.exitCode = 1
  }
} else writeFileSync(FILE, content)
