// SPDX-License-Identifier: Apache-2.0
/**
 * X25519 for agreements that are not inside of HPKE, over a provider's own: the same checks for all.
 *
 * @module
 */

import { WaxwingError } from '../errors.js'
import type { Ecdh } from './provider.js'
import type { X25519, X25519Secret } from './x25519.js'

const KEY_BYTES = 32

/** Makes the curve of {@link EcdhCurves.x25519} over a library. */
export function x25519Ecdh(x25519: X25519, randomBytes: (lengthBytes: number) => Uint8Array): Ecdh {
  return {
    randomSecretKey: () => randomBytes(KEY_BYTES),
    importSecretKey(secretKey) {
      if (secretKey.length !== KEY_BYTES) {
        throw new RangeError(`secretKey must be ${KEY_BYTES} bytes, got ${secretKey.length}`)
      }
      const secret = x25519(secretKey)
      return { publicKey: secret.publicKey, agree: (publicKey) => agree(secret, publicKey) }
    },
  }
}

function agree(secret: X25519Secret, publicKey: Uint8Array): Uint8Array {
  if (publicKey.length !== KEY_BYTES) throw keyInvalid('length')
  let shared: Uint8Array
  try {
    shared = secret.agree(publicKey)
  } catch {
    throw keyInvalid('small order')
  }
  let seen = 0
  for (const byte of shared) seen |= byte
  if (seen === 0) throw keyInvalid('small order') // even if the library forgot
  return shared
}

function keyInvalid(rule: string): WaxwingError {
  return new WaxwingError('ERR_KEY_INVALID', `bad X25519 public key: ${rule}`, { rule })
}
