// SPDX-License-Identifier: Apache-2.0
/**
 * Ourselves with one signature for 64 objects (`docs/spec/04-objects.md` Section 4.3.4). Of every 64
 * that are opened, the first verifies the signature; a new opener sees to that.
 *
 * @module
 */

import { decodeObject, ObjectOpener, ObjectSealer, signBatch } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { inputsFor, metadata, signingKey } from '../object-parts.ts'
import { ownVersion } from './peer.ts'

export const BATCH_OBJECTS = 64

export interface BatchPeer {
  readonly name: string
  readonly version: string
  readonly mode: string
  sealBatch(plaintexts: readonly Uint8Array[]): readonly Uint8Array[]
  openBatch(objects: readonly Uint8Array[]): readonly Uint8Array[]
}

export function waxwingBatchPeer(): BatchPeer {
  const inputs = inputsFor({ provider: sodiumProvider, alg: 24, signatureMode: 'batch' })
  const { generationId } = inputs.manifest
  const producerKey = sodiumProvider.ed25519VerifyingKey(signingKey.publicKey)
  const sealer = new ObjectSealer(inputs)
  return {
    name: `Waxwing, ChaCha20-Poly1305, libsodium, signed by ${BATCH_OBJECTS}`,
    version: ownVersion,
    mode: `sealUnsigned and signBatch for ${BATCH_OBJECTS} objects; each is opened by itself`,
    sealBatch(plaintexts) {
      const unsigned = plaintexts.map((plaintext) => sealer.sealUnsigned({ metadata, plaintext }))
      return signBatch(sodiumProvider, unsigned, { generationId, key: signingKey })
    },
    openBatch(objects) {
      const opener = new ObjectOpener({ ...inputs, producerKey })
      return objects.map((object) => {
        const opened = opener.open(decodeObject(object))
        if (opened === undefined) throw new Error('one’s own object must open')
        return opened.plaintext
      })
    },
  }
}
