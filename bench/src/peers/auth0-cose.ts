// SPDX-License-Identifier: Apache-2.0
/**
 * COSE_Encrypt0 and COSE_Sign1 (RFC 9052) by @auth0/cose.
 *
 * @module
 */

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import {
  Algorithms,
  Encrypt0,
  EncryptionAlgorithms,
  Headers,
  ProtectedHeaders,
  Sign1,
} from '@auth0/cose'
import { bytesOf, peerVersion, type Peer } from './peer.ts'

const NONCE_BYTES = 12

export async function auth0CosePeers(): Promise<readonly Peer[]> {
  const key = new Uint8Array(randomBytes(16))
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const encrypt = async (plaintext: Uint8Array): Promise<Uint8Array> => {
    const encrypted = await Encrypt0.encrypt(
      [[Headers.Algorithm, EncryptionAlgorithms.A128GCM]],
      [[Headers.IV, randomBytes(NONCE_BYTES)]],
      plaintext,
      key,
    )
    return encrypted.encode()
  }
  const decrypt = (cose: Uint8Array): Promise<Uint8Array> => Encrypt0.decode(cose).decrypt(key)
  const version = peerVersion('@auth0/cose')
  return [
    {
      name: '@auth0/cose, Encrypt0',
      version,
      mode: 'COSE_Encrypt0 with A128GCM and the key as bytes, which it gives to node:crypto',
      signed: false,
      inOrder: false,
      seal: encrypt,
      open: (sealed) => decrypt(bytesOf(sealed)),
    },
    {
      name: '@auth0/cose, Encrypt0 in Sign1',
      version,
      mode: 'the same inside COSE_Sign1 with EdDSA and a KeyObject: signed as it travels',
      signed: true,
      inOrder: false,
      async seal(plaintext) {
        const payload = await encrypt(plaintext)
        const headers = new ProtectedHeaders([[Headers.Algorithm, Algorithms.EdDSA]])
        return (await Sign1.sign(headers, [], payload, privateKey)).encode()
      },
      async open(sealed) {
        const signed = Sign1.decode(bytesOf(sealed))
        await signed.verify(publicKey)
        return decrypt(signed.payload)
      },
    },
  ]
}
