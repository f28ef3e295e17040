// SPDX-License-Identifier: Apache-2.0
import { AEAD_PARAMETERS, type AeadAlgorithm, type CryptoProvider } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { providers } from './providers.js'

const ALL: readonly AeadAlgorithm[] = [1, 3, 10, 24, 30]
const OFFERED = { sodium: [24], node: [1, 3, 10, 24, 30], pure: [1, 3, 24] }

const zeros = (length: number): Uint8Array => new Uint8Array(length)
const code = (value: string): unknown => expect.objectContaining({ code: value })

/** Every algorithm of one provider. */
const offered = (provider: CryptoProvider): readonly AeadAlgorithm[] => [...provider.aeads]

describe.each(providers.map((p) => [p.name, p] as const))('%s', (name, provider) => {
  it('offers the algorithms that its documentation names', () => {
    expect(offered(provider).toSorted((a, b) => a - b)).toStrictEqual(OFFERED[name])
  })

  it('refuses the others with ERR_UNSUPPORTED', () => {
    for (const alg of ALL.filter((each) => !provider.aeads.has(each))) {
      const key = zeros(AEAD_PARAMETERS[alg].keyBytes)
      expect(() => provider.aead(alg, key)).toThrow(code('ERR_UNSUPPORTED'))
    }
    const none = 99 as AeadAlgorithm
    expect(() => provider.aead(none, zeros(32))).toThrow(code('ERR_UNSUPPORTED'))
  })

  it.each(offered(provider))('takes calls of wrong lengths for bugs (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    expect(() => provider.aead(alg, zeros(keyBytes - 1))).toThrow(RangeError)
    expect(() => provider.aead(alg, zeros(keyBytes + 1))).toThrow(RangeError)
    const aead = provider.aead(alg, zeros(keyBytes))
    const [nonce, none, text] = [zeros(nonceBytes), zeros(0), zeros(5)]
    for (const bad of [nonceBytes - 1, nonceBytes + 1]) {
      expect(() => aead.seal(zeros(bad), none, text, zeros(5 + tagBytes))).toThrow(RangeError)
      expect(() => aead.open(zeros(bad), none, zeros(5 + tagBytes), text)).toThrow(RangeError)
    }
    for (const bad of [4 + tagBytes, 6 + tagBytes]) {
      expect(() => aead.seal(nonce, none, text, zeros(bad))).toThrow(RangeError)
    }
    for (const bad of [4, 6]) {
      expect(() => aead.open(nonce, none, zeros(5 + tagBytes), zeros(bad))).toThrow(RangeError)
    }
  })

  it.each(offered(provider))('opens nothing shorter than a tag (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    const aead = provider.aead(alg, zeros(keyBytes))
    for (let length = 0; length < tagBytes; length++) {
      expect(aead.open(zeros(nonceBytes), zeros(0), zeros(length), zeros(0))).toBe(false)
    }
    expect(aead.open(zeros(nonceBytes), zeros(0), zeros(tagBytes), zeros(0))).toBe(false)
  })

  it.each(offered(provider))('keeps a copy of the key (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    const key = Buffer.alloc(keyBytes, 1) // a Buffer: its slice() would be a view
    const aead = provider.aead(alg, key)
    const [first, second] = [zeros(3 + tagBytes), zeros(3 + tagBytes)]
    aead.seal(zeros(nonceBytes), zeros(0), zeros(3), first)
    key.fill(2)
    aead.seal(zeros(nonceBytes), zeros(0), zeros(3), second)
    expect(second).toStrictEqual(first)
  })

  it.each(offered(provider))('works on views into larger buffers (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    const room = zeros(500).map((_, i) => i)
    const aead = provider.aead(alg, room.subarray(3, 3 + keyBytes))
    const [nonce, aad, text] = [room.subarray(1, 1 + nonceBytes), room.subarray(7, 20), zeros(33)]
    const out = zeros(200)
    aead.seal(nonce, aad, text, out.subarray(5, 38 + tagBytes))
    expect(out.subarray(0, 5)).toStrictEqual(zeros(5))
    expect(out.subarray(38 + tagBytes)).toStrictEqual(zeros(162 - tagBytes))
    const back = zeros(60).fill(9)
    const opened = aead.open(nonce, aad, out.subarray(5, 38 + tagBytes), back.subarray(7, 40))
    expect(opened).toBe(true)
    expect(back).toStrictEqual(zeros(60).fill(9).fill(0, 7, 40))
  })

  it.each(offered(provider))('seals pieces as it seals the whole (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    const aead = provider.aead(alg, zeros(keyBytes))
    if (aead.sealPieces === undefined) return
    const nonce = zeros(nonceBytes)
    const text = zeros(1000).map((_, i) => i)
    const whole = zeros(1000 + tagBytes)
    aead.seal(nonce, text, text, whole)
    for (const cuts of [[1000], [0, 1000], [1, 999], [16, 17, 967], [500, 500, 0]]) {
      let at = 0
      const pieces = cuts.map((length) => text.subarray(at, (at += length)))
      const out = zeros(1000 + tagBytes)
      aead.sealPieces(nonce, text, pieces, out)
      expect(out).toStrictEqual(whole)
    }
    const pieces = [text, text]
    expect(() => aead.sealPieces?.(nonce, text, pieces, zeros(1000 + tagBytes))).toThrow(RangeError)
    const short = zeros(nonceBytes - 1)
    expect(() => aead.sealPieces?.(short, text, [], zeros(tagBytes))).toThrow(RangeError)
  })

  it.each(offered(provider))('opens into a new array as into a given one (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    const aead = provider.aead(alg, zeros(keyBytes))
    if (aead.openNew === undefined) return
    const nonce = zeros(nonceBytes)
    const text = zeros(1000).map((_, i) => i)
    const sealed = zeros(1000 + tagBytes)
    aead.seal(nonce, text, text, sealed)
    const [one, other] = [aead.openNew(nonce, text, sealed), aead.openNew(nonce, text, sealed)]
    expect(one).toStrictEqual(text)
    one?.fill(0)
    expect(other).toStrictEqual(text)
    for (const at of [0, 999, 1000, 999 + tagBytes]) {
      const changed = sealed.slice()
      changed[at]! ^= 1
      expect(aead.openNew(nonce, text, changed)).toBeUndefined()
    }
    expect(aead.openNew(nonce, zeros(1), sealed)).toBeUndefined()
    expect(aead.openNew(nonce, text, sealed.subarray(0, tagBytes - 1))).toBeUndefined()
    expect(() => aead.openNew?.(zeros(nonceBytes - 1), text, sealed)).toThrow(RangeError)
  })

  it.each(offered(provider))(
    'seals more than 65,535 bytes, unless it is CCM (algorithm %i)',
    (alg) => {
      const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
      const aead = provider.aead(alg, zeros(keyBytes))
      const [nonce, text, sealed] = [zeros(nonceBytes), zeros(65_536), zeros(65_536 + tagBytes)]
      const seal = (): void => aead.seal(nonce, zeros(0), text, sealed)
      if (alg === 10 || alg === 30) return expect(seal).toThrow(code('ERR_LIMIT'))
      seal()
      expect(aead.open(nonce, zeros(0), sealed, text)).toBe(true)
    },
  )

  it.each(offered(provider))('seals and opens nothing at all (algorithm %i)', (alg) => {
    const { keyBytes, nonceBytes, tagBytes } = AEAD_PARAMETERS[alg]
    const aead = provider.aead(alg, zeros(keyBytes))
    const [nonce, sealed] = [zeros(nonceBytes), zeros(tagBytes)]
    aead.seal(nonce, zeros(0), zeros(0), sealed)
    expect(aead.open(nonce, zeros(0), sealed, zeros(0))).toBe(true)
    if (aead.openNew === undefined) return
    expect(aead.openNew(nonce, zeros(0), sealed)).toStrictEqual(zeros(0))
  })

  it('checks the arguments of HKDF-Expand, of the seed and of randomness', () => {
    expect(() => provider.hkdfExpandSha256(zeros(31), zeros(0), 32)).toThrow(RangeError)
    expect(provider.hkdfExpandSha256(zeros(32), zeros(0), 8160)).toHaveLength(8160)
    for (const length of [8161, -1, 1.5, Number.NaN]) {
      expect(() => provider.hkdfExpandSha256(zeros(32), zeros(0), length)).toThrow(RangeError)
    }
    expect(() => provider.ed25519SigningKey(zeros(31))).toThrow(RangeError)
    expect(() => provider.ed25519SigningKey(zeros(64))).toThrow(RangeError)
    for (const length of [-1, 0.5, 2 ** 31]) {
      expect(() => provider.randomBytes(length)).toThrow(RangeError)
    }
  })

  it('gives as many random bytes as asked, beyond the 65,536 of one call, never the same', () => {
    expect(provider.randomBytes(0)).toHaveLength(0)
    const bytes = provider.randomBytes(200_001)
    expect(bytes).toHaveLength(200_001)
    // 32 zeros in a row would mean a piece that was never filled.
    for (let start = 0; start + 32 <= bytes.length; start += 32) {
      expect(bytes.subarray(start, start + 32).some((byte) => byte !== 0)).toBe(true)
    }
    expect(provider.randomBytes(32)).not.toStrictEqual(provider.randomBytes(32))
  })

  it('keeps the seed and the keys apart from what the caller holds', () => {
    const seed = Buffer.alloc(32, 5)
    const signing = provider.ed25519SigningKey(seed)
    const message = zeros(9)
    const signature = signing.sign(message)
    const publicKey = Buffer.from(signing.publicKey)
    const verifying = provider.ed25519VerifyingKey(publicKey)
    seed.fill(0)
    publicKey.fill(0)
    signing.publicKey.fill(0)
    verifying.publicKey.fill(0)
    expect(signing.sign(message)).toStrictEqual(signature)
    expect(verifying.verify(message, signature)).toBe(true)
  })

  it('verifies nothing that is not 64 bytes long', () => {
    const signing = provider.ed25519SigningKey(zeros(32))
    const key = provider.ed25519VerifyingKey(signing.publicKey)
    const signature = signing.sign(zeros(0))
    expect(key.verify(zeros(0), signature)).toBe(true)
    for (const length of [0, 1, 32, 63]) {
      expect(key.verify(zeros(0), signature.subarray(0, length))).toBe(false)
    }
    expect(key.verify(zeros(0), Buffer.concat([signature, zeros(1)]))).toBe(false)
  })
})
