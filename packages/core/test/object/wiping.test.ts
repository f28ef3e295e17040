// SPDX-License-Identifier: Apache-2.0
import {
  decodeObject,
  deriveLeaf,
  encodeMetadata,
  ObjectOpener,
  ObjectSealer,
  rootNode,
  WaxwingError,
  type CryptoProvider,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { EPOCH, stranger } from '../support/domain.js'
import { manifestOf, ROOT } from '../support/stream.js'

const PLANT = stranger('plant')
const PLAIN = encodeMetadata({})
const SESSION = new Uint8Array(7).fill(3)
const isZero = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0)

/** A provider with an eye on the content keys and texts that it takes, and on what it derives. */
function watched() {
  const keys: Uint8Array[] = []
  const derived: Uint8Array[] = []
  const texts: Uint8Array[] = []
  const crypto: CryptoProvider = {
    ...sodiumProvider,
    hkdfExpandSha256: (prk, info, lengthBytes) => {
      const bytes = sodiumProvider.hkdfExpandSha256(prk, info, lengthBytes)
      derived.push(bytes)
      return bytes
    },
    aead: (alg, key) => {
      keys.push(key)
      const real = sodiumProvider.aead(alg, key)
      return {
        seal: (nonce, aad, plaintext, out) => {
          texts.push(plaintext)
          real.seal(nonce, aad, plaintext, out)
        },
        open: (...args) => real.open(...args),
      }
    },
  }
  const manifest = manifestOf(PLANT, null)
  const leaf = deriveLeaf(crypto, rootNode(ROOT), EPOCH)
  return {
    inputs: { crypto, manifest, leaf, epoch: EPOCH, session: SESSION },
    keys,
    derived,
    texts,
  }
}

describe('a content key', () => {
  it('is overwritten once it stands ready to seal, and what it was cut from, too', () => {
    const { inputs, keys, derived } = watched()
    const sealer = new ObjectSealer({ ...inputs, signingKey: PLANT.key })
    expect(keys.map(isZero)).toEqual([true])
    expect(derived.map(isZero)).toEqual([true, false]) // the other is the commitment
    sealer.seal({ metadata: PLAIN, plaintext: PLAIN })
  })

  it('is overwritten once it stands ready to open, and what it was cut from, too', () => {
    const { inputs, keys, derived } = watched()
    const object = new ObjectSealer({ ...inputs, signingKey: PLANT.key }).seal({
      metadata: PLAIN,
      plaintext: PLAIN,
    })
    const producerKey = inputs.crypto.ed25519VerifyingKey(PLANT.key.publicKey)
    const opener = new ObjectOpener({ ...inputs, producerKey })
    expect(keys.map(isZero)).toEqual([true, true])
    expect(derived.map(isZero)).toEqual([true, false, true, false])
    expect(opener.open(decodeObject(object))).toBeDefined()
  })
})

describe('a sealer that is wiped', () => {
  it('holds no key commitment any more', () => {
    const { inputs } = watched()
    const structures: Uint8Array[] = []
    const { publicKey } = PLANT.key
    const sign = (structure: Uint8Array): Uint8Array => {
      structures.push(structure)
      return PLANT.key.sign(structure)
    }
    const sealer = new ObjectSealer({ ...inputs, signingKey: { publicKey, sign } })
    sealer.seal({ metadata: PLAIN, plaintext: PLAIN })
    expect(structures.map(isZero)).toEqual([false])
    sealer.wipe()
    expect(structures.map(isZero)).toEqual([true])
  })

  it('holds no text any more', () => {
    const { inputs, texts } = watched()
    const sealer = new ObjectSealer({ ...inputs, signingKey: PLANT.key })
    sealer.seal({ metadata: PLAIN, plaintext: new Uint8Array(50).fill(7) })
    expect(texts.map(isZero)).toEqual([false])
    sealer.wipe()
    expect(texts.map(isZero)).toEqual([true])
    expect(() => sealer.seal({ metadata: PLAIN, plaintext: PLAIN })).toThrow(WaxwingError)
    expect(sealer.exhausted).toBe(true)
  })
})
