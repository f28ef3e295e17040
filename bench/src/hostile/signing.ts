// SPDX-License-Identifier: Apache-2.0
import { principalId, toHex } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { seedOf } from '../../../tools/vectors/frozen/primitives.ts'
import type { Signer } from './tree-mutator.ts'

/** Who appears in the vectors. */
const AUTHORS: readonly string[] = [
  'anchor',
  'next anchor',
  'partner anchor',
  'stranger anchor',
  'plant',
  'keeper',
  'deputy',
  'agent',
  'desk',
  'thief',
  'guest',
  'stranger',
]

/** Signs as whoever appears in the vectors, for anybody or for the desk. */
export function signerOfVectors(): Signer {
  const keys = new Map(
    AUTHORS.map((name) => {
      const key = sodiumProvider.ed25519SigningKey(seedOf(name))
      return [toHex(idOf(key.publicKey)), key]
    }),
  )
  const desk = idOf(sodiumProvider.ed25519SigningKey(seedOf('desk')).publicKey)
  return {
    sign: (author, message) => keys.get(author)?.sign(message),
    recipients: [null, desk],
  }
}

function idOf(publicKey: Uint8Array): Uint8Array {
  return principalId(sodiumProvider, publicKey)
}
