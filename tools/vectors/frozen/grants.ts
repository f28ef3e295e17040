// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/grants.json`: grants over chains of one to four links, and every rule of a chain broken
 * (`docs/spec/07-granting.md` Section 7.5.2).
 *
 * @module
 */

import {
  actor,
  ANCHOR,
  BUNDLE,
  bundleOf,
  DAY,
  DEPUTY,
  DESK,
  EPOCH,
  GUEST,
  HOUR,
  KEEPER,
  member,
  NOW,
  PARTNER_ANCHOR,
  partnerEntry,
  PLANT,
  STRANGER_ANCHOR,
  THIEF,
  type Member,
} from './cast.ts'
import {
  chain,
  END,
  GENERATION_ID,
  hexChain,
  kemKeyOf,
  MANIFEST,
  PAYLOAD,
  ROOT,
  SPAN,
  steps,
  type Step,
} from './chains.ts'
import { bytesOf, seedOf, tampered } from './primitives.ts'
import { changed, generationId, statement, type Fields } from './statements.ts'
import { LAST_EPOCH, nodes, type Span } from './tree.ts'
import { Cases, type Input, type VectorFile } from './vector-file.ts'

type Fixture = Readonly<Record<string, Input>>

/** A grant over some steps, with the nodes of its last span, to the desk. */
function grant(list: readonly Step[], changes: Fixture = {}): Fixture {
  return {
    bundle: BUNDLE,
    now: NOW,
    issued: NOW,
    grantee: DESK.id,
    kemKey: kemKeyOf(DESK),
    manifest: MANIFEST,
    chain: hexChain(chain(list)),
    nodes: nodes(ROOT, list.at(-1)?.span ?? SPAN),
    ...changes,
  }
}

export function grants(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addLinks(cases)
  addChains(cases)
  addIssuers(cases)
  addTimes(cases)
  addGrantee(cases)
  addManifests(cases)
  addPartners(cases)
  addPinned(cases)
  return cases.file(
    'grants',
    'A reader who is grantee trusts bundle, partnerBundles and pinned, and got manifest, chain and ' +
      'nodes at now, in a message that was issued at issued and sealed to kemKey (null: not sealed). ' +
      'rule names the rule of Section 7.5.2 that an ERR_CHAIN is about. root is what the nodes ' +
      'were derived from.',
  )
}

function addValid(cases: Cases): void {
  for (const linkCount of [1, 2, 3, 4]) {
    const list = steps(linkCount)
    cases.valid(`over ${linkCount} links`, {
      ...grant(list),
      root: ROOT,
      generationId: GENERATION_ID,
      span: { first: SPAN.first, last: SPAN.last },
      rights: 'read',
      depth: 0,
      end: END,
      issuers: list.map(({ by }) => by.id),
    })
  }
  const narrow: Span = { first: EPOCH, last: EPOCH + 1 }
  const open: Span = { first: EPOCH, last: LAST_EPOCH }
  const varied: readonly [string, readonly Step[]][] = [
    ['narrower in its last link', steps(3, 2, { span: narrow })],
    ['that ends earlier in its last link', steps(2, 1, { end: NOW + HOUR, span: narrow })],
    ['open-ended and without end', steps(1, 0, { span: open, end: null })],
    ['to share', steps(1, 0, { rights: 'share', depth: 3 })],
    ['to share beyond its end', steps(1, 0, { rights: 'share', depth: 1, end: NOW + 1 })],
    ['that ends with the first second of its last epoch', steps(1, 0, { end: END - HOUR + 1 })],
    ['issued five minutes before its parent', steps(2, 1, { issued: NOW - 300 })],
    ['issued five minutes from now', steps(1, 0, { issued: NOW + 300 })],
    ['that ends later than any epoch', steps(1, 0, { end: Number.MAX_SAFE_INTEGER })],
  ]
  for (const [comment, list] of varied) cases.valid(comment, grant(list))
}

function addLinks(cases: Cases): void {
  const later = { first: SPAN.first, last: SPAN.last + 1 }
  const earlier = { first: SPAN.first - 1, last: SPAN.last }
  const other = seedOf('another generation')
  const broken: readonly [string, string, readonly Step[]][] = [
    ['parent', 'first link with a parent', steps(1, 0, { parent: seedOf('parent') })],
    ['parent', 'second link without a parent', steps(2, 1, { parent: null })],
    ['parent', 'second link with another parent', steps(2, 1, { parent: seedOf('parent') })],
    ['first issuer', 'begun by another than the producer', steps(1, 0, { by: KEEPER })],
    ['issuer', 'continued by another than the grantee', steps(2, 1, { by: THIEF })],
    ['issuer', 'signed by somebody who says so', steps(2, 1, { signer: THIEF, author: THIEF.id })],
    ['generation id', 'moved to another generation', steps(2, 1, { generationId: other })],
    ['generation id', 'by way of another generation', steps(3, 1, { generationId: other })],
    [
      'generation id',
      'of another generation throughout',
      steps(2).map((step) => ({ ...step, generationId: other })),
    ],
    ['grant id', 'moved to another grant', steps(2, 1, { grantId: bytesOf('another', 16) })],
    ['rights', 'continued after a right to read', steps(2, 0, { rights: 'read', depth: 0 })],
    ['depth', 'with a depth that stays', steps(3, 1, { depth: 2 })],
    ['depth', 'with a depth that goes up', steps(3, 1, { depth: 3 })],
    ['span', 'with a span that begins earlier', steps(2, 1, { span: earlier })],
    ['span', 'with a span that ends later', steps(2, 1, { span: later })],
    ['end', 'that ends later than its parent', steps(2, 1, { end: END + 1 })],
    ['end', 'without end although its parent has one', steps(2, 1, { end: null })],
    ['issued', 'issued before its parent', steps(2, 1, { issued: NOW - 301 })],
    ['issued', 'issued in the future', steps(1, 0, { issued: NOW + 301 })],
    ['lease', 'that reads beyond its end', steps(1, 0, { end: END - HOUR })],
    [
      'nodes digest',
      'with the digest of other nodes',
      steps(1, 0, { nodesDigest: seedOf('nodes') }),
    ],
  ]
  for (const [rule, comment, list] of broken) {
    cases.refused('ERR_CHAIN', comment, { ...grant(list), rule })
  }
}

function addChains(cases: Cases): void {
  const [first = '', second = '', third = ''] = hexChain(chain(steps(3)))
  const [, foreign = ''] = hexChain(
    chain(steps(3).map((step) => ({ ...step, grantId: bytesOf('another', 16) }))),
  )
  const right = grant(steps(3))
  const four = hexChain(chain(steps(4)))
  const broken: readonly [string, string, readonly string[]][] = [
    ['chain length', 'no link', []],
    ['chain length', 'five links', [...four, ...four.slice(3)]],
    ['parent', 'first link cut off', [second, third]],
    ['parent', 'link in the middle cut out', [first, third]],
    ['parent', 'two links swapped', [first, third, second]],
    ['parent', 'a link twice', [first, second, second, third]],
    ['parent', 'link of another grant in the middle', [first, foreign, third]],
  ]
  for (const [rule, comment, links] of broken) {
    cases.refused('ERR_CHAIN', comment, { ...right, chain: links, rule })
  }
  cases.refused('ERR_RECIPIENT', 'last link cut off', { ...right, chain: [first, second] })
  cases.refused('ERR_MALFORMED', 'a manifest among the links', {
    ...right,
    chain: [first, second, Buffer.from(MANIFEST).toString('hex')],
  })
}

function addIssuers(cases: Cases): void {
  const through = (keeper: Member): Fixture => grant(steps(2, 1, { by: keeper }))
  const own = new Map()
  const changes: readonly [string, string, Fixture][] = [
    ['ERR_SIGNATURE', 'link signed by somebody else', grant(steps(2, 1, { signer: THIEF }))],
    ['ERR_SIGNATURE', 'first link signed by somebody else', grant(steps(2, 0, { signer: THIEF }))],
    ['ERR_NOT_TRUSTED', 'delegate without a credential', grant(steps(2, 1, { credential: null }))],
    [
      'ERR_NOT_TRUSTED',
      "delegate with somebody else's credential",
      grant(steps(2, 1, { credential: DEPUTY.credential })),
    ],
    [
      'ERR_NOT_TRUSTED',
      'delegate of a domain that nobody trusts',
      through(member(STRANGER_ANCHOR, 'keeper', { own })),
    ],
    [
      'ERR_EXPIRED',
      'delegate whose credential had expired',
      through(member(ANCHOR, 'keeper', { own, expires: NOW })),
    ],
    [
      'ERR_EXPIRED',
      'delegate whose credential was issued later',
      through(member(ANCHOR, 'keeper', { own, issued: NOW + 301 })),
    ],
  ]
  for (const [result, comment, inputs] of changes) cases.refused(result, comment, inputs)
  const [first = '', second = new Uint8Array(0)] = [
    hexChain(chain(steps(2)))[0],
    chain(steps(2))[1],
  ]
  cases.refused('ERR_SIGNATURE', 'signature of the last link changed', {
    ...grant(steps(2)),
    chain: [first, tampered(second)],
  })
  addRevoked(cases)
}

function addRevoked(cases: Cases): void {
  const revoking = (who: Member, since: number): Fixture => {
    return { bundle: bundleOf(ANCHOR, { revoked: [[who.id, since]] }) }
  }
  cases.refused(
    'ERR_REVOKED',
    'delegate revoked before',
    grant(steps(2), revoking(KEEPER, NOW - DAY)),
  )
  cases.refused(
    'ERR_REVOKED',
    'delegate to be revoked later',
    grant(steps(2), revoking(KEEPER, NOW + DAY)),
  )
  cases.valid('beside a delegate that was revoked', grant(steps(1), revoking(KEEPER, NOW)))
  cases.valid(
    'by a producer that was revoked: its objects are judged one by one',
    grant(steps(2), revoking(PLANT, NOW)),
  )
}

function addTimes(cases: Cases): void {
  const past = { first: EPOCH - 3, last: EPOCH - 1 }
  const issued = NOW - HOUR
  for (const at of [0, 1, 2]) {
    const list = steps(3).map((step, i) => ({
      ...step,
      span: past,
      issued,
      end: i < at ? END : NOW,
    }))
    const ended = `link ${at + 1} of 3 ending`
    cases.valid(`${ended} in a second`, grant(list, { now: NOW - 1, issued: NOW - 1 }))
    cases.refused('ERR_EXPIRED', `${ended} now`, grant(list, { now: NOW, issued: NOW - 1 }))
    cases.refused(
      'ERR_EXPIRED',
      `${ended} when the message was issued`,
      grant(list, { now: NOW - 1, issued: NOW }),
    )
  }
}

function addGrantee(cases: Cases): void {
  const right = grant(steps(2))
  cases.valid('not sealed', { ...right, kemKey: null })
  cases.refused('ERR_RECIPIENT', 'for somebody else', { ...right, grantee: THIEF.id })
  cases.refused('ERR_RECIPIENT', 'sealed to another key than the link says', {
    ...right,
    kemKey: kemKeyOf(THIEF),
  })
  const other = nodes(seedOf('another root'), SPAN)
  cases.refused('ERR_CHAIN', 'with other nodes', { ...right, nodes: other, rule: 'nodes digest' })
}

function addManifests(cases: Cases): void {
  const of = (comment: string, result: string, payload: Fields, rule?: string): void => {
    const id = generationId(PLANT.id, payload)
    const list = steps(1, 0, rule === undefined ? { generationId: id } : {})
    const manifest = statement({ type: 'manifest', signer: PLANT, payload })
    cases.refused(result, comment, { ...grant(list), manifest, rule })
  }
  of(
    'manifest of another generation',
    'ERR_CHAIN',
    changed(PAYLOAD, [4, bytesOf('nonce', 16)]),
    'generation id',
  )
  of('name that the producer may not use', 'ERR_NOT_AUTHORIZED', changed(PAYLOAD, [3, 'door/lock']))
  of(
    'domain that is not the producer\u2019s',
    'ERR_NOT_AUTHORIZED',
    changed(PAYLOAD, [1, PARTNER_ANCHOR.id]),
  )
  of('no domain', 'ERR_NOT_AUTHORIZED', changed(PAYLOAD, [1, null]))
  const forged = statement({ type: 'manifest', signer: THIEF, author: PLANT.id, payload: PAYLOAD })
  cases.refused('ERR_SIGNATURE', 'manifest signed by somebody else', {
    ...grant(steps(1)),
    manifest: forged,
  })
}

function addPartners(cases: Cases): void {
  const payload = changed(PAYLOAD, [1, PARTNER_ANCHOR.id], [2, GUEST.id])
  const manifest = statement({ type: 'manifest', signer: GUEST, payload })
  const id = generationId(GUEST.id, payload)
  const theirs = (...patterns: readonly string[]): Fixture =>
    grant([{ by: GUEST, to: DESK, generationId: id }], {
      manifest,
      bundle: bundleOf(ANCHOR, { partners: [partnerEntry(PARTNER_ANCHOR, ...patterns)] }),
    })
  cases.valid('of a partner, for a name that our bundle allows it', theirs('door/#', 'plant/+/#'))
  cases.refused(
    'ERR_NOT_AUTHORIZED',
    'of a partner, for a name that our bundle does not allow it',
    theirs('door/#'),
  )
  cases.refused('ERR_NOT_TRUSTED', 'of a domain that is no partner', {
    ...theirs(),
    bundle: BUNDLE,
  })
  const through = [
    { by: PLANT, to: GUEST },
    { by: GUEST, to: DESK },
  ]
  const { bundle = null } = theirs('#')
  cases.valid('of ours, through a delegate of a partner', grant(through, { bundle }))
  cases.refused('ERR_REVOKED', 'of ours, through a delegate that its partner revoked', {
    ...grant(through, { bundle }),
    partnerBundles: [bundleOf(PARTNER_ANCHOR, { revoked: [[GUEST.id, NOW]] })],
  })
}

function addPinned(cases: Cases): void {
  const lone = { ...actor('lone'), credential: null }
  const payload = changed(PAYLOAD, [1, null], [2, lone.id])
  const pinned = (domain: Uint8Array | null, ...produces: readonly string[]): Fixture => {
    const claimed = changed(payload, [1, domain])
    const list = [{ by: lone, to: DESK, generationId: generationId(lone.id, claimed) }]
    return grant(list, {
      manifest: statement({ type: 'manifest', signer: lone, payload: claimed }),
      pinned: [{ publicKey: lone.publicKey, name: 'lone', produces }],
    })
  }
  cases.valid('of a producer that is pinned by hand', pinned(null, 'plant/#'))
  cases.refused('ERR_NOT_AUTHORIZED', 'pinned for other names', pinned(null, 'door/#'))
  cases.refused('ERR_NOT_AUTHORIZED', 'pinned, and claims a domain', pinned(ANCHOR.id, '#'))
  cases.refused('ERR_NOT_TRUSTED', 'not pinned', { ...pinned(null, '#'), pinned: [] })
}
