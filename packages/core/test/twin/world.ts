// SPDX-License-Identifier: Apache-2.0
/**
 * Random worlds for fast code and slow twin to agree on: domains, partners, pinned keys, who is
 * enrolled and for how long, and who was revoked. Everything is made by the scripts of the vectors.
 *
 * @module
 */

import * as fc from 'fast-check'
import {
  actor,
  anchorEntry,
  bundleOf,
  DAY,
  EPOCH,
  HOUR,
  member,
  NOW,
  type Actor,
} from '../../../../tools/vectors/frozen/cast.ts'
import type { Value } from '../../../../tools/vectors/frozen/cbor.ts'
import { coseKey } from '../../../../tools/vectors/frozen/primitives.ts'
import { idOf } from '../../../../tools/vectors/frozen/statements.ts'
import { smallEncodings } from '../../../../tools/vectors/signature-parts.ts'
import type { Held, Pinned } from './trust.ts'

export { EPOCH, HOUR, NOW, type Actor }

/** Who may have a credential, and by whom. */
export const ANCHORS = {
  own: actor('twin: anchor'),
  next: actor('twin: next anchor'),
  partner: actor('twin: partner'),
  renewed: actor('twin: partner, renewed'),
  rival: actor('twin: rival partner'),
  stranger: actor('twin: stranger'),
} as const

type AnchorName = keyof typeof ANCHORS

const NAMES = ['plant', 'keeper', 'deputy', 'agent', 'reader', 'friend'] as const
export const ACTORS: readonly Actor[] = NAMES.map((name) => actor(`twin: ${name}`))

/** Seconds since 1970, where rules decide: just before, at, and just after. */
export const time: fc.Arbitrary<number> = fc
  .tuple(
    fc.constantFrom(0, -300, 300, -HOUR, HOUR, -DAY, DAY, -30 * DAY, 30 * DAY),
    fc.constantFrom(-1, 0, 1),
  )
  .map(([far, little]) => NOW + far + little)

/** Just before a time, at it, and just after. */
export function near(seconds: number): fc.Arbitrary<number> {
  return fc.constantFrom(seconds - 1, seconds, seconds + 1)
}

/** Mostly one thing, at times any of others. */
export function mostly<T>(usual: T, others: fc.Arbitrary<T>, weight = 8): fc.Arbitrary<T> {
  return fc.oneof({ weight, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: others })
}

/** When most credentials were issued. */
const CREDENTIAL_ISSUED = NOW - 20 * DAY
/** When most of them expire. */
export const CREDENTIAL_EXPIRES: number = NOW + 200 * DAY

const PATTERNS = ['#', 'plant/#', 'plant/+/level', 'plant/1/level', 'other/#', '+'] as const
const patterns = mostly<readonly string[]>(['#'], fc.subarray([...PATTERNS]), 3)
export const streamNames: fc.Arbitrary<string> = mostly(
  'plant/1/level',
  fc.constantFrom('plant', 'plant/1', 'plant/2/level', 'other', 'ö/ü'),
  4,
)

/** A principal, and what the anchor said of it: `null` for whom no credential is shown. */
export interface Person extends Actor {
  readonly credential: Uint8Array | null
  readonly domainId: Uint8Array | null
}

/** What libraries take for keys, or do not: points of small order, and y that are not reduced. */
const ODD_KEYS: readonly Uint8Array[] = smallEncodings().map(([encoding]) => encoding)

const credentialOf = fc.record({
  anchor: mostly<AnchorName>('own', fc.constantFrom(...(Object.keys(ANCHORS) as AnchorName[])), 7),
  issued: mostly(CREDENTIAL_ISSUED, time),
  expires: mostly(CREDENTIAL_EXPIRES, time),
  produces: patterns,
  isShown: mostly(true, fc.constant(false), 12),
  isForged: mostly(false, fc.constant(true), 12),
  /** What stands for the key in the credential, and is none. */
  oddKey: mostly<Uint8Array | undefined>(undefined, fc.constantFrom(...ODD_KEYS), 30),
})

/** Any of the actors, enrolled one way or the other. */
export const person: fc.Arbitrary<Person> = personOf(fc.constantFrom(...ACTORS))

export function personOf(who: fc.Arbitrary<Actor>): fc.Arbitrary<Person> {
  return fc.tuple(who, credentialOf).map(([someone, said]) => {
    const { produces, issued, expires, isShown, isForged, oddKey } = said
    const own = new Map<number, Value>(produces.length === 0 ? [] : [[4, produces]])
    const name = someone.name.replace('twin: ', '')
    const publicKey = oddKey ?? someone.publicKey
    const anchor = ANCHORS[said.anchor]
    const signer = isForged ? { ...ANCHORS.stranger, publicKey: anchor.publicKey } : anchor
    const { credential } = member(signer, someone.name, { name, publicKey, issued, expires, own })
    const id = oddKey === undefined ? someone.id : idOf({ publicKey: oddKey })
    const domainId = isShown ? DOMAIN_OF[said.anchor].id : null
    return { ...someone, id, credential: isShown ? credential : null, domainId }
  })
}

const DOMAIN_OF: Readonly<Record<AnchorName, Actor>> = {
  own: ANCHORS.own,
  next: ANCHORS.own,
  partner: ANCHORS.partner,
  renewed: ANCHORS.partner,
  rival: ANCHORS.rival,
  stranger: ANCHORS.stranger,
}

const id = fc.constantFrom(...ACTORS.map((one) => one.id), ANCHORS.own.id)
const revoked: fc.Arbitrary<readonly Value[]> = mostly<readonly Value[]>(
  [],
  fc.array(
    fc.tuple(id, time).map((pair): Value => pair),
    { maxLength: 4 },
  ),
  2,
)

/** An anchor in a bundle, mostly in use and for long. */
function anchorOf(name: AnchorName): fc.Arbitrary<Value> {
  return fc
    .tuple(
      mostly(0, fc.oneof(time, near(CREDENTIAL_ISSUED))),
      mostly<number | null>(null, fc.oneof(time, near(CREDENTIAL_ISSUED))),
    )
    .map(([from, until]) => anchorEntry(ANCHORS[name], from, until))
}

const partnerOf = (name: AnchorName, named: readonly AnchorName[]): fc.Arbitrary<Value> =>
  fc
    .tuple(
      mostly<readonly AnchorName[]>([name], fc.subarray([...named], { minLength: 1 })),
      patterns,
    )
    .map(([anchors, allowed]): Value => {
      const keys = anchors.map((anchor) => coseKey('ed25519', ANCHORS[anchor].publicKey))
      return [ANCHORS[name].id, keys, allowed]
    })

const ownBundle = fc
  .record({
    anchors: fc.tuple(anchorOf('own'), anchorOf('next')),
    hasNext: fc.boolean(),
    partner: partnerOf('partner', ['partner', 'renewed', 'rival', 'own']),
    rival: partnerOf('rival', ['rival', 'renewed', 'partner']),
    partnerCount: fc.integer({ min: 0, max: 2 }),
    revoked,
  })
  .map(({ anchors, hasNext, partner, rival, partnerCount, revoked: list }) => {
    const partners = [partner, rival].slice(0, partnerCount)
    return bundleOf(ANCHORS.own, {
      anchors: anchors.slice(0, hasNext ? 2 : 1),
      partners,
      revoked: list,
    })
  })

/** A partner's own bundle, with whatever anchors it claims. */
const bundleOfPartner = (name: AnchorName): fc.Arbitrary<Uint8Array> =>
  fc
    .record({
      own: anchorOf(name),
      others: fc.subarray([anchorOf('renewed'), anchorOf('own'), anchorOf('stranger')]),
      isNamed: mostly(true, fc.constant(false), 5),
      revoked,
    })
    .chain(({ own, others, isNamed, revoked: list }) =>
      fc.tuple(...(others.length > 0 || !isNamed ? others : [])).map((more) => {
        const anchors = isNamed || more.length === 0 ? [own, ...more] : more
        return bundleOf(ANCHORS[name], { anchors, revoked: list })
      }),
    )

const pins: fc.Arbitrary<readonly Pinned[]> = fc
  .tuple(fc.subarray([...ACTORS], { maxLength: 3 }), patterns)
  .map(([list, produces]) => list.map(({ publicKey, name }) => ({ publicKey, name, produces })))

/** Whom somebody believes. */
export const held: fc.Arbitrary<Held> = fc.record({
  bundle: fc.oneof(
    { weight: 15, arbitrary: ownBundle },
    { weight: 1, arbitrary: fc.constant(undefined) },
  ),
  partnerBundles: fc
    .tuple(bundleOfPartner('partner'), bundleOfPartner('rival'), fc.integer({ min: 0, max: 3 }))
    .map(([one, other, which]) => [one, other].filter((_, i) => (which >> i) % 2 === 1)),
  pinned: mostly<readonly Pinned[]>([], pins, 2),
})
