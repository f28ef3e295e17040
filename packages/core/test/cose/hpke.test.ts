// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { toHex, utf8 } from '../../src/bytes.js'
import { type CborKey, type CborValue, encodeCbor } from '../../src/cbor/cbor.js'
import { decodeEncrypt0, encodeEncrypt0, encStructure } from '../../src/cose/encrypt0.js'
import { decodeHpke, openHpke, sealHpke } from '../../src/cose/hpke.js'
import { WaxwingError } from '../../src/errors.js'
import { generateKemKeyPair, type KemKind, openBase } from '../../src/hpke/suite.js'
import { providers } from '../crypto/providers.js'

const kinds: readonly KemKind[] = ['x25519', 'x-wing']
const ALG = { x25519: 42, 'x-wing': -65_539 } as const
const EK_BYTES = { x25519: 32, 'x-wing': 1120 } as const
const context = { info: utf8('info'), externalAad: utf8('aad') }
const plaintext = utf8('plaintext')
const [crypto] = providers as [(typeof providers)[number]]
const code = (wanted: string): unknown => expect.objectContaining({ code: wanted })

/** A message with any headers and a ciphertext that opens nothing. */
const message = (
  protectedHeader: readonly [CborKey, CborValue][],
  unprotectedHeader: readonly [CborKey, CborValue][],
): Uint8Array =>
  encodeEncrypt0({
    protectedHeader: new Map(protectedHeader),
    unprotectedHeader: new Map(unprotectedHeader),
    ciphertext: new Uint8Array(20),
  })

describe.each(providers)('COSE-HPKE with $name', (provider) => {
  it.each(kinds)('seals and opens with %s', async (kind) => {
    const key = await generateKemKeyPair(provider, kind)
    const protectedHeader = new Map<CborKey, CborValue>([[4, utf8('kid')]])
    const input = { recipientKey: key, protectedHeader, plaintext, ...context }
    const bytes = await sealHpke(provider, input)
    const opened = await openHpke(provider, bytes, key, context)
    const header = new Map<CborKey, CborValue>([
      [1, ALG[kind]],
      [4, utf8('kid')],
    ])
    expect(opened).toStrictEqual({ protectedHeader: header, plaintext })
    expect(await openHpke(provider, decodeHpke(bytes), key, context)).toStrictEqual(opened)
  })

  it.each(kinds)('opens nothing under another context, key or kind of key (%s)', async (kind) => {
    const key = await generateKemKeyPair(provider, kind)
    const bytes = await sealHpke(provider, { recipientKey: key, plaintext, ...context })
    const refused = code('ERR_NOT_AUTHENTIC')
    const wrong = [
      { ...context, info: utf8('other') },
      { ...context, externalAad: utf8('other') },
      { info: context.info },
    ]
    for (const other of wrong) {
      await expect(openHpke(provider, bytes, key, other)).rejects.toThrow(refused)
    }
    for (const otherKind of kinds) {
      const other = await generateKemKeyPair(provider, otherKind)
      await expect(openHpke(provider, bytes, other, context)).rejects.toThrow(refused)
    }
  })
})

describe('a COSE-HPKE message', () => {
  it.each(kinds)('is a COSE_Encrypt0 as the draft describes it (%s)', async (kind) => {
    const key = await generateKemKeyPair(crypto, kind)
    const bytes = await sealHpke(crypto, { recipientKey: key, plaintext, ...context })
    const decoded = decodeEncrypt0(bytes, 'test')
    expect(decoded.protectedHeader).toStrictEqual(new Map([[1, ALG[kind]]]))
    expect([...decoded.unprotectedHeader.keys()]).toStrictEqual([-4])
    const encapsulatedKey = decoded.unprotectedHeader.get(-4) as Uint8Array
    expect(encapsulatedKey).toHaveLength(EK_BYTES[kind])
    const aad = encStructure(decoded.protectedBytes, context.externalAad)
    const { ciphertext } = decoded
    const input = { encapsulatedKey, ciphertext, aad, info: context.info }
    expect(await openBase(crypto, key, input)).toStrictEqual(plaintext)
  })

  it('notices every changed bit', async () => {
    const key = await generateKemKeyPair(crypto, 'x25519')
    const bytes = await sealHpke(crypto, { recipientKey: key, plaintext, ...context })
    for (let i = 0; i < 8 * bytes.length; i++) {
      const changed = bytes.slice()
      changed[i >> 3]! ^= 1 << (i & 7)
      const outcome = await openHpke(crypto, changed, key, context).catch((error: unknown) =>
        error instanceof WaxwingError ? error.code : error,
      )
      // The highest bit of an X25519 public key is ignored (RFC 7748 Section 5), but hashed.
      const codes = ['ERR_NOT_AUTHENTIC', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']
      expect(outcome, `bit ${i}`).toBeOneOf(codes)
    }
  })

  it('is frozen where the generator is', async () => {
    const frozen = { ...crypto, randomBytes: (length: number) => new Uint8Array(length) }
    const key = await generateKemKeyPair(frozen, 'x25519')
    const sealed = await Promise.all(
      providers.map((provider) => {
        const { randomBytes } = frozen
        const input = { recipientKey: key, plaintext, ...context }
        return sealHpke({ ...provider, randomBytes }, input)
      }),
    )
    expect(new Set(sealed.map(toHex)).size).toBe(1)
  })

  it('tells its kind before it is opened', () => {
    for (const kind of kinds) {
      const ek = new Uint8Array(EK_BYTES[kind])
      const decoded = decodeHpke(message([[1, ALG[kind]]], [[-4, ek]]))
      expect([decoded.kind, decoded.encapsulatedKey]).toStrictEqual([kind, ek])
    }
  })

  const ek = new Uint8Array(32)
  it.each<readonly [string, Uint8Array]>([
    ['no alg', message([], [[-4, ek]])],
    ['alg in the unprotected header', message([], [[1, 42], [-4, ek]])], // prettier-ignore
    ['no ek', message([[1, 42]], [])],
    ['ek in the protected header', message([[1, 42], [-4, ek]], [])], // prettier-ignore
    ['an ek of a wrong length', message([[1, 42]], [[-4, new Uint8Array(31)]])],
    ['the ek of the other KEM', message([[1, 42]], [[-4, new Uint8Array(1120)]])],
    ['an ek of text', message([[1, 42]], [[-4, 'ek']])],
    ['no CBOR', utf8('nothing')],
  ])('is malformed with %s', async (_, bytes) => {
    const key = await generateKemKeyPair(crypto, 'x25519')
    expect(() => decodeHpke(bytes)).toThrow(code('ERR_MALFORMED'))
    await expect(openHpke(crypto, bytes, key, context)).rejects.toThrow(code('ERR_MALFORMED'))
  })

  it.each([35, 37, 41, 46, 50, 24, -65_540, 'HPKE-4'])('is not supported with alg %s', (alg) => {
    expect(() => decodeHpke(message([[1, alg]], [[-4, ek]]))).toThrow(code('ERR_UNSUPPORTED'))
  })

  it('is not supported with a pre-shared key or critical parameters', () => {
    const extra: readonly [CborKey, CborValue][] = [
      [-5, utf8('psk')],
      [2, [4]],
    ]
    for (const parameter of extra) {
      const bytes = message([[1, 42], parameter], [[-4, ek]])
      expect(() => decodeHpke(bytes)).toThrow(code('ERR_UNSUPPORTED'))
    }
  })

  it('lets nobody set alg, ek or psk_id by hand', async () => {
    const recipientKey = await generateKemKeyPair(crypto, 'x25519')
    for (const label of [1, -4, -5]) {
      const input = { recipientKey, protectedHeader: new Map([[label, 0]]), plaintext, ...context }
      await expect(sealHpke(crypto, input)).rejects.toThrow(TypeError)
    }
  })

  it('authenticates every protected parameter, and no unprotected one', async () => {
    const key = await generateKemKeyPair(crypto, 'x25519')
    const bytes = await sealHpke(crypto, { recipientKey: key, plaintext, ...context })
    const { protectedHeader, unprotectedHeader, ciphertext } = decodeEncrypt0(bytes, 'test')
    const added = new Map<CborKey, CborValue>([...protectedHeader, [4, utf8('x')]])
    const forged = encodeEncrypt0({ protectedHeader: added, unprotectedHeader, ciphertext })
    await expect(openHpke(crypto, forged, key, context)).rejects.toThrow(code('ERR_NOT_AUTHENTIC'))
    const hinted = new Map<CborKey, CborValue>([...unprotectedHeader, [4, utf8('x')]])
    const hint = encodeEncrypt0({ protectedHeader, unprotectedHeader: hinted, ciphertext })
    expect((await openHpke(crypto, hint, key, context)).plaintext).toStrictEqual(plaintext)
    expect(encodeCbor(protectedHeader)).toStrictEqual(decodeHpke(hint).protectedBytes)
  })
})
