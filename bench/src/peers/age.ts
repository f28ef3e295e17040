// SPDX-License-Identifier: Apache-2.0
/**
 * age files by age-encryption. A file names its recipients and has no signature, so this agrees on a
 * key for each message, as the others do once for many.
 *
 * @module
 */

import { Decrypter, Encrypter, identityToRecipient } from 'age-encryption'
import { bytesOf, peerVersion, type Peer } from './peer.ts'

export async function agePeers(): Promise<readonly Peer[]> {
  const { subtle } = globalThis.crypto
  const pair = await subtle.generateKey('X25519', false, ['deriveBits'])
  if (!('privateKey' in pair)) throw new TypeError('X25519 keys come in pairs')
  const identity = pair.privateKey
  const encrypter = new Encrypter()
  encrypter.addRecipient(await identityToRecipient(identity))
  const decrypter = new Decrypter()
  decrypter.addIdentity(identity)
  return [
    {
      name: 'age-encryption',
      version: peerVersion('age-encryption'),
      mode:
        'one X25519 recipient and no passphrase, by Web Crypto, which is its fastest; age has ' +
        'neither a content key at hand nor a signature',
      signed: false,
      inOrder: false,
      seal: (plaintext) => encrypter.encrypt(plaintext),
      open: (sealed) => decrypter.decrypt(bytesOf(sealed)),
    },
  ]
}
