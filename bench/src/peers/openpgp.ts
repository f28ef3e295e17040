// SPDX-License-Identifier: Apache-2.0
/**
 * OpenPGP messages (RFC 9580) by OpenPGP.js.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import {
  createMessage,
  decrypt,
  encrypt,
  enums,
  generateKey,
  readMessage,
  type SessionKey,
} from 'openpgp'
import { bytesOf, peerVersion, type Peer } from './peer.ts'

const config = { aeadProtect: true, preferredAEADAlgorithm: enums.aead.gcm }

export async function openpgpPeers(): Promise<readonly Peer[]> {
  const data = new Uint8Array(randomBytes(16))
  const sessionKey: SessionKey = { data, algorithm: 'aes128', aeadAlgorithm: 'gcm' }
  const { privateKey, publicKey } = await generateKey({
    type: 'curve25519',
    userIDs: [{ name: 'bench' }],
    format: 'object',
  })
  const version = peerVersion('openpgp')
  return [
    {
      name: 'openpgp',
      version,
      mode: 'a session key at hand, AES-128 in GCM, which its documentation calls native, binary',
      signed: false,
      inOrder: false,
      seal: async (binary) => {
        const message = await createMessage({ binary })
        const sealed = encrypt({ message, sessionKey, format: 'binary', config })
        return sealed as Promise<Uint8Array>
      },
      open: async (sealed) => {
        const message = await readMessage({ binaryMessage: bytesOf(sealed) })
        const opened = await decrypt({ message, sessionKeys: sessionKey, format: 'binary', config })
        return opened.data as Uint8Array
      },
    },
    {
      name: 'openpgp, signed',
      version,
      mode: 'the same, signed inside with Ed25519',
      signed: true,
      inOrder: false,
      seal: async (binary) => {
        const message = await createMessage({ binary })
        const signer = { signingKeys: privateKey }
        const sealed = encrypt({ message, sessionKey, ...signer, format: 'binary', config })
        return sealed as Promise<Uint8Array>
      },
      open: async (sealed) => {
        const opened = await decrypt({
          message: await readMessage({ binaryMessage: bytesOf(sealed) }),
          sessionKeys: sessionKey,
          verificationKeys: publicKey,
          expectSigned: true,
          format: 'binary',
          config,
        })
        return opened.data as Uint8Array
      },
    },
  ]
}
