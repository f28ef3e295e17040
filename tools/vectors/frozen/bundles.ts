// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/bundles.json`: trust bundles, the first ones and those that come after
 * (`docs/spec/06-identity.md` Section 6.5).
 *
 * @module
 */

import {
  ANCHOR,
  anchorEntry,
  bundleOf,
  DAY,
  KEEPER,
  NEXT_ANCHOR,
  NOW,
  PARTNER_ANCHOR,
  partnerEntry,
  PLANT,
  STRANGER_ANCHOR,
  type Actor,
} from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { coseKey, seedOf, sha256, tampered, x25519 } from './primitives.ts'
import {
  bundlePayload,
  changed,
  statement,
  type BundleInput,
  type Fields,
  type Statement,
} from './statements.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const RECOVERY_KEY = coseKey('x25519', x25519(seedOf('KEM of recovery')))
const BASE: BundleInput = {
  domainId: ANCHOR.id,
  issued: NOW - DAY,
  expires: NOW + 30 * DAY,
  anchors: [anchorEntry(ANCHOR)],
}
const FULL: BundleInput = {
  ...BASE,
  version: 7,
  anchors: [anchorEntry(NEXT_ANCHOR, 0, NOW - DAY), anchorEntry(ANCHOR, NOW - DAY)],
  keepers: [KEEPER.credential],
  recovery: [KEEPER.credential, [RECOVERY_KEY]],
  partners: [partnerEntry(PARTNER_ANCHOR, 'shared/#', 'plant/+')],
  revoked: [[PLANT.id, NOW]],
  requireXWing: true,
}
const START = { anchorId: ANCHOR.id, now: NOW }

export function bundles(): VectorFile {
  const cases = new Cases()
  addFirst(cases)
  addPayloads(cases)
  addNewer(cases)
  addPartners(cases)
  return cases.file(
    'bundles',
    'Without held, bundle is the first one, and anchorId the anchor that a person vouches for. ' +
      'Otherwise held is the own bundle and partnerBundles are those of partners, and bundle is ' +
      'offered; outcome says whether it is accepted or known. digest is how messages name it.',
  )
}

function signed(payload: Value, input: Partial<Statement> = {}): Uint8Array {
  return statement({ type: 'trust-bundle', signer: ANCHOR, payload, ...input })
}

function addFirst(cases: Cases): void {
  for (const [comment, input] of [
    ['the first, with all there is', FULL],
    ['the first, with as little as can be', BASE],
  ] as const) {
    const payload = bundlePayload(input)
    const bundle = signed(payload)
    cases.valid(comment, {
      ...START,
      domainId: ANCHOR.id,
      version: input.version ?? 1,
      issued: input.issued,
      expires: input.expires,
      requireXWing: input.requireXWing ?? false,
      payload: cbor(payload),
      digest: sha256(bundle).slice(0, 8),
      bundle,
    })
  }
  const right = signed(bundlePayload(BASE))
  const refused: readonly [string, string, Uint8Array][] = [
    ['ERR_NOT_TRUSTED', 'the first, of another domain', bundleOf(STRANGER_ANCHOR)],
    [
      'ERR_NOT_TRUSTED',
      'the first, by an anchor that is not in it',
      signed(bundlePayload({ ...BASE, anchors: [anchorEntry(NEXT_ANCHOR)] })),
    ],
    [
      'ERR_NOT_TRUSTED',
      'the first, by an anchor that it retires',
      signed(bundlePayload({ ...BASE, anchors: [anchorEntry(ANCHOR, 0, NOW)] })),
    ],
    ['ERR_SIGNATURE', 'the first, its signature changed', tampered(right)],
    [
      'ERR_SIGNATURE',
      'the first, signed by somebody else in the name of the anchor',
      signed(bundlePayload(BASE), { signer: STRANGER_ANCHOR, author: ANCHOR.id }),
    ],
  ]
  for (const [result, comment, bundle] of refused) {
    cases.refused(result, comment, { ...START, bundle })
  }
}

function addPayloads(cases: Cases): void {
  const payload: Fields = bundlePayload(FULL)
  const anchor = coseKey('ed25519', ANCHOR.publicKey)
  const changes: readonly [string, string, number, Value | undefined][] = [
    ['ERR_MALFORMED', 'domain id of 8 bytes', 1, ANCHOR.id.slice(0, 8)],
    ['ERR_MALFORMED', 'version below 0', 2, -1],
    ['ERR_MALFORMED', 'expires when it is issued', 4, FULL.issued],
    ['ERR_MALFORMED', 'no anchors', 5, []],
    ['ERR_MALFORMED', '17 anchors', 5, Array.from({ length: 17 }, () => anchorEntry(ANCHOR))],
    ['ERR_MALFORMED', 'anchor without its times', 5, [[anchor]]],
    ['ERR_MALFORMED', 'KEM key for an anchor', 5, [[RECOVERY_KEY, 0, null]]],
    ['ERR_MALFORMED', 'text for a keeper', 6, ['keeper']],
    ['ERR_MALFORMED', 'recovery without keys', 7, [KEEPER.credential, []]],
    [
      'ERR_MALFORMED',
      'two recovery keys of one kind',
      7,
      [KEEPER.credential, [RECOVERY_KEY, RECOVERY_KEY]],
    ],
    ['ERR_MALFORMED', 'partner without anchors', 8, [[PARTNER_ANCHOR.id, [], ['#']]]],
    ['ERR_MALFORMED', 'partner with what is no pattern', 8, [partnerEntry(PARTNER_ANCHOR, 'a#')]],
    ['ERR_MALFORMED', 'revocation without a time', 9, [[PLANT.id]]],
    ['ERR_MALFORMED', 'null for a flag', 10, null],
    ['ERR_MALFORMED', 'unknown field', 11, null],
    ['ERR_UNSUPPORTED', 'anchor on Ed448', 5, [[changed(anchor as Fields, [-1, 7]), 0, null]]],
  ]
  for (const [result, comment, field, value] of changes) {
    const bundle = signed(changed(payload, [field, value]))
    cases.refused(result, comment, { ...START, bundle })
  }
}

function addNewer(cases: Cases): void {
  const held = bundleOf(ANCHOR, { version: 5 })
  const next = (input: Partial<BundleInput>, signer: Actor = ANCHOR): Uint8Array =>
    signed(bundlePayload({ ...BASE, version: 6, ...input }), { signer })
  const accept = (comment: string, bundle: Uint8Array, from = held): void => {
    cases.valid(comment, { held: from, now: NOW, outcome: 'accepted', bundle })
  }
  const refuse = (result: string, comment: string, bundle: Uint8Array, from = held): void => {
    cases.refused(result, comment, { held: from, now: NOW, bundle })
  }
  accept('the next', next({}))
  accept('one many versions later', next({ version: 2 ** 40 }))
  accept('issued five minutes from now', next({ issued: NOW + 300 }))
  cases.valid('the one that is held', { held, now: NOW, outcome: 'known', bundle: held })
  refuse('ERR_ROLLBACK', 'an older one', next({ version: 4 }))
  refuse('ERR_CONFLICT', 'another of the same version', next({ version: 5, requireXWing: true }))
  refuse('ERR_NOT_YET_VALID', 'issued more than five minutes from now', next({ issued: NOW + 301 }))
  refuse(
    'ERR_NOT_TRUSTED',
    'by an anchor that is not in the one that is held',
    next({}, NEXT_ANCHOR),
  )
  const forged = next({})
  refuse('ERR_SIGNATURE', 'its signature changed', tampered(forged))

  const handover = [anchorEntry(ANCHOR, 0, NOW), anchorEntry(NEXT_ANCHOR)]
  const handed = next({ anchors: handover })
  accept('hands over to the next anchor', handed)
  cases.valid('handed over, and is held', {
    held: handed,
    now: NOW,
    outcome: 'known',
    bundle: handed,
  })
  accept('by the next anchor after that', next({ version: 7 }, NEXT_ANCHOR), handed)
  refuse('ERR_NOT_TRUSTED', 'by the former anchor after that', next({ version: 7 }), handed)
}

function addPartners(cases: Cases): void {
  const partners = [partnerEntry(PARTNER_ANCHOR, 'shared/#')]
  const held = bundleOf(ANCHOR, { partners })
  const theirs = (version: number, input: Partial<BundleInput> = {}): Uint8Array =>
    bundleOf(PARTNER_ANCHOR, { version, ...input })
  const common = { held, now: NOW }
  const after = { ...common, partnerBundles: [theirs(5)] }
  cases.valid("a partner's first", { ...common, outcome: 'accepted', bundle: theirs(1) })
  cases.valid("a partner's next", { ...after, outcome: 'accepted', bundle: theirs(6) })
  cases.valid("a partner's that is held", { ...after, outcome: 'known', bundle: theirs(5) })
  cases.refused('ERR_ROLLBACK', "an older one of a partner's", { ...after, bundle: theirs(4) })
  cases.refused('ERR_CONFLICT', "another of a partner's of the same version", {
    ...after,
    bundle: theirs(5, { requireXWing: true }),
  })
  cases.refused('ERR_NOT_TRUSTED', 'of a domain that is no partner', {
    ...common,
    bundle: bundleOf(STRANGER_ANCHOR),
  })
  cases.refused('ERR_NOT_TRUSTED', 'of a partner, by an anchor that nobody named', {
    ...common,
    bundle: signed(
      bundlePayload({
        ...BASE,
        domainId: PARTNER_ANCHOR.id,
        anchors: [anchorEntry(STRANGER_ANCHOR)],
      }),
      { signer: STRANGER_ANCHOR },
    ),
  })
  cases.refused('ERR_NOT_TRUSTED', 'of our domain, by an anchor of a partner', {
    ...common,
    bundle: signed(bundlePayload({ ...BASE, version: 2 }), { signer: PARTNER_ANCHOR }),
  })
}
