// SPDX-License-Identifier: Apache-2.0
/**
 * JWE and JWS (RFC 7516, RFC 7515) by jose.
 *
 * @module
 */

import { CompactEncrypt, compactDecrypt, CompactSign, compactVerify } from 'jose'
import { peerVersion, textOf, type Peer } from './peer.ts'

const encoder = new TextEncoder()
const JWE = { alg: 'dir', enc: 'A128GCM' }
const JWS = { alg: 'Ed25519' }

export async function josePeers(): Promise<readonly Peer[]> {
  const { subtle } = globalThis.crypto
  const key = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, false, [
    'encrypt',
    'decrypt',
  ])
  const pair = await subtle.generateKey('Ed25519', false, ['sign', 'verify'])
  const encrypt = (content: Uint8Array): Promise<string> =>
    new CompactEncrypt(content).setProtectedHeader(JWE).encrypt(key)
  const decrypt = async (jwe: string): Promise<Uint8Array> =>
    (await compactDecrypt(jwe, key)).plaintext
  const version = peerVersion('jose')
  return [
    {
      name: 'jose, JWE',
      version,
      mode: 'compact JWE, dir and A128GCM with a CryptoKey, which spares importing it each time',
      signed: false,
      inOrder: false,
      seal: encrypt,
      open: (sealed) => decrypt(textOf(sealed)),
    },
    {
      name: 'jose, JWS in JWE',
      version,
      mode: 'compact JWS with Ed25519 inside the same JWE, the nesting that RFC 7519 recommends',
      signed: true,
      inOrder: false,
      async seal(plaintext) {
        const jws = await new CompactSign(plaintext).setProtectedHeader(JWS).sign(pair.privateKey)
        return encrypt(encoder.encode(jws))
      },
      async open(sealed) {
        const jws = await decrypt(textOf(sealed))
        return (await compactVerify(jws, pair.publicKey)).payload
      },
    },
  ]
}
