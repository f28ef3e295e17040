// SPDX-License-Identifier: Apache-2.0
/**
 * The examples of cose-wg/Examples: every COSE_Sign1 and COSE_Encrypt0 among them.
 *
 * Signatures other than Ed25519 are not offered, but they are verified here by `node:crypto`, so
 * that framing and Sig_structure are tried on every example.
 */

import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fromBase64Url, fromHex, toHex, utf8 } from '../../src/bytes.js'
import { decodeEncrypt0, type Encrypt0, encStructure } from '../../src/cose/encrypt0.js'
import { LABEL_ALG, LABEL_IV } from '../../src/cose/header.js'
import {
  decodeSign1,
  encodeSign1,
  type Sign1,
  sigStructure,
  verifySign1,
} from '../../src/cose/sign1.js'
import {
  AEAD_PARAMETERS,
  type AeadAlgorithm,
  type CryptoProvider,
} from '../../src/crypto/provider.js'
import { describePublished, listPublished, readPublished } from '../cbor/published.js'
import { providers, providersOf } from '../crypto/providers.js'

interface Layer {
  readonly key?: Readonly<Record<string, string>>
  readonly external?: string
  readonly recipients?: readonly { readonly key: Readonly<Record<string, string>> }[]
}

interface Example {
  readonly title: string
  readonly fail?: boolean
  readonly input: {
    readonly plaintext?: string
    readonly plaintext_hex?: string
    readonly sign0?: Layer
    readonly encrypted?: Layer
  }
  readonly intermediates: { readonly ToBeSign_hex?: string; readonly AAD_hex?: string }
  readonly output: { readonly cbor: string }
}

/** Every file that no test below reads, with the reason. Anything else that is skipped is an error. */
const OUT_OF_SCOPE: readonly (readonly [RegExp, string])[] = [
  [/^cose\/(sign-tests|ecdsa-examples\/ecdsa-0|eddsa-examples\/eddsa-0)/, 'COSE_Sign is not used'],
  [/^cose\/(enveloped-tests|chacha-poly-examples\/chacha-poly-0)/, 'COSE_Encrypt is not used'],
  [/^cose\/aes-(ccm|gcm)-examples\/aes-(ccm|gcm)-0/, 'COSE_Encrypt is not used'],
  [/^cose\/(mac0-tests|CWT\/A_[47])/, 'COSE_Mac0 is not used'],
]

/** Messages without their tag, as their titles say. */
const UNTAGGED = /^cose\/(sign1-tests\/sign|encrypted-tests\/enc)-pass-03/

/** Its AAD_hex has the context "Encrypt1" of an old draft; its ciphertext was made over "Encrypt0". */
const STALE_AAD = 'cose/chacha-poly-examples/chacha-poly-enc-01.json'

const NO_BYTES = new Uint8Array()
const bytesOf = (hex: string | undefined): Uint8Array => fromHex(hex ?? '')

function member(key: Readonly<Record<string, string>>, name: string): Uint8Array | undefined {
  const hex = key[`${name}_hex`]
  if (hex !== undefined) return fromHex(hex)
  return key[name] === undefined ? undefined : fromBase64Url(key[name])
}

function inputBytes({ input }: Example): Uint8Array {
  return input.plaintext === undefined ? bytesOf(input.plaintext_hex) : utf8(input.plaintext)
}

/** Verifies any of the algorithms in the examples. */
function verifyAny(
  message: Sign1,
  key: Readonly<Record<string, string>>,
  aad: Uint8Array,
): boolean {
  const { protectedHeader, unprotectedHeader, protectedBytes, payload, signature } = message
  const alg = protectedHeader.get(LABEL_ALG) ?? unprotectedHeader.get(LABEL_ALG)
  const hash = new Map<unknown, string | null>([
    [-7, 'sha256'],
    [-35, 'sha384'],
    [-36, 'sha512'],
    [-8, null],
  ]).get(alg)
  if (hash === undefined) return false
  const toBeSigned = sigStructure(protectedBytes, aad, payload)
  return verify(hash, toBeSigned, { key: publicKeyOf(key), dsaEncoding: 'ieee-p1363' }, signature)
}

function publicKeyOf(key: Readonly<Record<string, string>>): KeyObject {
  const coordinate = (name: string): object => {
    const bytes = member(key, name)
    return bytes === undefined ? {} : { [name]: Buffer.from(bytes).toString('base64url') }
  }
  const jwk = { kty: key['kty'], crv: key['crv'], ...coordinate('x'), ...coordinate('y') }
  return createPublicKey({ format: 'jwk', key: jwk as JsonWebKey })
}

/** Opens with an algorithm that the provider offers; `undefined` if the tag does not verify. */
function open(crypto: CryptoProvider, message: Encrypt0, key: Uint8Array, externalAad: Uint8Array) {
  const { protectedBytes, ciphertext } = message
  const alg = algOf(message) as AeadAlgorithm
  const iv = message.unprotectedHeader.get(LABEL_IV) as Uint8Array
  const out = new Uint8Array(ciphertext.length - AEAD_PARAMETERS[alg].tagBytes)
  const aad = encStructure(protectedBytes, externalAad)
  return crypto.aead(alg, key).open(iv, aad, ciphertext, out) ? out : undefined
}

function algOf({ protectedHeader, unprotectedHeader }: Encrypt0): unknown {
  return protectedHeader.get(LABEL_ALG) ?? unprotectedHeader.get(LABEL_ALG)
}

function isOffered(alg: unknown): alg is AeadAlgorithm {
  return typeof alg === 'number' && Object.hasOwn(AEAD_PARAMETERS, alg)
}

describePublished('the COSE examples', () => {
  const files = listPublished('cose').map((path) => ({
    path,
    example: readPublished<Example>(path),
  }))
  const signed = files.filter(({ example }) => example.input.sign0 !== undefined)
  const encrypted = files.filter(({ example }) => example.input.encrypted !== undefined)
  const good = <T extends { example: Example }>(list: readonly T[]): readonly T[] =>
    list.filter(({ example }) => example.fail !== true)
  const bad = <T extends { example: Example }>(list: readonly T[]): readonly T[] =>
    list.filter(({ example }) => example.fail === true)

  it('are all tried, or out of scope for a stated reason', () => {
    const skipped = files.filter(({ example }) => !example.input.sign0 && !example.input.encrypted)
    const listed = files.filter(({ path }) => OUT_OF_SCOPE.some(([pattern]) => pattern.test(path)))
    expect(skipped.map(({ path }) => path)).toStrictEqual(listed.map(({ path }) => path))
    for (const [pattern] of OUT_OF_SCOPE) {
      expect(
        skipped.some(({ path }) => pattern.test(path)),
        String(pattern),
      ).toBe(true)
    }
    expect([files.length, signed.length, encrypted.length]).toStrictEqual([93, 16, 25])
  })

  describe('COSE_Sign1', () => {
    it.each(good(signed))('$path decodes to what was signed, and verifies', ({ path, example }) => {
      const { key, external } = example.input.sign0!
      const tagged = !UNTAGGED.test(path)
      const message = decodeSign1(fromHex(example.output.cbor), path, { tagged })
      const { protectedBytes, payload } = message
      expect(payload).toStrictEqual(inputBytes(example))
      const toBeSigned = sigStructure(protectedBytes, bytesOf(external), payload)
      expect(toHex(toBeSigned)).toBe(example.intermediates.ToBeSign_hex!.toLowerCase())
      expect(verifyAny(message, key!, bytesOf(external))).toBe(true)
    })

    it.each(bad(signed))('$path is refused', ({ path, example }) => {
      const { key, external } = example.input.sign0!
      const outcome = tried(() => {
        const message = decodeSign1(fromHex(example.output.cbor), path)
        return verifyAny(message, key!, bytesOf(external))
      })
      expect(outcome).toBe(path.endsWith('sign-fail-01.json') ? 'ERR_MALFORMED' : false)
    })

    describe.each(providers)('with $name', (crypto) => {
      const { example } = signed.find(({ path }) => path.endsWith('eddsa-sig-01.json'))!
      const bytes = fromHex(example.output.cbor)
      const key = crypto.ed25519SigningKey(member(example.input.sign0!.key!, 'd')!)

      it('verifies the Ed25519 example', () => {
        const verifyingKey = crypto.ed25519VerifyingKey(member(example.input.sign0!.key!, 'x')!)
        expect(verifySign1(decodeSign1(bytes, 'example'), verifyingKey)).toBe(true)
        const changed = bytes.with(bytes.length - 1, bytes.at(-1)! ^ 1)
        expect(verifySign1(decodeSign1(changed, 'example'), verifyingKey)).toBe(false)
      })

      it('makes the Ed25519 example, byte for byte', () => {
        const { protectedHeader, unprotectedHeader, payload } = decodeSign1(bytes, 'example')
        const made = encodeSign1({ protectedHeader, unprotectedHeader, payload }, (m) =>
          key.sign(m),
        )
        expect(toHex(made)).toBe(toHex(bytes))
      })

      it('verifies none of the examples of other algorithms', () => {
        const verifyingKey = crypto.ed25519VerifyingKey(key.publicKey)
        for (const { path, example: other } of good(signed)) {
          if (path.endsWith('eddsa-sig-01.json')) continue
          const tagged = !UNTAGGED.test(path)
          const message = decodeSign1(fromHex(other.output.cbor), path, { tagged })
          expect(verifySign1(message, verifyingKey), path).toBe(false)
        }
      })
    })
  })

  describe('COSE_Encrypt0', () => {
    const decode = ({ path, example }: (typeof files)[number]): Encrypt0 =>
      decodeEncrypt0(fromHex(example.output.cbor), path, { tagged: !UNTAGGED.test(path) })
    const offered = good(encrypted).filter((file) => isOffered(algOf(decode(file))))
    const others = good(encrypted).filter((file) => !isOffered(algOf(decode(file))))

    const fresh = good(encrypted).filter(({ path }) => path !== STALE_AAD)
    it.each(fresh)('$path has the additional data that is given', (file) => {
      const { encrypted: layer } = file.example.input
      const aad = encStructure(decode(file).protectedBytes, bytesOf(layer!.external))
      expect(toHex(aad)).toBe(file.example.intermediates.AAD_hex!.toLowerCase())
    })

    it('are of an offered algorithm, or of one that no provider has', () => {
      // A192GCM, and AES-CCM but for AES-CCM-16-64-128 (RFC 9053 Sections 4.1 and 4.2).
      expect(others.map((file) => algOf(decode(file)))).toStrictEqual([
        30, 12, 32, 11, 31, 13, 33, 2,
      ])
      expect(offered).toHaveLength(10)
    })

    it.each(offered)('$path opens with every provider that offers its algorithm', (file) => {
      const message = decode(file)
      const { recipients, external } = file.example.input.encrypted!
      const key = member(recipients![0]!.key, 'k')!
      const opening = providersOf(algOf(message) as AeadAlgorithm)
      expect(opening.length).toBeGreaterThan(0)
      for (const crypto of opening) {
        expect(open(crypto, message, key, bytesOf(external))).toStrictEqual(
          inputBytes(file.example),
        )
      }
    })

    it.each(bad(encrypted))('$path is refused', ({ path, example }) => {
      const { recipients, external } = example.input.encrypted!
      const outcome = tried(() => {
        const message = decodeEncrypt0(fromHex(example.output.cbor), path)
        const alg = algOf(message)
        if (!isOffered(alg)) return 'alg is not offered'
        const key = member(recipients![0]!.key, 'k')!
        return providersOf(alg).map((crypto) => open(crypto, message, key, bytesOf(external)))
      })
      expect(outcome).toStrictEqual(expectedRefusal(path))
    })

    it('CWT/A_6 holds a COSE_Sign1, which verifies as well', () => {
      const file = files.find(({ path }) => path.endsWith('CWT/A_6.json'))!
      const message = decodeSign1(inputBytes(file.example), 'CWT')
      const { example } = files.find(({ path }) => path.endsWith('CWT/A_3.json'))!
      expect(verifyAny(message, example.input.sign0!.key!, NO_BYTES)).toBe(true)
    })
  })
})

/** Why each of the bad messages fails: by its tag, its algorithm, or when it is opened. */
function expectedRefusal(path: string): unknown {
  if (path.endsWith('enc-fail-01.json')) return 'ERR_MALFORMED'
  if (/enc-fail-0[34]\.json$/.test(path)) return 'alg is not offered'
  return providersOf(1).map(() => undefined)
}

function tried(call: () => unknown): unknown {
  try {
    return call()
  } catch (error) {
    return (error as { code?: string }).code ?? error
  }
}
