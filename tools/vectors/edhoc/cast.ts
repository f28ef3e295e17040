// SPDX-License-Identifier: Apache-2.0
/**
 * Who takes part in EDHOC's vectors.
 *
 * @module
 */

import { cbor, join, type Value } from '../frozen/cbor.ts'
import { bytesOf, seedOf, sha256 } from '../frozen/primitives.ts'
import type { Party, Script } from './by-hand.ts'
import { type KeyPair, keyPair, type Kind } from './curves.ts'

/** How a credential is told of. */
export type Telling = 'kid' | 'x5t' | 'x5chain' | 'kccs'

/** C_I is h'0e' and stands as 14, C_R is h'27' and stands as -8. */
export const C_I = 14
const C_R = -8

/** A party by a name, with a key of its own. */
export function party(name: string, kind: Kind, telling: Telling, kid: number): Party {
  const key = keyPair(kind, seedOf(`edhoc ${name} ${kind}`))
  const certificate = join(Uint8Array.of(0x30, 0x82), bytesOf(`edhoc ${name}`, 40), key.x)
  const claims = claimsOf(name, key)
  switch (telling) {
    case 'kid':
      return { key, cred: claims, idCred: new Map([[4, Uint8Array.of(kid)]]), shown: shownKid(kid) }
    case 'kccs':
      return carrying(key, claims, new Map([[14, claimsValue(name, key)]]))
    case 'x5chain':
      return carrying(key, cbor(certificate), new Map([[33, certificate]]))
    case 'x5t': {
      const hash = sha256(certificate).slice(0, 8)
      return carrying(key, cbor(certificate), new Map([[34, [-15, hash]]]))
    }
  }
}

function carrying(key: KeyPair, cred: Uint8Array, idCred: Value): Party {
  return { key, cred, idCred, shown: idCred }
}

/** 0 to 23 and h'20' to h'37' are integers (RFC 9528 Section 3.3.2). */
function shownKid(kid: number): Value {
  return kid < 0x18 ? kid : kid >= 0x20 && kid < 0x38 ? 0x1f - kid : Uint8Array.of(kid)
}

function claimsOf(name: string, key: KeyPair): Uint8Array {
  return cbor(claimsValue(name, key))
}

/** A claims set with a subject and a COSE_Key. */
function claimsValue(name: string, { curve, x, y }: KeyPair): Value {
  const okp: readonly (readonly [number, Value])[] = [
    [1, 1],
    [-1, curve === 'x25519' ? 4 : 6],
    [-2, x],
  ]
  const ec2: readonly (readonly [number, Value])[] = [
    [1, 2],
    [-1, 1],
    [-2, x],
    [-3, y ?? true],
  ]
  const key = new Map(curve === 'p256' ? ec2 : okp)
  return new Map<number, Value>([
    [2, name],
    [8, new Map([[1, key]])],
  ])
}

/** An exchange in which all is well. */
export function scriptOf(
  method: number,
  suite: number,
  tellings: readonly [Telling, Telling] = ['kid', 'kid'],
): Script {
  const [signs, agrees]: readonly [Kind, Kind] =
    suite < 2 ? ['ed25519', 'x25519'] : ['es256', 'p256']
  const [ofInitiator, ofResponder] = tellings
  return {
    method,
    suite,
    x: keyPair(agrees, seedOf(`edhoc x ${suite}`)),
    y: keyPair(agrees, seedOf(`edhoc y ${suite}`)),
    cI: C_I,
    cR: C_R,
    initiator: party('initiator', method < 2 ? signs : agrees, ofInitiator, 0x2b),
    responder: party('responder', method % 2 === 0 ? signs : agrees, ofResponder, 0x32),
  }
}
