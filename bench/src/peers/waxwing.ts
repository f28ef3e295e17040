// SPDX-License-Identifier: Apache-2.0
/**
 * Ourselves, behind the calls of a peer: the core alone, one content key, each object decoded and
 * opened.
 *
 * @module
 */

import { decodeObject, ObjectOpener, ObjectSealer } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { sodiumProvider } from '@waxwing/core/sodium'
import { inputsFor, metadata, signingKey, type Protection } from '../object-parts.ts'
import { bytesOf, ownVersion, type Peer } from './peer.ts'

const WAYS = [
  { name: 'ChaCha20-Poly1305, libsodium', provider: sodiumProvider, alg: 24 },
  { name: 'A128GCM, OpenSSL', provider: nodeProvider, alg: 1 },
] as const

export async function waxwingPeers(): Promise<readonly Peer[]> {
  return WAYS.flatMap(({ name, provider, alg }) => [
    peer(`Waxwing, ${name}`, { provider, alg, signatureMode: 'none' }),
    peer(`Waxwing, ${name}, signed`, { provider, alg, signatureMode: 'each' }),
  ])
}

function peer(name: string, protection: Protection): Peer {
  const { provider, signatureMode } = protection
  const inputs = inputsFor(protection)
  const producerKey = provider.ed25519VerifyingKey(signingKey.publicKey)
  const sealer = new ObjectSealer(inputs)
  const opener = new ObjectOpener({ ...inputs, producerKey })
  return {
    name,
    version: ownVersion,
    mode: `ObjectSealer, decodeObject and ObjectOpener; signature mode ${signatureMode}`,
    signed: signatureMode !== 'none',
    inOrder: false,
    seal: (plaintext) => sealer.seal({ metadata, plaintext }),
    open: (sealed) => {
      const opened = opener.open(decodeObject(bytesOf(sealed)))
      if (opened === undefined) throw new Error('one’s own object must open')
      return opened.plaintext
    },
  }
}
