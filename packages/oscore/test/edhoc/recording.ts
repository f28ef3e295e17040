// SPDX-License-Identifier: Apache-2.0
/**
 * A provider that writes down whatever goes in and comes out, and draws the secret keys it is told to.
 *
 * @module
 */

import { type EcdhSecret, toHex } from '@waxwing/core'
import type { EdhocCrypto } from '../../src/edhoc/index.js'

export interface Recording {
  readonly crypto: EdhocCrypto
  /** All byte strings that were seen, in hex. */
  readonly seen: Set<string>
  /** The secret ones of what was drawn, agreed on and derived: the arrays themselves. */
  readonly secrets: Uint8Array[]
}

/** Labels of what is derived and no secret: MACs and nonces (RFC 9528 Section 4.1.2). */
const OPEN_LABELS: ReadonlySet<number | undefined> = new Set([2, 6, 4, 9])

/** Records over a provider. Ephemeral keys are drawn from `ephemeral` if it is given. */
export function recording(crypto: EdhocCrypto, ephemeral?: Uint8Array): Recording {
  const seen = new Set<string>()
  const secrets: Uint8Array[] = []
  const note = (bytes: Uint8Array): Uint8Array => {
    seen.add(toHex(bytes))
    return bytes
  }
  const secret = (bytes: Uint8Array): Uint8Array => {
    secrets.push(note(bytes))
    return bytes
  }
  const ecdh = <Secret extends EcdhSecret>(curve: 'x25519' | 'p256'): never => {
    const inner = crypto.ecdh[curve]
    return {
      randomSecretKey: () => secret(ephemeral?.slice() ?? inner.randomSecretKey()),
      importSecretKey(secretKey: Uint8Array) {
        const key = inner.importSecretKey(note(secretKey)) as Secret
        const agree = (peer: Uint8Array): Uint8Array => secret(key.agree(note(peer)))
        return { ...key, publicKey: note(key.publicKey), point: pointOf(key), agree }
      },
    } as never
  }
  const recorded: EdhocCrypto = {
    aead(alg, key) {
      const aead = crypto.aead(alg, note(key))
      return {
        seal(nonce, aad, plaintext, out) {
          for (const bytes of [nonce, aad, plaintext]) note(bytes)
          aead.seal(nonce, aad, plaintext, out)
          note(out)
        },
        open(nonce, aad, ciphertext, out) {
          for (const bytes of [nonce, aad, ciphertext]) note(bytes)
          const isRight = aead.open(nonce, aad, ciphertext, out)
          note(out)
          return isRight
        },
      }
    },
    sha256: (data) => note(crypto.sha256(note(data))),
    hkdfExtractSha256: (salt, ikm) => secret(crypto.hkdfExtractSha256(note(salt), note(ikm))),
    hkdfExpandSha256(prk, info, lengthBytes) {
      const derived = crypto.hkdfExpandSha256(note(prk), note(info), lengthBytes)
      return OPEN_LABELS.has(info[0]) ? note(derived) : secret(derived)
    },
    ed25519SigningKey(seed) {
      const key = crypto.ed25519SigningKey(note(seed))
      return {
        publicKey: note(key.publicKey),
        sign: (message) => note(key.sign(note(message))),
      }
    },
    ed25519VerifyingKey: (publicKey) => crypto.ed25519VerifyingKey(publicKey),
    es256SigningKey: (secretKey) => crypto.es256SigningKey(secretKey),
    es256VerifyingKey: (publicKey) => crypto.es256VerifyingKey(publicKey),
    ecdh: { x25519: ecdh('x25519'), p256: ecdh('p256') },
  }
  return { crypto: recorded, seen, secrets }
}

function pointOf(key: EcdhSecret): Uint8Array {
  return 'point' in key && key.point instanceof Uint8Array ? key.point : new Uint8Array(0)
}
