// SPDX-License-Identifier: Apache-2.0
/** draft-ietf-cose-hpke: HPKE-4 in base mode opens, everything else is refused by name. */

import { expect } from 'vitest'
import {
  ALG_HPKE_4,
  ALG_HPKE_XWING,
  type CryptoProvider,
  decodeCbor,
  decodeHpke,
  fromHex,
  type KemKeyPair,
  LABEL_EK,
  LABEL_PSK_ID,
  MapFields,
  openHpke,
  toHex,
} from '@waxwing/core'
import { providers } from '../crypto/providers.js'
import { codeOf } from './refusal.js'
import { runSource } from './runner.js'

interface Vector {
  readonly alg: string
  readonly type: 'COSE_Encrypt0' | 'COSE_Encrypt'
  readonly externalAad: boolean
  readonly externalInfo: boolean
  readonly coseKey: string
  readonly message: string
  readonly inputs: { readonly plaintext: string; readonly aad: string; readonly info: string }
}

/** The labels, or one algorithm. */
interface Numbers {
  readonly ek?: { readonly label: number }
  readonly psk_id?: { readonly label: number }
  readonly alg?: number
}

const CODEC = [{ name: 'core' }]

export function declareCoseHpke(): void {
  for (const source of ['cose-hpke/testvectors.json', 'cose-hpke/testvectors-iv12.json']) {
    runSource(source, { on: providers, passes: checkOpens, refuses: checkRefused })
  }
  runSource<Vector, CryptoProvider>('cose-hpke/examples.json', {
    on: providers,
    passes: checkOpens,
    refuses: checkRefused,
  })
  runSource<Numbers, { name: string }>('cose-hpke/algorithms.json', {
    on: CODEC,
    passes(_codec, { ek, psk_id, alg }) {
      if (alg !== undefined) return expect(alg).toBe(ALG_HPKE_4)
      expect([ek?.label, psk_id?.label]).toStrictEqual([LABEL_EK, LABEL_PSK_ID])
    },
    // The private number must be none of the draft's either.
    refuses: (_codec, { alg }) => expect([ALG_HPKE_4, ALG_HPKE_XWING]).not.toContain(alg),
  })
}

async function checkOpens(crypto: CryptoProvider, vector: Vector): Promise<void> {
  const { inputs, coseKey, externalAad, externalInfo } = vector
  const aad = externalAad ? fromHex(inputs.aad) : new Uint8Array()
  const info = externalInfo ? fromHex(inputs.info) : new Uint8Array()
  const key = keyPairOf(coseKey)
  const message = fromHex(vector.message)
  const opened = await openHpke(crypto, message, key, { info, externalAad: aad })
  expect(toHex(opened.plaintext)).toBe(inputs.plaintext)
  const extra = Uint8Array.of(0)
  for (const context of [
    { info: extra, externalAad: aad },
    { info, externalAad: extra },
  ]) {
    const opening = openHpke(crypto, message, key, context)
    await expect(opening).rejects.toMatchObject({ code: 'ERR_NOT_AUTHENTIC' })
  }
}

function checkRefused(_crypto: CryptoProvider, { type, message }: Vector): void {
  const code = type === 'COSE_Encrypt' ? 'ERR_MALFORMED' : 'ERR_UNSUPPORTED'
  expect(codeOf(() => decodeHpke(fromHex(message)))).toBe(code)
}

/** A private COSE_Key: x is label -2, d is label -4. */
function keyPairOf(coseKey: string): KemKeyPair {
  const fields = new MapFields('key', decodeCbor(fromHex(coseKey), 'key'))
  const publicKey = fields.bytes(-2, 'x', { length: 32 })
  return { kind: 'x25519', publicKey, secretKey: fields.bytes(-4, 'd', { length: 32 }) }
}
