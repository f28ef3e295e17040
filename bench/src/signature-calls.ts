// SPDX-License-Identifier: Apache-2.0
/**
 * The bare calls of Ed25519, of whichever library, on what core signs.
 *
 * @module
 */

import type { Contender } from './measure.ts'
import { inTurn, objectPool } from './object-parts.ts'

export function signContender(
  payloadBytes: number,
  sign: (message: Uint8Array) => void,
): Contender {
  const pool = objectPool(true, payloadBytes)
  return {
    name: 'bare Ed25519 sign',
    run: (count) => {
      for (let i = 0; i < count; i++) sign(inTurn(pool, i).toBeSigned)
    },
  }
}

export function verifyContender(
  payloadBytes: number,
  verify: (message: Uint8Array, signature: Uint8Array) => boolean,
): Contender {
  const pool = objectPool(true, payloadBytes)
  return {
    name: 'bare Ed25519 verify',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        const { toBeSigned, signature } = inTurn(pool, i)
        if (!verify(toBeSigned, signature)) throw new Error('the bare signature must verify')
      }
    },
  }
}
