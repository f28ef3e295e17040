// SPDX-License-Identifier: Apache-2.0
/**
 * Application messages of a group of two (MLS, RFC 9420) by ts-mls. MLS signs each of them, so there
 * is no unsigned way.
 *
 * @module
 */

import {
  createApplicationMessage,
  createCommit,
  createGroup,
  type CiphersuiteImpl,
  type ClientConfig,
  type ClientState,
  decodeMlsMessage,
  defaultAuthenticationService,
  defaultCapabilities,
  defaultKeyPackageEqualityConfig,
  defaultKeyRetentionConfig,
  defaultLifetime,
  defaultLifetimeConfig,
  emptyPskIndex,
  encodeMlsMessage,
  generateKeyPackage,
  getCiphersuiteFromName,
  getCiphersuiteImpl,
  joinGroup,
  processPrivateMessage,
  zeroOutUint8Array,
} from 'ts-mls'
import { bytesOf, peerVersion, type Peer } from './peer.ts'

const SUITE = 'MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519'
const encoder = new TextEncoder()

const config: ClientConfig = {
  authService: defaultAuthenticationService,
  keyPackageEqualityConfig: defaultKeyPackageEqualityConfig,
  keyRetentionConfig: defaultKeyRetentionConfig,
  lifetimeConfig: defaultLifetimeConfig,
  paddingConfig: { kind: 'alwaysPad', paddingLength: 0 },
}

export async function tsMlsPeers(): Promise<readonly Peer[]> {
  const suite = await getCiphersuiteImpl(getCiphersuiteFromName(SUITE))
  const group = await groupOfTwo(suite)
  return [
    {
      name: 'ts-mls',
      version: peerVersion('ts-mls'),
      mode: 'private messages with AES-128-GCM and Ed25519 by Web Crypto, without padding',
      signed: true,
      inOrder: true,
      seal: async (plaintext) => {
        const { newState, privateMessage, consumed } = await createApplicationMessage(
          group.sender,
          plaintext,
          suite,
        )
        group.sender = newState
        consumed.forEach(zeroOutUint8Array)
        const version = 'mls10'
        return encodeMlsMessage({ privateMessage, wireformat: 'mls_private_message', version })
      },
      open: async (sealed) => {
        const [message] = decodeMlsMessage(bytesOf(sealed), 0) ?? []
        if (message?.wireformat !== 'mls_private_message') throw new TypeError('no private message')
        const { privateMessage } = message
        const got = await processPrivateMessage(group.reader, privateMessage, emptyPskIndex, suite)
        group.reader = got.newState
        if (got.kind !== 'applicationMessage') throw new TypeError('no application message')
        got.consumed.forEach(zeroOutUint8Array)
        return got.message
      },
    },
  ]
}

interface Group {
  sender: ClientState
  reader: ClientState
}

async function groupOfTwo(suite: CiphersuiteImpl): Promise<Group> {
  const [alice, bob] = await Promise.all(['alice', 'bob'].map((name) => member(name, suite)))
  if (alice === undefined || bob === undefined)
    throw new TypeError('a group of two has two members')
  const { publicPackage, privatePackage } = alice
  const groupId = encoder.encode('bench')
  const state = await createGroup(groupId, publicPackage, privatePackage, [], suite, config)
  const add = { proposalType: 'add', add: { keyPackage: bob.publicPackage } } as const
  const context = { state, cipherSuite: suite }
  const { newState: sender, welcome } = await createCommit(context, { extraProposals: [add] })
  if (welcome === undefined) throw new TypeError('a commit that adds has a welcome')
  const { ratchetTree } = sender
  const { publicPackage: card, privatePackage: keys } = bob
  const reader = await joinGroup(
    welcome,
    card,
    keys,
    emptyPskIndex,
    suite,
    ratchetTree,
    undefined,
    config,
  )
  return { sender, reader }
}

function member(name: string, suite: CiphersuiteImpl): ReturnType<typeof generateKeyPackage> {
  const credential = { credentialType: 'basic', identity: encoder.encode(name) } as const
  return generateKeyPackage(credential, defaultCapabilities(), defaultLifetime, [], suite)
}
