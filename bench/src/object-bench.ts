// SPDX-License-Identifier: Apache-2.0
/**
 * Sealing and opening one object with the core alone (`docs/spec/04-objects.md`).
 *
 * @module
 */

import { decodeObject, ObjectOpener, ObjectSealer } from '@waxwing/core'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import type { Contender } from './measure.ts'
import { inTurn, metadata, objectPool, sealerInputs, signingKey } from './object-parts.ts'

/** Each run seals from the first counter: nothing of it leaves the process. */
export function coreSeal(signed: boolean, payloadBytes: number): Contender {
  const plaintext = crypto.randomBytes(payloadBytes)
  return {
    name: 'ObjectSealer.seal',
    run: (count) => {
      const sealer = new ObjectSealer(sealerInputs(signed))
      for (let i = 0; i < count; i++) sealer.seal({ metadata, plaintext })
    },
  }
}

/** Decoding included. */
export function coreOpen(signed: boolean, payloadBytes: number): Contender {
  const pool = objectPool(signed, payloadBytes)
  const producerKey = crypto.ed25519VerifyingKey(signingKey.publicKey)
  const opener = new ObjectOpener({ ...sealerInputs(signed), producerKey })
  return {
    name: 'decodeObject and ObjectOpener.open',
    run: (count) => {
      for (let i = 0; i < count; i++) {
        if (opener.open(decodeObject(inTurn(pool, i).object)) === undefined) {
          throw new Error('an object of the pool must open')
        }
      }
    },
  }
}
