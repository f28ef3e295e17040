// SPDX-License-Identifier: Apache-2.0
/** draft-ietf-cose-hpke: HPKE-4 in base mode opens, everything else is refused by name. */

import { describe, expect, it } from 'vitest'
import { fromHex, toHex } from '../../src/bytes.js'
import { decodeCbor } from '../../src/cbor/cbor.js'
import { MapFields } from '../../src/cbor/fields.js'
import { decodeHpke, openHpke } from '../../src/cose/hpke.js'
import { ALG_HPKE_4, ALG_HPKE_XWING, LABEL_EK, LABEL_PSK_ID } from '../../src/cose/header.js'
import type { KemKeyPair } from '../../src/hpke/suite.js'
import { describePublished, readPublished } from '../cbor/published.js'
import { providers } from '../crypto/providers.js'

interface Vector {
  readonly id: string
  readonly alg: string
  readonly type: 'COSE_Encrypt0' | 'COSE_Encrypt'
  readonly psk: boolean
  readonly externalAad: boolean
  readonly externalInfo: boolean
  readonly coseKey: string
  readonly message: string
}

interface File {
  readonly inputs: { readonly plaintext: string; readonly aad: string; readonly info: string }
  readonly vectors: readonly Vector[]
}

interface Algorithms {
  readonly headerParameters: Readonly<Record<'ek' | 'psk_id', { readonly label: number }>>
  readonly algorithms: readonly { readonly name: string; readonly alg: number }[]
}

/** A private COSE_Key: x is label -2, d is label -4. */
function keyPairOf(coseKey: string): KemKeyPair {
  const fields = new MapFields('key', decodeCbor(fromHex(coseKey), 'key'))
  const publicKey = fields.bytes(-2, 'x', { length: 32 })
  return { kind: 'x25519', publicKey, secretKey: fields.bytes(-4, 'd', { length: 32 }) }
}

function refusalOf(message: string): string | undefined {
  try {
    decodeHpke(fromHex(message))
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

describePublished('published COSE-HPKE messages', () => {
  describe.each(['testvectors.json', 'testvectors-iv12.json'])('%s', (name) => {
    const { inputs, vectors } = readPublished<File>(`cose-hpke/${name}`)
    const ours = vectors.filter(({ alg, psk }) => alg === 'HPKE-4' && !psk)
    const keyEncryption = vectors.filter(({ type }) => type === 'COSE_Encrypt')
    const others = vectors.filter((v) => !ours.includes(v) && !keyEncryption.includes(v))

    it('has all its messages', () => {
      expect([ours.length, keyEncryption.length, others.length]).toStrictEqual([4, 128, 60])
    })

    describe.each(providers)('with $name', (crypto) => {
      it.each(ours)('$id opens, and only in its own context', async (vector) => {
        const aad = vector.externalAad ? fromHex(inputs.aad) : new Uint8Array()
        const info = vector.externalInfo ? fromHex(inputs.info) : new Uint8Array()
        const key = keyPairOf(vector.coseKey)
        const message = fromHex(vector.message)
        const opened = await openHpke(crypto, message, key, { info, externalAad: aad })
        expect(toHex(opened.plaintext)).toBe(inputs.plaintext)
        const refused = expect.objectContaining({ code: 'ERR_NOT_AUTHENTIC' })
        const extra = Uint8Array.of(0)
        for (const context of [
          { info: extra, externalAad: aad },
          { info, externalAad: extra },
        ]) {
          await expect(openHpke(crypto, message, key, context)).rejects.toThrow(refused)
        }
      })
    })

    it.each(others)('$id is not supported', ({ message }) => {
      expect(refusalOf(message)).toBe('ERR_UNSUPPORTED')
    })

    it.each(keyEncryption)('$id is not a COSE_Encrypt0', ({ message }) => {
      expect(refusalOf(message)).toBe('ERR_MALFORMED')
    })
  })

  it('examples of other algorithms are not supported', () => {
    const examples = readPublished<readonly Vector[]>('cose-hpke/examples.json')
    expect(examples.map(({ type, message }) => [type, refusalOf(message)])).toStrictEqual([
      ['COSE_Encrypt0', 'ERR_UNSUPPORTED'],
      ['COSE_Encrypt', 'ERR_MALFORMED'],
      ['COSE_Encrypt0', 'ERR_UNSUPPORTED'],
    ])
  })

  it('numbers are those of the draft, and the private one is none of them', () => {
    const { headerParameters, algorithms } = readPublished<Algorithms>('cose-hpke/algorithms.json')
    expect(algorithms.find(({ name }) => name === 'HPKE-4')?.alg).toBe(ALG_HPKE_4)
    expect(algorithms.map(({ alg }) => alg)).not.toContain(ALG_HPKE_XWING)
    expect(headerParameters.ek.label).toBe(LABEL_EK)
    expect(headerParameters.psk_id.label).toBe(LABEL_PSK_ID)
  })
})
