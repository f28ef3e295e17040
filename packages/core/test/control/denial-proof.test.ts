// SPDX-License-Identifier: Apache-2.0
import {
  authenticate,
  verifyDenialProof,
  type Denial,
  type TrustBundleFields,
  type VerifiedMessage,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { enrolled, HOUR, NOW, stranger, trustOf, type Member } from '../support/domain.js'
import { messageOf } from '../support/messages.js'
import { outcomeOf } from '../support/outcome.js'
import { chainOf, manifestOf, type Step } from '../support/stream.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PLANT = enrolled(ANCHOR, 'plant')
const KEEPER = enrolled(ANCHOR, 'keeper')
const DEPUTY = enrolled(ANCHOR, 'deputy')
const THIEF = enrolled(ANCHOR, 'thief')
const MANIFEST = manifestOf(PLANT, ANCHOR)

const BODY: Denial = {
  kid: MANIFEST.generationId.slice(0, 8),
  code: 'not-authorized',
  retrySeconds: 60,
  producerId: PLANT.id,
  manifestDigest: MANIFEST.payloadDigest,
  chain: [],
}

const SHARE = { rights: 'share', depth: 1 } as const

/** The keeper's own share, or the deputy's by way of the keeper. */
function shares(...path: readonly Member[]): readonly Step[] {
  return path.map((grantee, i) => ({
    issuer: path[i - 1] ?? PLANT,
    grantee,
    fields: { ...SHARE, depth: path.length - i },
  }))
}

function denialBy(author: Member, body: Partial<Denial> = {}): VerifiedMessage<'denial'> {
  const envelope = { credential: author.credential ?? undefined }
  const message = messageOf('denial', author, { envelope, body: { ...BODY, ...body } })
  const trust = trustOf(ANCHOR)
  const verified = authenticate(message, { trust, recipient: null, now: NOW })
  return verified as VerifiedMessage<'denial'>
}

function verdict(
  denial: VerifiedMessage<'denial'>,
  bundle: Partial<TrustBundleFields> = {},
  now = NOW,
): string {
  const inputs = { crypto, trust: trustOf(ANCHOR, bundle), now }
  return outcomeOf(() => verifyDenialProof(denial, inputs))
}

describe('a denial', () => {
  it('speaks of the generation that the producer and the manifest prove', () => {
    const inputs = { crypto, trust: trustOf(ANCHOR), now: NOW }
    expect(verifyDenialProof(denialBy(PLANT), inputs)).toEqual(MANIFEST.generationId)
    const short = denialBy(PLANT, { kid: MANIFEST.generationId.slice(0, 4) })
    expect(verifyDenialProof(short, inputs)).toEqual(MANIFEST.generationId)
  })

  it('may come from whoever holds a share of the stream', () => {
    const keeper = denialBy(KEEPER, { chain: chainOf(MANIFEST, shares(KEEPER)) })
    const deputy = denialBy(DEPUTY, { chain: chainOf(MANIFEST, shares(KEEPER, DEPUTY)) })
    expect(verdict(keeper)).toBe('valid')
    expect(verdict(deputy)).toBe('valid')
  })

  const chain = (...steps: readonly Step[]): Partial<Denial> => ({
    chain: chainOf(MANIFEST, steps),
  })
  const [share] = shares(KEEPER)
  const step: Step = share ?? { issuer: PLANT, grantee: KEEPER }
  const other = manifestOf(PLANT, ANCHOR, { nonce: new Uint8Array(16) })
  const refused: readonly [string, Member, Partial<Denial>, string][] = [
    ['of another kid', PLANT, { kid: new Uint8Array(8) }, 'ERR_CHAIN kid'],
    [
      'with the digest of another manifest',
      PLANT,
      { manifestDigest: other.payloadDigest },
      'ERR_CHAIN kid',
    ],
    ['that names another producer', THIEF, { producerId: THIEF.id }, 'ERR_CHAIN kid'],
    ['by anybody, without a chain', THIEF, {}, 'ERR_CHAIN author'],
    ["with somebody else's chain", THIEF, chain(step), 'ERR_CHAIN author'],
    [
      'by a mere reader',
      KEEPER,
      chain({ ...step, fields: { rights: 'read', depth: 0 } }),
      'ERR_CHAIN rights',
    ],
    [
      'with a chain of another generation',
      KEEPER,
      { chain: chainOf(other, [step]) },
      'ERR_CHAIN generation id',
    ],
    [
      'with a chain that another began',
      KEEPER,
      chain({ ...step, issuer: THIEF }),
      'ERR_CHAIN first issuer',
    ],
    ['with a chain that was forged', KEEPER, chain({ ...step, signer: THIEF }), 'ERR_SIGNATURE'],
    [
      'with a chain that is over',
      KEEPER,
      chain({ ...step, fields: { ...SHARE, end: NOW, issued: NOW - HOUR } }),
      'ERR_EXPIRED end',
    ],
    ['with bytes for a chain', KEEPER, { chain: [Uint8Array.of(1)] }, 'ERR_MALFORMED'],
  ]
  it.each(refused)('proves nothing %s', (_, author, body, expected) => {
    expect(verdict(denialBy(author, body))).toBe(expected)
  })

  it('proves nothing over a revoked delegate', () => {
    const deputy = denialBy(DEPUTY, { chain: chainOf(MANIFEST, shares(KEEPER, DEPUTY)) })
    const revoked = [{ principalId: KEEPER.id, since: NOW }]
    expect(verdict(deputy, { revoked })).toBe('ERR_REVOKED revoked')
  })
})
