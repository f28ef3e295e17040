// SPDX-License-Identifier: Apache-2.0
/**
 * Whatever verifies or opens: the bytes and what they are judged by are packed into one array, and
 * any of it may be changed. Many of the changed statements are signed again, so that it is not the
 * signature alone that keeps them out.
 *
 * @module
 */

import {
  authenticate,
  decodeCredential,
  decodeKeyCard,
  decodeManifest,
  decodeMessage,
  decodeObject,
  GenerationOpener,
  newerKeyCard,
  NodeRing,
  openHpke,
  openSealedMessage,
  principalId,
  rootNode,
  sealBase,
  Trust,
  verifyChain,
  verifyDenialProof,
  verifyEnrol,
  verifyGrant,
  verifyKeyCard,
  verifyManifest,
  WaxwingError,
  type CborValue,
  type ErrorCode,
  type KemKeyPair,
} from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { pureProvider } from '@waxwing/core/pure'
import { sodiumProvider } from '@waxwing/core/sodium'
import { arrayIn } from './fields.ts'
import { casesOf, fieldOf, MESSAGE_FILES, packed } from './seeds.ts'
import type { Target, Trial } from './target.ts'

const crypto = sodiumProvider
const DECODING: readonly ErrorCode[] = ['ERR_MALFORMED', 'ERR_UNSUPPORTED', 'ERR_LIMIT']
const TRUSTING: readonly ErrorCode[] = [
  ...DECODING,
  'ERR_KEY_INVALID',
  'ERR_NOT_TRUSTED',
  'ERR_SIGNATURE',
]
const STANDING: readonly ErrorCode[] = ['ERR_EXPIRED', 'ERR_NOT_YET_VALID', 'ERR_REVOKED']
const CHAIN: readonly ErrorCode[] = [...TRUSTING, ...STANDING, 'ERR_CHAIN']

export function verifyingTargets(): readonly Target[] {
  return [
    {
      name: 'Ed25519',
      covers: ['verifySign1', 'verifyStatement'],
      codes: ['ERR_KEY_INVALID'],
      seeds: packed('ed25519-strict', 'publicKey', 'message', 'signature'),
      weight: 1,
      run: providersAgree,
    },
    {
      name: 'signed manifest',
      covers: ['verifyManifest'],
      codes: TRUSTING,
      seeds: packed('manifests', 'publicKey', 'manifest'),
      weight: 3,
      run(bytes) {
        const [publicKey, manifest] = byteStrings(bytes)
        if (publicKey === undefined || manifest === undefined) return undefined
        const key = crypto.ed25519VerifyingKey(publicKey)
        verifyManifest(decodeManifest(crypto, manifest), key)
        return undefined
      },
    },
    {
      name: 'trusted credential',
      covers: ['verifyCredential', 'Trust'],
      codes: TRUSTING,
      seeds: packed('credentials', 'bundle', 'partnerBundles', 'credential'),
      weight: 3,
      run(bytes) {
        const [bundle, partners, credential] = arrayIn(bytes)
        if (!(bundle instanceof Uint8Array && credential instanceof Uint8Array)) return undefined
        const trust = new Trust({ crypto, bundle, partnerBundles: bytesIn(partners) })
        const principal = trust.resolveCredential(credential)
        const isOwn =
          Buffer.compare(principal.id, principalId(crypto, principal.key.publicKey)) === 0
        return isOwn ? undefined : 'the id is not that of the key'
      },
    },
    {
      name: 'accepted bundle',
      covers: ['Trust.start', 'Trust.accept'],
      codes: [...TRUSTING, 'ERR_ROLLBACK', 'ERR_CONFLICT', 'ERR_NOT_YET_VALID'],
      seeds: packed('bundles', 'anchorId', 'held', 'partnerBundles', 'now', 'bundle'),
      weight: 3,
      run: bundleIsTaken,
    },
    {
      name: 'own key card',
      covers: ['verifyKeyCard', 'newerKeyCard'],
      codes: [...TRUSTING, 'ERR_EXPIRED', 'ERR_NOT_YET_VALID', 'ERR_ROLLBACK', 'ERR_CONFLICT'],
      seeds: packed('key-cards', 'publicKey', 'held', 'now', 'card'),
      weight: 3,
      run: cardIsTaken,
    },
    {
      name: 'sealing to a key card',
      covers: ['sealBase'],
      codes: [...DECODING, 'ERR_KEY_INVALID'],
      seeds: fieldOf('card', 'key-cards'),
      weight: 0.2,
      run: cardIsSealedTo,
    },
    {
      name: 'authentic message',
      covers: ['authenticate', 'verifyDenialProof', 'verifyEnrol'],
      codes: CHAIN,
      seeds: MESSAGE_FILES.flatMap((name) => packed(name, 'bundle', 'recipient', 'now', 'message')),
      weight: 4,
      run: messageIsJudged,
    },
    {
      name: 'grant',
      covers: ['verifyGrant', 'verifyChain'],
      codes: [...CHAIN, 'ERR_RECIPIENT', 'ERR_NOT_AUTHORIZED'],
      seeds: packed('grants', ...GRANT_FIELDS),
      weight: 4,
      run: grantIsJudged,
    },
    {
      name: 'opened object',
      covers: ['GenerationOpener', 'ObjectOpener'],
      codes: TRUSTING,
      seeds: packed('objects', ...OBJECT_FIELDS).concat(packed('batches', ...OBJECT_FIELDS)),
      weight: 4,
      run: objectIsOpened,
    },
    {
      name: 'sealed message',
      covers: ['openSealedMessage', 'openHpke', 'openBase'],
      codes: [...DECODING, 'ERR_NOT_AUTHENTIC', 'ERR_RECIPIENT'],
      seeds: fieldOf('sealed', 'sealed'),
      weight: 0.5,
      run: sealedIsOpened,
    },
  ]
}

const GRANT_FIELDS = ['bundle', 'now', 'issued', 'grantee', 'kemKey', 'manifest', 'chain', 'nodes']
const OBJECT_FIELDS = ['manifest', 'credential', 'bundle', 'root', 'closingEpoch', 'object']

/** All three providers say the same of any key, message and signature. */
function providersAgree(bytes: Uint8Array): Trial {
  const [publicKey, message, signature] = byteStrings(bytes)
  if (publicKey === undefined || message === undefined || signature === undefined) return undefined
  const said = [sodiumProvider, nodeProvider, pureProvider].map((provider) => {
    try {
      return provider.ed25519VerifyingKey(publicKey).verify(message, signature)
    } catch (error) {
      return error instanceof WaxwingError ? error.code : String(error)
    }
  })
  if (said.some((word) => word !== said[0])) return `sodium, Node and noble say ${said.join()}`
  crypto.ed25519VerifyingKey(publicKey)
  return undefined
}

function bundleIsTaken(bytes: Uint8Array): Trial {
  const [anchorId, held, partners, now, bundle] = arrayIn(bytes)
  if (!(bundle instanceof Uint8Array) || typeof now !== 'number') return undefined
  const trust = new Trust({
    crypto,
    partnerBundles: bytesIn(partners),
    ...(held instanceof Uint8Array && { bundle: held }),
  })
  if (anchorId instanceof Uint8Array && !(held instanceof Uint8Array)) trust.start(bundle, anchorId)
  else trust.accept(bundle, now)
  for (const { id } of [...trust.keepers(), trust.recovery()].filter((who) => who !== undefined)) {
    if (id.length !== 32) return 'a keeper without an id'
  }
  trust.isFrozen(now)
  return undefined
}

function cardIsTaken(bytes: Uint8Array): Trial {
  const [publicKey, held, now, card] = arrayIn(bytes)
  if (!(publicKey instanceof Uint8Array && card instanceof Uint8Array)) return undefined
  if (typeof now !== 'number') return undefined
  const key = crypto.ed25519VerifyingKey(publicKey)
  const offered = decodeKeyCard(card)
  verifyKeyCard(offered, { id: principalId(crypto, publicKey), key }, now)
  newerKeyCard(held instanceof Uint8Array ? decodeKeyCard(held) : undefined, offered)
  return undefined
}

async function cardIsSealedTo(bytes: Uint8Array): Promise<Trial> {
  const empty = new Uint8Array()
  for (const recipientKey of decodeKeyCard(bytes).keys) {
    await sealBase(crypto, { recipientKey, info: empty, aad: empty, plaintext: empty })
  }
  return undefined
}

function messageIsJudged(bytes: Uint8Array): Trial {
  const [bundle, recipient, now, encoded] = arrayIn(bytes)
  if (!(encoded instanceof Uint8Array) || typeof now !== 'number') return undefined
  const message = decodeMessage(crypto, encoded)
  if (message.type === 'enrol') {
    verifyEnrol(crypto, message, now)
    return undefined
  }
  if (!(bundle instanceof Uint8Array)) return undefined
  const trust = new Trust({ crypto, bundle })
  const to = recipient instanceof Uint8Array ? recipient : null
  const verified = authenticate(message, { trust, recipient: to, now })
  if (verified.type === 'denial') verifyDenialProof(verified, { crypto, trust, now })
  return undefined
}

function grantIsJudged(bytes: Uint8Array): Trial {
  const [bundle, now, issued, grantee, kemKey, manifest, chain, nodes] = arrayIn(bytes)
  if (!(bundle instanceof Uint8Array && grantee instanceof Uint8Array)) return undefined
  if (!(manifest instanceof Uint8Array && nodes instanceof Uint8Array)) return undefined
  if (typeof now !== 'number' || typeof issued !== 'number') return undefined
  const trust = new Trust({ crypto, bundle })
  const key = kemKey instanceof Uint8Array ? kemKey : undefined
  const grant = { manifest, chain: bytesIn(chain), nodes }
  const inputs = { crypto, trust, now, issued, grantee, kemKey: key }
  const verified = verifyGrant(grant, inputs)
  const { producerId } = verified.manifest
  const again = verifyChain(grant.chain, { ...inputs, producerId })
  const count = verified.nodes.length
  new NodeRing(crypto).addProven(verified.nodes, { name: 'grant', giver: 'author', distance: 1 })
  return again.links.length > 0 && count > 0 ? undefined : 'a grant of nothing'
}

function objectIsOpened(bytes: Uint8Array): Trial {
  const [manifest, credential, bundle, root, closingEpoch, object] = arrayIn(bytes)
  if (!(manifest instanceof Uint8Array && credential instanceof Uint8Array)) return undefined
  if (!(bundle instanceof Uint8Array && object instanceof Uint8Array)) return undefined
  if (!(root instanceof Uint8Array) || root.length !== 32) return undefined
  const trust = new Trust({ crypto, bundle })
  const claimed = decodeCredential(crypto, credential)
  const producer = trust.resolveCredential(credential)
  const of = verifyManifest(decodeManifest(crypto, manifest), producer.key)
  if (!crypto.aeads.has(of.alg)) return undefined
  const ring = new NodeRing(crypto)
  ring.addProven([rootNode(root)], { name: 'own', giver: 'own', distance: 0 })
  const opener = new GenerationOpener({ crypto, trust, manifest: of, producer, ring })
  if (typeof closingEpoch === 'number') opener.closingEpoch = closingEpoch
  const outcome = opener.open(decodeObject(object))
  if (outcome.kind === 'no-key') return 'a root covers every epoch'
  const isRight = Buffer.compare(claimed.id, producer.id) === 0
  return isRight ? undefined : 'another producer'
}

interface Recipient {
  readonly id: Uint8Array
  readonly key: KemKeyPair
}

let recipients: readonly Recipient[] | undefined

/** Whoever can open what is in the vectors, by each kind of key. */
function recipientsOfVectors(): readonly Recipient[] {
  recipients ??= ['x25519', 'x-wing'].flatMap((kind) => {
    const found = casesOf('sealed').find((test) => test['kind'] === kind && 'secretKey' in test)
    if (found === undefined) return []
    const [id, publicKey, secretKey] = ['recipientId', 'publicKey', 'secretKey'].map((field) =>
      Uint8Array.from(Buffer.from(found[field] as string, 'hex')),
    ) as [Uint8Array, Uint8Array, Uint8Array]
    return [{ id, key: { kind: kind as 'x25519', publicKey, secretKey } }]
  })
  return recipients
}

async function sealedIsOpened(bytes: Uint8Array): Promise<Trial> {
  let last: WaxwingError | undefined
  for (const recipient of recipientsOfVectors()) {
    try {
      await openSealedMessage(crypto, bytes, recipient)
      await openHpke(crypto, bytes, recipient.key, { info: new Uint8Array() })
    } catch (error) {
      if (!(error instanceof WaxwingError)) throw error
      last = error
    }
  }
  if (last !== undefined) throw last
  return undefined
}

function byteStrings(bytes: Uint8Array): readonly (Uint8Array | undefined)[] {
  return arrayIn(bytes).map((value) => (value instanceof Uint8Array ? value : undefined))
}

function bytesIn(value: CborValue | undefined): readonly Uint8Array[] {
  if (!Array.isArray(value)) return []
  return (value as readonly CborValue[]).filter((item) => item instanceof Uint8Array)
}
