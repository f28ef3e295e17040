// SPDX-License-Identifier: Apache-2.0
/**
 * The message format of the AWS Encryption SDK, with a raw AES keyring: no service is called.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import {
  getLocalCryptographicMaterialsCache,
  NodeCachingMaterialsManager,
} from '@aws-crypto/caching-materials-manager-node'
import { buildDecrypt } from '@aws-crypto/decrypt-node'
import { buildEncrypt } from '@aws-crypto/encrypt-node'
import { AlgorithmSuiteIdentifier, CommitmentPolicy } from '@aws-crypto/material-management-node'
import { RawAesKeyringNode, RawAesWrappingSuiteIdentifier } from '@aws-crypto/raw-aes-keyring-node'
import { bytesOf, peerVersion, type Peer } from './peer.ts'

/** All payloads fit into one frame. */
const FRAME_BYTES = 1_048_576
const CACHED_KEYS = 10
const MAX_AGE_MS = 3_600_000
/** Suites without key commitment, which are faster, have to be asked for. */
const POLICY = CommitmentPolicy.FORBID_ENCRYPT_ALLOW_DECRYPT
const { encrypt } = buildEncrypt(POLICY)
const { decrypt } = buildDecrypt(POLICY)

export async function awsEncryptionSdkPeers(): Promise<readonly Peer[]> {
  const { ALG_AES128_GCM_IV12_TAG16_HKDF_SHA256, ...suites } = AlgorithmSuiteIdentifier
  return [
    peer({
      name: 'AWS Encryption SDK',
      mode: 'AES-128-GCM with HKDF, data keys cached, one frame: caching is its advice for speed',
      signed: false,
      suiteId: ALG_AES128_GCM_IV12_TAG16_HKDF_SHA256,
    }),
    peer({
      name: 'AWS Encryption SDK, signed',
      mode: 'the same with ECDSA P-256, the fastest of its suites that sign',
      signed: true,
      suiteId: suites.ALG_AES128_GCM_IV12_TAG16_HKDF_SHA256_ECDSA_P256,
    }),
  ]
}

interface Choice extends Pick<Peer, 'name' | 'mode' | 'signed'> {
  readonly suiteId: AlgorithmSuiteIdentifier
}

function peer({ name, mode, signed, suiteId }: Choice): Peer {
  const materials = cachedMaterials()
  const options = { suiteId, frameLength: FRAME_BYTES }
  return {
    name,
    version: peerVersion('@aws-crypto/encrypt-node'),
    mode,
    signed,
    inOrder: false,
    seal: async (plaintext) => {
      const plaintextLength = plaintext.length
      return (await encrypt(materials, plaintext, { ...options, plaintextLength })).result
    },
    open: async (sealed) => (await decrypt(materials, bytesOf(sealed))).plaintext,
  }
}

function cachedMaterials(): NodeCachingMaterialsManager {
  const keyring = new RawAesKeyringNode({
    keyName: 'bench',
    keyNamespace: 'bench',
    unencryptedMasterKey: new Uint8Array(randomBytes(16)),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES128_GCM_IV12_TAG16_NO_PADDING,
  })
  const cache = getLocalCryptographicMaterialsCache(CACHED_KEYS)
  return new NodeCachingMaterialsManager({ backingMaterials: keyring, cache, maxAge: MAX_AGE_MS })
}
