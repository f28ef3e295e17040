// SPDX-License-Identifier: Apache-2.0
/**
 * Project Wycheproof. How its results are read: `valid` has to give exactly the result of the file;
 * `invalid` has to be refused, and what is not of the length that the interface takes is refused as
 * the caller's mistake; `acceptable`, of which only X25519 has any, has to give the result of the
 * file, unless that is the all-zero secret, which is refused (docs/spec 2.5).
 */

import { hkdfSync } from 'node:crypto'
import {
  AEAD_PARAMETERS,
  type AeadAlgorithm,
  type CryptoProvider,
  fromHex,
  toHex,
  utf8,
} from '@waxwing/core'
import { expect } from 'vitest'
import { providers, providersOf } from '../crypto/providers.js'
import { codeOf } from './refusal.js'
import { runSource } from './runner.js'

interface Test {
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

interface AeadTest extends Test {
  readonly key: string
  readonly iv: string
  readonly aad: string
  readonly msg: string
  readonly ct: string
  readonly tag: string
  readonly group: { readonly keySize: number }
}

interface HkdfTest extends Test {
  readonly ikm: string
  readonly salt: string
  readonly info: string
  readonly size: number
  readonly okm: string
}

interface EddsaTest extends Test {
  readonly msg: string
  readonly sig: string
  readonly group: { readonly publicKey: { readonly pk: string } }
}

interface EcdsaTest extends Test {
  readonly msg: string
  readonly sig: string
  readonly group: { readonly publicKey: { readonly uncompressed: string } }
}

interface XdhTest extends Test {
  readonly public: string
  readonly private: string
  readonly shared: string
}

export function declareWycheproof(): void {
  runAeadSource('wycheproof/chacha20_poly1305_test.json', [24])
  runAeadSource('wycheproof/aes_gcm_test.json', [1, 3])
  runAeadSource('wycheproof/aes_ccm_test.json', [30])
  runSource('wycheproof/hkdf_sha256_test.json', { on: providers, passes: checkHkdf })
  runSource('wycheproof/ed25519_test.json', { on: providers, passes: checkEd25519 })
  runSource('wycheproof/ecdsa_secp256r1_sha256_p1363_test.json', {
    on: providers,
    passes: checkEs256,
  })
  runSource('wycheproof/x25519_test.json', { on: providers, passes: checkX25519 })
}

/** Runs a file whose algorithms differ in the length of their key at most. */
function runAeadSource(source: string, algs: readonly [AeadAlgorithm, ...AeadAlgorithm[]]): void {
  const algOf = ({ group }: AeadTest): AeadAlgorithm =>
    algs.find((alg) => 8 * AEAD_PARAMETERS[alg].keyBytes === group.keySize) ?? algs[0]
  runSource<AeadTest, CryptoProvider>(source, {
    on: providersOf(algs[0]),
    passes: (provider, test) => checkAead(provider, algOf(test), test),
    refuses: (provider, test) => expect(opened(provider, algOf(test), test)).toBeUndefined(),
  })
}

function checkAead(provider: CryptoProvider, alg: AeadAlgorithm, test: AeadTest): void {
  const good = test.result === 'valid'
  expect(opened(provider, alg, test)).toBe(good ? test.msg : undefined)
  if (!good) return
  const plaintext = fromHex(test.msg)
  const sealed = new Uint8Array(plaintext.length + AEAD_PARAMETERS[alg].tagBytes)
  const aead = provider.aead(alg, fromHex(test.key))
  aead.seal(fromHex(test.iv), fromHex(test.aad), plaintext, sealed)
  expect(toHex(sealed)).toBe(test.ct + test.tag)
}

/**
 * The plaintext, unless the tag does not verify. A key or a nonce of another length than the one that
 * is taken opens nothing, and sealing with it is the caller's mistake.
 */
function opened(
  provider: CryptoProvider,
  alg: AeadAlgorithm,
  { key, iv, aad, msg, ct, tag }: AeadTest,
): string | undefined {
  const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
  const sealed = fromHex(ct + tag)
  const out = new Uint8Array(Math.max(0, sealed.length - tagBytes))
  const open = (): boolean =>
    provider.aead(alg, fromHex(key)).open(fromHex(iv), fromHex(aad), sealed, out)
  if (key.length === 2 * keyBytes && iv.length === 2 * nonceBytes) {
    return open() ? toHex(out) : undefined
  }
  const text = fromHex(msg)
  const seal = (): void => {
    const into = new Uint8Array(text.length + tagBytes)
    provider.aead(alg, fromHex(key)).seal(fromHex(iv), fromHex(aad), text, into)
  }
  expect(seal).toThrow(RangeError)
  // What is shorter than a tag is refused before the nonce is looked at.
  if (key.length === 2 * keyBytes && sealed.length < tagBytes) expect(open()).toBe(false)
  else expect(open).toThrow(RangeError)
  return undefined
}

async function checkHkdf(provider: CryptoProvider, test: HkdfTest): Promise<void> {
  const kdf = provider.hpke.hkdfSha256()
  const [salt, ikm, info] = [fromHex(test.salt), fromHex(test.ikm), fromHex(test.info)]
  const prk = provider.hkdfExtractSha256(salt, ikm)
  expect(await kdf.Extract(salt, ikm)).toStrictEqual(prk)
  const expand = (): Uint8Array => provider.hkdfExpandSha256(prk, info, test.size)
  if (test.result === 'invalid') return expect(expand).toThrow(RangeError)
  expect(toHex(expand())).toBe(test.okm)
  expect(toHex(await kdf.Expand(prk, info, test.size))).toBe(test.okm)
}

function checkEd25519(provider: CryptoProvider, { msg, sig, group, result }: EddsaTest): void {
  const verified = codeOf(() =>
    provider.ed25519VerifyingKey(fromHex(group.publicKey.pk)).verify(fromHex(msg), fromHex(sig)),
  )
  if (result === 'valid') expect(verified).toBe(true)
  else expect(verified).toBeOneOf([false, 'ERR_KEY_INVALID'])
}

function checkEs256(provider: CryptoProvider, { msg, sig, group, result }: EcdsaTest): void {
  const key = provider.es256VerifyingKey(fromHex(group.publicKey.uncompressed))
  expect(key.verify(fromHex(msg), fromHex(sig))).toBe(result === 'valid')
}

const RECIPIENT = new Uint8Array(32).fill(9)

/** The agreement by itself, and inside of its KEM. */
async function checkX25519(provider: CryptoProvider, test: XdhTest): Promise<void> {
  const own = provider.ecdh.x25519.importSecretKey(fromHex(test.private))
  const agreed = codeOf(() => toHex(own.agree(fromHex(test.public))))
  const kem = provider.hpke.x25519()
  const secret = await kem.DeserializePrivateKey(fromHex(test.private), false)
  const recipient = await kem.DeserializePublicKey(RECIPIENT)
  const decap = async (): Promise<Uint8Array> => kem.Decap(fromHex(test.public), secret, recipient)
  const dh = fromHex(test.shared)
  if (dh.every((byte) => byte === 0)) {
    expect(agreed).toBe('ERR_KEY_INVALID')
    return expect(decap()).rejects.toThrow()
  }
  expect(agreed).toBe(test.shared)
  expect(await decap()).toStrictEqual(dhkemSecret(dh, fromHex(test.public)))
}

/** ExtractAndExpand of RFC 9180 Section 4.1, written a second time. */
function dhkemSecret(dh: Uint8Array, enc: Uint8Array): Uint8Array {
  const suite = Buffer.concat([utf8('KEM'), Uint8Array.of(0, 0x20)])
  const ikm = Buffer.concat([utf8('HPKE-v1'), suite, utf8('eae_prk'), dh])
  const head = Buffer.concat([Uint8Array.of(0, 32), utf8('HPKE-v1'), suite])
  const info = Buffer.concat([head, utf8('shared_secret'), enc, RECIPIENT])
  return new Uint8Array(hkdfSync('sha256', ikm, new Uint8Array(), info, 32))
}
