// SPDX-License-Identifier: Apache-2.0
import {
  issueGrant,
  LAST_EPOCH,
  NodeRing,
  rootNode,
  verifyGrant,
  type Grant,
  type IssueInputs,
  type NodePosition,
  type Span,
  type VerifiedGrant,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, enrolled, EPOCH, HOUR, NOW, stranger, trustOf } from '../support/domain.js'
import { outcomeOf } from '../support/outcome.js'
import { kemKeyOf, manifestOf, nodesOf, ROOT } from '../support/stream.js'

const crypto = sodiumProvider
const ANCHOR = stranger('anchor')
const PLANT = enrolled(ANCHOR, 'plant')
const KEEPER = enrolled(ANCHOR, 'keeper')
const DEPUTY = enrolled(ANCHOR, 'deputy')
const AGENT = enrolled(ANCHOR, 'agent')
const DESK = enrolled(ANCHOR, 'desk')
const MANIFEST = manifestOf(PLANT, ANCHOR)
const TRUST = trustOf(ANCHOR)
const WEEK: Span = { first: EPOCH - 84, last: EPOCH + 83 }

function issue(inputs: Partial<IssueInputs> = {}): Grant {
  const grantee = inputs.grantee ?? DESK.id
  return issueGrant({
    crypto,
    manifest: MANIFEST,
    issuer: PLANT,
    nodesFor: (span) => nodesOf(span),
    parentChain: [],
    grantee,
    kemKey: kemKeyOf(DESK),
    span: WEEK,
    rights: 'read',
    now: NOW,
    end: null,
    ...inputs,
  })
}

function verified(grant: Grant, grantee = DESK.id): VerifiedGrant {
  const inputs = { crypto, trust: TRUST, now: NOW, issued: NOW, grantee, kemKey: undefined }
  return verifyGrant(grant, inputs)
}

const share = (grantee: Uint8Array, inputs: Partial<IssueInputs> = {}): Grant =>
  issue({ rights: 'share', grantee, ...inputs })

describe('a grant that was issued', () => {
  it('is one that its grantee accepts, with the right nodes', () => {
    fc.assert(
      fc.property(fc.nat(LAST_EPOCH), fc.nat(LAST_EPOCH), (a, b) => {
        const span = { first: Math.min(a, b), last: Math.max(a, b) }
        const grant = verified(issue({ span }))
        expect(grant.span).toEqual(span)
        expect(grant.nodes).toEqual(nodesOf(span))
        expect(grant.rights).toBe('read')
      }),
      { numRuns: 50 },
    )
  })

  it('goes on over three delegates, each of whom can grant less', () => {
    const one = share(KEEPER.id)
    const two = share(DEPUTY.id, { issuer: KEEPER, parentChain: one.chain })
    const three = share(AGENT.id, { issuer: DEPUTY, parentChain: two.chain })
    const four = issue({ issuer: AGENT, parentChain: three.chain })
    expect(verified(three, AGENT.id).depth).toBe(1)
    expect(verified(four).links.map(({ depth }) => depth)).toEqual([3, 2, 1, 0])
    const fifth = (): Grant => share(PLANT.id, { issuer: AGENT, parentChain: three.chain })
    expect(outcomeOf(fifth)).toBe('ERR_NOT_AUTHORIZED depth')
  })

  it('is a lease where it ends: its span is cut at the epoch of the end', () => {
    const lease = verified(issue({ end: NOW + DAY, span: { first: EPOCH, last: LAST_EPOCH } }))
    expect(lease.span).toEqual({ first: EPOCH, last: EPOCH + 24 })
    expect(lease.end).toBe(NOW + DAY)
    const shortest = verified(issue({ end: NOW + 1, span: { first: EPOCH, last: LAST_EPOCH } }))
    expect(shortest.span).toEqual({ first: EPOCH, last: EPOCH })
    const past = (): Grant =>
      issue({ end: NOW + HOUR, span: { first: EPOCH + 2, last: EPOCH + 3 } })
    expect(outcomeOf(past)).toBe('ERR_NOT_AUTHORIZED lease')
  })

  it('never ends later than the grant above it', () => {
    const parent = share(KEEPER.id, { end: NOW + DAY })
    const below = (end: number | null): number | null =>
      verified(issue({ issuer: KEEPER, parentChain: parent.chain, end })).end
    expect(below(null)).toBe(NOW + DAY)
    expect(below(NOW + 2 * DAY)).toBe(NOW + DAY)
    expect(below(NOW + HOUR)).toBe(NOW + HOUR)
    expect(verified(parent, KEEPER.id).span).toEqual(WEEK)
  })

  it('may end later than the last epoch there is', () => {
    expect(verified(issue({ end: Number.MAX_SAFE_INTEGER })).span).toEqual(WEEK)
  })

  const parent = share(KEEPER.id, { depth: 1 })
  const refused: readonly [string, Partial<IssueInputs>, string][] = [
    ['that ends before it begins', { end: NOW }, 'ERR_NOT_AUTHORIZED end'],
    [
      'of a wider span',
      { issuer: KEEPER, parentChain: parent.chain, span: { ...WEEK, last: WEEK.last + 1 } },
      'ERR_NOT_AUTHORIZED span',
    ],
    [
      'by who may only read',
      { issuer: DESK, parentChain: issue().chain },
      'ERR_NOT_AUTHORIZED rights',
    ],
    [
      'to share by who may only grant to readers',
      { issuer: KEEPER, parentChain: parent.chain, rights: 'share' },
      'ERR_NOT_AUTHORIZED depth',
    ],
    ['to share to no depth', { rights: 'share', depth: 0 }, 'ERR_NOT_AUTHORIZED depth'],
    ['to share to depth 4', { rights: 'share', depth: 4 }, 'ERR_NOT_AUTHORIZED depth'],
    ['of keys that are not held', { nodesFor: () => undefined }, 'ERR_KEY_UNKNOWN'],
  ]
  it.each(refused)('is none %s', (_, inputs, code) => {
    expect(outcomeOf(() => issue(inputs))).toBe(code)
  })

  it('gives away nothing outside of its span', () => {
    const ring = new NodeRing(crypto)
    ring.addProven([rootNode(ROOT)], { name: 'own', giver: 'own', distance: 0 })
    const span = { first: 5, last: 6 }
    const { nodes } = verified(issue({ nodesFor: (wanted) => ring.nodesFor(wanted), span }))
    const positions: readonly NodePosition[] = [
      { depth: 32, index: 5 },
      { depth: 32, index: 6 },
    ]
    expect(nodes.map(({ depth, index }) => ({ depth, index }))).toEqual(positions)
  })
})
