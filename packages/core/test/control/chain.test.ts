// SPDX-License-Identifier: Apache-2.0
import {
  decodeCbor,
  decodeLink,
  encodeNodes,
  signStatement,
  Trust,
  verifyChain,
  verifyGrant,
  type Grant,
  type GrantInputs,
  type LinkFields,
  type TrustBundleFields,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import {
  bundleOf,
  DAY,
  enrolled,
  EPOCH,
  HOUR,
  NOW,
  stranger,
  trustOf,
  type Member,
} from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'
import {
  chainOf,
  grantOf,
  kemKeyOf,
  manifestOf,
  nodesOf,
  SPAN,
  type Step,
} from '../support/stream.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PARTNER = stranger('partner anchor')
const PLANT = enrolled(ANCHOR, 'plant', { produces: ['plant/1/#'] })
const KEEPER = enrolled(ANCHOR, 'keeper')
const DEPUTY = enrolled(ANCHOR, 'deputy')
const AGENT = enrolled(ANCHOR, 'agent')
const DESK = enrolled(ANCHOR, 'desk')
const THIEF = enrolled(ANCHOR, 'thief')
const MANIFEST = manifestOf(PLANT, ANCHOR)
const END = (SPAN.last + 1) * HOUR - 1

/** From the producer by as many delegates as it takes, to the desk. */
function steps(linkCount: number): readonly Step[] {
  const path = [PLANT, KEEPER, DEPUTY, AGENT].slice(0, linkCount)
  return path.map((issuer, i) => ({ issuer, grantee: path[i + 1] ?? DESK }))
}

/** The steps with one of them changed. */
function altered(
  linkCount: number,
  at: number,
  fields: Partial<LinkFields>,
  step: Partial<Step> = {},
): readonly Step[] {
  return steps(linkCount).map((right, i) => (i === at ? { ...right, ...step, fields } : right))
}

function verdict(grant: Grant, inputs: Partial<GrantInputs> = {}): string {
  return outcomeOf(() =>
    verifyGrant(grant, {
      crypto,
      trust: trustOf(ANCHOR),
      now: NOW,
      issued: NOW,
      grantee: DESK.id,
      kemKey: kemKeyOf(DESK),
      ...inputs,
    }),
  )
}

const verdictOf = (
  built: readonly Step[],
  bundle: Partial<TrustBundleFields> = {},
  inputs: Partial<GrantInputs> = {},
): string => verdict(grantOf(MANIFEST, built), { trust: trustOf(ANCHOR, bundle), ...inputs })

describe('a grant', () => {
  it.each([1, 2, 3, 4])('holds over a chain of %d links', (linkCount) => {
    const grant = grantOf(MANIFEST, steps(linkCount))
    const trust = trustOf(ANCHOR)
    const verified = verifyGrant(grant, {
      crypto,
      trust,
      now: NOW,
      issued: NOW,
      grantee: DESK.id,
      kemKey: kemKeyOf(DESK),
    })
    expect(verified).toMatchObject({
      generationId: MANIFEST.generationId,
      span: SPAN,
      rights: 'read',
      depth: 0,
      end: END,
      grantee: DESK.id,
      nodes: nodesOf(SPAN),
    })
    expect(verified.producer.id).toEqual(PLANT.id)
    expect(verified.manifest.streamName).toBe('plant/1/temperature')
    expect(verified.issuers.map(({ name }) => name)).toEqual(
      ['plant', 'keeper', 'deputy', 'agent'].slice(0, linkCount),
    )
  })

  it('narrows from link to link as far as its issuers like', () => {
    const narrow = { first: EPOCH, last: EPOCH + 1 }
    expect(verdictOf(altered(3, 2, { span: narrow, end: NOW + 10 + HOUR }))).toBe('valid')
    expect(verdictOf(altered(1, 0, { span: narrow, end: null }))).toBe('valid')
    const open = { span: { first: EPOCH, last: 2 ** 32 - 1 }, end: null }
    expect(verdictOf(altered(1, 0, open))).toBe('valid')
  })

  it('does not hold with no link, and with five', () => {
    const grant = grantOf(MANIFEST, steps(4))
    expect(verdict({ ...grant, chain: [] })).toBe('ERR_CHAIN chain length')
    const five = [...grant.chain, ...grant.chain.slice(-1)]
    expect(verdict({ ...grant, chain: five })).toBe('ERR_CHAIN chain length')
  })

  const chains: readonly [
    string,
    (chain: readonly Uint8Array[]) => readonly Uint8Array[],
    string,
  ][] = [
    ['without its first link', (chain) => chain.slice(1), 'ERR_CHAIN parent'],
    ['without a link in the middle', (chain) => chain.toSpliced(1, 1), 'ERR_CHAIN parent'],
    ['without its last link', (chain) => chain.slice(0, -1), 'ERR_RECIPIENT'],
    ['with two links swapped', ([a, b, c]) => [a!, c!, b!], 'ERR_CHAIN parent'],
    ['with a link twice', ([a, b, c]) => [a!, b!, b!, c!], 'ERR_CHAIN parent'],
    [
      'with a link of another grant in the middle',
      ([a, , c]) => [a!, otherGrant()[1]!, c!],
      'ERR_CHAIN parent',
    ],
    ['with bytes that are no link', ([a, b]) => [a!, b!, Uint8Array.of(0)], 'ERR_MALFORMED'],
    ['with its manifest for a link', ([a, b]) => [a!, b!, MANIFEST.bytes], 'ERR_MALFORMED'],
  ]
  it.each(chains)('does not hold %s', (_, change, expected) => {
    const grant = grantOf(MANIFEST, steps(3))
    expect(verdict({ ...grant, chain: change(grant.chain) })).toBe(expected)
  })

  const wider = { first: SPAN.first - 1, last: SPAN.last }
  const later = { first: SPAN.first, last: SPAN.last + 1 }
  const links: readonly [string, readonly Step[], string][] = [
    ['whose first link has a parent', altered(1, 0, { parent: new Uint8Array(32) }), 'parent'],
    ['whose second link has no parent', altered(2, 1, { parent: null }), 'parent'],
    ['that begins with another than the producer', steps(2).slice(1), 'first issuer'],
    ['that a link of somebody else continues', altered(2, 1, {}, { issuer: THIEF }), 'issuer'],
    [
      'that moves to another generation',
      altered(2, 1, { generationId: seed(32) }),
      'generation id',
    ],
    ['that is of another generation throughout', foreign(2), 'generation id'],
    ['that moves to another grant', altered(2, 1, { grantId: seed(16) }), 'grant id'],
    ['that continues a mere right to read', readOnly(), 'rights'],
    ['whose depth does not go down', altered(3, 1, { depth: 2 }), 'depth'],
    ['whose depth goes up', altered(3, 1, { depth: 3 }), 'depth'],
    ['whose span begins earlier', altered(2, 1, { span: wider }), 'span'],
    ['whose span ends later', altered(2, 1, { span: later }), 'span'],
    ['that ends later than its parent', altered(2, 1, { end: END + 1 }), 'end'],
    ['that never ends although its parent does', altered(2, 1, { end: null }), 'end'],
    ['whose link was issued before its parent', altered(2, 1, { issued: NOW - 301 }), 'issued'],
    ['whose link is dated in the future', altered(1, 0, { issued: NOW + 301 }), 'issued'],
    ['whose nodes are others', altered(1, 0, { nodesDigest: seed(32) }), 'nodes digest'],
    ['that reads beyond its end', altered(1, 0, { end: SPAN.last * HOUR - 1 }), 'lease'],
  ]
  it.each(links)('does not hold over a chain %s', (_, built, rule) => {
    expect(verdictOf(built)).toBe(`ERR_CHAIN ${rule}`)
  })

  it('holds over links whose issuers have clocks that differ by five minutes', () => {
    expect(verdictOf(altered(2, 1, { issued: NOW - 300 }))).toBe('valid')
    expect(verdictOf(altered(1, 0, { issued: NOW + 300 }))).toBe('valid')
  })

  it('does not hold over a link that another signed for its issuer', () => {
    expect(verdictOf(altered(2, 1, {}, { signer: THIEF }))).toBe('ERR_SIGNATURE')
    expect(verdictOf(altered(2, 0, {}, { signer: THIEF }))).toBe('ERR_SIGNATURE')
  })

  it('does not hold over a link whose signer speaks as himself for its issuer', () => {
    const grant = grantOf(MANIFEST, steps(3))
    const { statement } = decodeLink(crypto, grant.chain[2]!)
    const link = signStatement({
      type: 'link',
      author: THIEF.id,
      key: THIEF.key,
      recipient: null,
      payload: decodeCbor(statement.payload, 'link'),
    })
    expect(verdict({ ...grant, chain: grant.chain.with(2, link) })).toBe('ERR_CHAIN issuer')
  })

  it('does not hold if any byte of any link is changed', () => {
    const grant = grantOf(MANIFEST, steps(2))
    for (const [at, link] of grant.chain.entries()) {
      for (let i = 0; i < link.length; i += 17) {
        const chain = grant.chain.with(at, link.with(i, link[i]! ^ 1))
        expect(verdict({ ...grant, chain }), `link ${at} byte ${i}`).not.toBe('valid')
      }
    }
  })

  it('is for its grantee, and for the KEM key that it was sealed to, alone', () => {
    const grant = grantOf(MANIFEST, steps(2))
    expect(verdict(grant, { grantee: THIEF.id })).toBe('ERR_RECIPIENT')
    expect(verdict(grant, { kemKey: kemKeyOf(THIEF) })).toBe('ERR_RECIPIENT')
    expect(verdict(grant, { kemKey: undefined })).toBe('valid')
  })

  it('needs the nodes of exactly its span', () => {
    const grant = grantOf(MANIFEST, steps(1))
    const fewer = nodesOf({ first: SPAN.first, last: SPAN.first })
    expect(verdict({ ...grant, nodes: encodeNodes(fewer) })).toBe('ERR_CHAIN nodes digest')
    // Even where the issuer signed that it is these that go with it.
    const nodesDigest = crypto.sha256(encodeNodes(fewer))
    const signed = grantOf(MANIFEST, altered(1, 0, { nodesDigest }))
    expect(verdict({ ...signed, nodes: encodeNodes(fewer) })).toBe('ERR_MALFORMED')
  })

  it('has a span that ends with the epoch of its end', () => {
    const lastSecond = (SPAN.last + 1) * HOUR - 1
    const firstSecond = SPAN.last * HOUR
    expect(verdictOf(altered(1, 0, { end: lastSecond }))).toBe('valid')
    expect(verdictOf(altered(1, 0, { end: firstSecond }))).toBe('valid')
    expect(verdictOf(altered(1, 0, { end: firstSecond - 1 }))).toBe('ERR_CHAIN lease')
    const share = { rights: 'share', depth: 1, end: firstSecond - 1 } as const
    expect(verdictOf(altered(1, 0, share))).toBe('valid')
  })

  it.each([2 ** 32 * HOUR, 2 ** 52, Number.MAX_SAFE_INTEGER])(
    'may end as late as at %d, after the last epoch',
    (end) => {
      expect(verdictOf(altered(1, 0, { end }))).toBe('valid')
    },
  )

  it('ends with any of its links, for the message that brought it and for now', () => {
    for (const at of [0, 1, 2]) {
      const span = { first: EPOCH - 3, last: EPOCH - 1 }
      const ending = steps(3).map((step, i) => {
        return { ...step, fields: { span, end: i < at ? END : NOW } }
      })
      const early = { now: NOW - 1, issued: NOW - 1 }
      const issued = { fields: { issued: NOW - HOUR } }
      const built = ending.map(({ fields, ...step }) => {
        return { ...step, fields: { ...fields, ...issued.fields } }
      })
      expect(verdictOf(built, {}, early)).toBe('valid')
      expect(verdictOf(built, {}, { now: NOW, issued: NOW - 1 })).toBe('ERR_EXPIRED end')
      expect(verdictOf(built, {}, { now: NOW - 1, issued: NOW })).toBe('ERR_EXPIRED end')
    }
  })

  it('needs credentials that counted when the links were issued', () => {
    const expired = enrolled(ANCHOR, 'keeper', { expires: NOW })
    const late = enrolled(ANCHOR, 'keeper', { issued: NOW + 301 })
    const skewed = enrolled(ANCHOR, 'keeper', { issued: NOW + 300 })
    const through = (keeper: Member): string =>
      verdictOf(steps(2).map((step, i) => (i === 1 ? { ...step, issuer: keeper } : step)))
    expect(through(expired)).toBe('ERR_EXPIRED credential')
    expect(through(late)).toBe('ERR_EXPIRED credential')
    expect(through(skewed)).toBe('valid')
    // What was issued in time outlives the credential.
    const yearLater = NOW + 400 * DAY
    const open = { first: EPOCH, last: 2 ** 32 - 1 }
    const lasting = altered(1, 0, { span: open, end: null })
    expect(verdictOf(lasting, {}, { now: yearLater, issued: yearLater })).toBe('valid')
  })

  it('needs issuers that the reader trusts', () => {
    const stray = enrolled(PARTNER, 'keeper')
    const built = steps(2).map((step, i) => (i === 1 ? { ...step, issuer: stray } : step))
    expect(verdictOf(built)).toBe('ERR_NOT_TRUSTED')
    expect(verdictOf(altered(2, 1, { credential: DESK.credential }))).toBe('ERR_NOT_TRUSTED')
    expect(verdictOf(altered(2, 1, { credential: null }))).toBe('ERR_NOT_TRUSTED')
  })

  it('holds no more over a revoked delegate, whenever that was revoked', () => {
    for (const since of [0, NOW - DAY, NOW, NOW + DAY]) {
      const revoked = [{ principalId: KEEPER.id, since }]
      expect(verdictOf(steps(2), { revoked })).toBe('ERR_REVOKED revoked')
      expect(verdictOf(steps(1), { revoked })).toBe('valid')
    }
  })

  it('holds over a revoked producer, whose epochs are judged one by one', () => {
    const revoked = [{ principalId: PLANT.id, since: NOW }]
    expect(verdictOf(steps(2), { revoked })).toBe('valid')
    const trust = trustOf(ANCHOR, { revoked })
    const producer = trust.resolve(PLANT.id, PLANT.credential)
    const epoch = (number: number): string =>
      outcomeOf(() => {
        trust.checkEpoch(producer, number * HOUR)
      })
    expect(epoch(EPOCH - 1)).toBe('valid')
    expect(epoch(EPOCH)).toBe('ERR_REVOKED')
  })

  it('holds for the names that its producer may use, in its own domain', () => {
    const named = (fields: Parameters<typeof manifestOf>[2], domain: Member | null): string =>
      verdict(grantOf(manifestOf(PLANT, domain, fields), steps(1)))
    expect(named({ streamName: 'plant/1/pressure' }, ANCHOR)).toBe('valid')
    expect(named({ streamName: 'door/lock' }, ANCHOR)).toBe('ERR_NOT_AUTHORIZED')
    expect(named({}, PARTNER)).toBe('ERR_NOT_AUTHORIZED')
    expect(named({}, null)).toBe('ERR_NOT_AUTHORIZED')
  })

  it('needs a manifest that its producer signed', () => {
    const forged = manifestOf({ ...PLANT, key: THIEF.key }, ANCHOR)
    expect(verdict(grantOf(forged, steps(1)))).toBe('ERR_SIGNATURE')
    const grant = grantOf(MANIFEST, steps(1))
    const other = manifestOf(PLANT, ANCHOR, { nonce: seed(16) })
    expect(verdict({ ...grant, manifest: other.bytes })).toBe('ERR_CHAIN generation id')
    const stolen = manifestOf(THIEF, ANCHOR)
    expect(verdict({ ...grant, manifest: stolen.bytes })).toBe('ERR_CHAIN first issuer')
    expect(verdict({ ...grant, manifest: Uint8Array.of(0) })).toBe('ERR_MALFORMED')
  })

  it('has its nodes counted before the signature of its manifest is looked at', () => {
    const forged = manifestOf({ ...PLANT, key: THIEF.key }, ANCHOR)
    const nodes = new Uint8Array(32)
    const fields = { nodesDigest: crypto.sha256(nodes) }
    const grant = grantOf(forged, [{ issuer: PLANT, grantee: DESK, fields }])
    expect(verdict({ ...grant, nodes })).toBe('ERR_MALFORMED')
  })
})

describe("a partner's grant", () => {
  const guest = enrolled(PARTNER, 'guest', { produces: ['#'] })
  const partners = (...patterns: readonly string[]) => ({
    partners: [{ domainId: PARTNER.id, anchors: [PARTNER.key.publicKey], patterns }],
  })
  const grant = grantOf(manifestOf(guest, PARTNER), [{ issuer: guest, grantee: DESK }])

  it('holds for the names that our own bundle allows the partner', () => {
    const within = (patterns: readonly string[]): string =>
      verdict(grant, { trust: trustOf(ANCHOR, partners(...patterns)) })
    expect(within(['plant/#'])).toBe('valid')
    expect(within(['door/#', 'plant/1/+'])).toBe('valid')
    expect(within(['door/#'])).toBe('ERR_NOT_AUTHORIZED')
    expect(within([])).toBe('ERR_NOT_AUTHORIZED')
    expect(verdict(grant)).toBe('ERR_NOT_TRUSTED')
  })

  it('may pass through a keeper of ours, and ours through one of theirs', () => {
    const trust = trustOf(ANCHOR, partners('plant/#'))
    const ours = grantOf(manifestOf(guest, PARTNER), [
      { issuer: guest, grantee: KEEPER },
      { issuer: KEEPER, grantee: DESK },
    ])
    expect(verdict(ours, { trust })).toBe('valid')
    const theirs = grantOf(MANIFEST, [
      { issuer: PLANT, grantee: guest },
      { issuer: guest, grantee: DESK },
    ])
    expect(verdict(theirs, { trust })).toBe('valid')
    const revoked = [{ principalId: guest.id, since: NOW }]
    trust.accept(bundleOf(PARTNER, { revoked }), NOW)
    expect(verdict(theirs, { trust })).toBe('ERR_REVOKED revoked')
  })
})

describe('a grant under a key pinned by hand', () => {
  const lone = stranger('lone')
  const grant = grantOf(manifestOf(lone, null), [{ issuer: lone, grantee: DESK }])
  const pin = (...produces: readonly string[]): Trust => {
    const publicKey = lone.key.publicKey
    return new Trust({ crypto, pinned: [{ publicKey, name: 'lone', produces }] })
  }

  it('holds for the names that were pinned with it, without any bundle', () => {
    expect(verdict(grant, { trust: pin('plant/#') })).toBe('valid')
    expect(verdict(grant, { trust: pin('door/#') })).toBe('ERR_NOT_AUTHORIZED')
    expect(verdict(grant, { trust: new Trust({ crypto }) })).toBe('ERR_NOT_TRUSTED')
  })

  it('does not hold for a stream that claims a domain', () => {
    const claimed = grantOf(manifestOf(lone, ANCHOR), [{ issuer: lone, grantee: DESK }])
    expect(verdict(claimed, { trust: pin('#') })).toBe('ERR_NOT_AUTHORIZED')
  })
})

describe('a chain without nodes', () => {
  it('proves what its last grantee may do', () => {
    const share = { rights: 'share', depth: 1 } as const
    const chain = chainOf(MANIFEST, altered(2, 1, share).with(0, deep()))
    const verified = verifyChain(chain, {
      crypto,
      trust: trustOf(ANCHOR),
      now: NOW,
      issued: NOW,
      producerId: PLANT.id,
    })
    expect(verified).toMatchObject({ rights: 'share', depth: 1, grantee: DESK.id, span: SPAN })
    expect(verified.links).toHaveLength(2)
  })
})

function seed(length: number): Uint8Array {
  return new Uint8Array(length).fill(0xee)
}

/** A first link of depth 2, so that another delegate may follow. */
function deep(): Step {
  return { issuer: PLANT, grantee: KEEPER, fields: { depth: 2 } }
}

function foreign(linkCount: number): readonly Step[] {
  return steps(linkCount).map((step) => ({ ...step, fields: { generationId: seed(32) } }))
}

function readOnly(): readonly Step[] {
  return altered(2, 0, { rights: 'read', depth: 0 })
}

function otherGrant(): readonly Uint8Array[] {
  const fields = { grantId: seed(16) }
  return chainOf(
    MANIFEST,
    steps(3).map((step) => ({ ...step, fields })),
  )
}
