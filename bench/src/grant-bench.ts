// SPDX-License-Identifier: Apache-2.0
/**
 * Making a grant and taking one with the core alone (`docs/spec/07-granting.md` Section 7.4): from
 * the keys of a generation to the sealed message, and back to verified nodes.
 *
 * @module
 */

import sodium from 'sodium-native'
import {
  ALL_EPOCHS,
  authenticate,
  decodeMessage,
  generateKemKeyPair,
  issueCredential,
  issueGrant,
  kemKeyThumbprint,
  NodeRing,
  openSealedMessage,
  principalId,
  rootNode,
  sealMessage,
  signKeyCard,
  signManifest,
  signMessage,
  signTrustBundle,
  Trust,
  verifyGrant,
  type KemKeyPair,
  type KemKind,
} from '@waxwing/core'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import type { Contender } from './measure.ts'

const NOW = 1_800_000_000
const YEAR_SECONDS = 31_536_000
/** From now on, for as long as there are epochs: 21 nodes. */
const SPAN = { first: Math.floor(NOW / 3600), last: ALL_EPOCHS.last }
const TEXT = crypto.randomBytes(1500)

/** A producer of a domain, and one who reads. */
const anchor = crypto.ed25519SigningKey(crypto.randomBytes(32))
const domainId = principalId(crypto, anchor.publicKey)
const key = crypto.ed25519SigningKey(crypto.randomBytes(32))
const id = principalId(crypto, key.publicKey)
const readerId = crypto.randomBytes(32)
const times = { issued: NOW - 1, expires: NOW + YEAR_SECONDS }
const credential = issueCredential(
  crypto,
  {
    ...times,
    name: 'thermometer',
    signingKey: key.publicKey,
    roles: [],
    attributes: new Map(),
    produces: ['plant/#'],
  },
  anchor,
)
const bundle = signTrustBundle(
  crypto,
  {
    ...times,
    domainId,
    version: 1,
    anchors: [{ key: anchor.publicKey, from: 0, until: null }],
    keepers: [],
    recovery: null,
    partners: [],
    revoked: [],
    requireXWing: false,
  },
  anchor,
)
const manifest = signManifest(
  crypto,
  {
    domainId,
    producerId: id,
    streamName: 'plant/1/temperature',
    nonce: crypto.randomBytes(16),
    epochSeconds: 3600,
    alg: 24,
    kidBytes: 8,
    counterMode: 'session',
    signatureMode: 'each',
    historyMode: 'keep',
    predecessor: null,
  },
  key,
)
const ring = new NodeRing(crypto)
ring.addProven([rootNode(crypto.randomBytes(32))], { name: 'own', giver: 'own', distance: 0 })

/** What making a grant cannot do without: two signatures, an ephemeral key, an agreement. */
export function bareGrantCalls(): Contender {
  const secretKey = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(new Uint8Array(32), secretKey, crypto.randomBytes(32))
  const signature = new Uint8Array(64)
  return {
    name: 'bare calls: 2 Ed25519 signatures, 2 X25519',
    run: (count) => {
      const agree = agreement()
      for (let i = 0; i < count; i++) {
        sodium.crypto_sign_detached(signature, TEXT, secretKey)
        sodium.crypto_sign_detached(signature, TEXT, secretKey)
        agree()
      }
    },
  }
}

/** What taking one cannot do without: the signatures of message, link and manifest, an agreement. */
export function bareTakingCalls(): Contender {
  const publicKey = new Uint8Array(32)
  const secretKey = new Uint8Array(64)
  const signature = new Uint8Array(64)
  sodium.crypto_sign_seed_keypair(publicKey, secretKey, crypto.randomBytes(32))
  sodium.crypto_sign_detached(signature, TEXT, secretKey)
  return {
    name: 'bare calls: 3 Ed25519 verifications, 1 X25519',
    run: (count) => {
      const shared = new Uint8Array(32)
      const secret = crypto.randomBytes(32)
      for (let i = 0; i < count; i++) {
        for (let n = 0; n < 3; n++) {
          sodium.crypto_sign_verify_detached(signature, TEXT, publicKey)
        }
        sodium.crypto_scalarmult_base(shared, secret)
      }
    },
  }
}

export async function coreGrant(kind: KemKind): Promise<Contender> {
  const reader = await generateKemKeyPair(crypto, kind)
  const card = await ownCard()
  return {
    name: `issueGrant, signMessage, sealMessage with ${kind}`,
    run: async (count) => {
      for (let i = 0; i < count; i++) await makeGrant(reader, card)
    },
  }
}

export async function coreTaking(kind: KemKind): Promise<Contender> {
  const reader = await generateKemKeyPair(crypto, kind)
  const card = await ownCard()
  const trust = new Trust({ crypto, bundle })
  const kemKey = kemKeyThumbprint(crypto, reader)
  const grants = await Promise.all(Array.from({ length: 64 }, () => makeGrant(reader, card)))
  return {
    name: `openSealedMessage, authenticate, verifyGrant with ${kind}`,
    run: async (count) => {
      for (let i = 0; i < count; i++) {
        const sealed = grants[i % grants.length] ?? new Uint8Array(0)
        const signed = await openSealedMessage(crypto, sealed, { id: readerId, key: reader })
        const decoded = decodeMessage(crypto, signed)
        const message = authenticate(decoded, { trust, recipient: readerId, now: NOW })
        if (message.type !== 'grant') throw new Error('a grant must stay one')
        const inputs = { crypto, trust, now: NOW, issued: NOW, grantee: readerId, kemKey }
        verifyGrant(message.body, inputs)
      }
    },
  }
}

function agreement(): () => void {
  const own = new Uint8Array(32)
  const shared = new Uint8Array(32)
  const secret = crypto.randomBytes(32)
  const theirs = new Uint8Array(32)
  sodium.crypto_scalarmult_base(theirs, crypto.randomBytes(32))
  return () => {
    sodium.crypto_scalarmult_base(own, secret)
    sodium.crypto_scalarmult(shared, secret, theirs)
  }
}

async function ownCard(): Promise<Uint8Array> {
  const keys = await Promise.all(
    (['x25519', 'x-wing'] as const).map((kind) => generateKemKeyPair(crypto, kind)),
  )
  return signKeyCard({ issued: NOW, expires: NOW + 86_400, keys }, id, key)
}

function makeGrant(reader: KemKeyPair, keyCard: Uint8Array): Promise<Uint8Array> {
  const body = issueGrant({
    crypto,
    manifest,
    issuer: { id, key, credential },
    nodesFor: (span) => ring.nodesFor(span),
    parentChain: [],
    grantee: readerId,
    kemKey: kemKeyThumbprint(crypto, reader),
    span: SPAN,
    rights: 'read',
    now: NOW,
    end: null,
  })
  const messageId = crypto.randomBytes(16)
  const envelope = { ...times, id: messageId, issued: NOW, credential, keyCard }
  const recipient = readerId
  const message = signMessage({ type: 'grant', envelope, body, author: id, key, recipient })
  return sealMessage(crypto, message, { id: readerId, key: reader })
}
