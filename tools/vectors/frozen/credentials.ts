// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/credentials.json`: credentials, and who may issue them (`docs/spec/06-identity.md`
 * Sections 6.3 and 6.6.2).
 *
 * @module
 */

import {
  ANCHOR,
  anchorEntry,
  BUNDLE,
  bundleOf,
  DAY,
  NEXT_ANCHOR,
  NOW,
  PARTNER_ANCHOR,
  partnerEntry,
  PLANT,
  STRANGER_ANCHOR,
  THIEF,
  type Actor,
} from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { coseKey, fromHex, tampered } from './primitives.ts'
import { changed, credentialPayload, statement, statementAad, type Fields } from './statements.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const OWN: Fields = new Map<number, Value>([
  [1, 'Boiler house'],
  [2, ['sensor', 'Prüfer']],
  [3, new Map([['floor', '2']])],
  [4, ['plant/1/#', 'plant/+/temperature']],
])
const BASE = {
  name: 'Thermometer 1',
  publicKey: PLANT.publicKey,
  issued: NOW - DAY,
  expires: NOW + DAY,
  own: OWN,
}
const PAYLOAD = credentialPayload(BASE)

export function credentials(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addPayloads(cases)
  addKeys(cases)
  addIssuers(cases)
  return cases.file(
    'credentials',
    'A reader trusts bundle, which may name partners, whose own bundles are partnerBundles. id is the ' +
      'thumbprint of signingKey, anchorId that of the key that signed.',
  )
}

function signed(payload: Value, anchor: Actor = ANCHOR): Uint8Array {
  return statement({ type: 'credential', signer: anchor, payload })
}

function addValid(cases: Cases): void {
  const common = {
    id: PLANT.id,
    anchorId: ANCHOR.id,
    name: BASE.name,
    signingKey: PLANT.publicKey,
    issued: BASE.issued,
    expires: BASE.expires,
    bundle: BUNDLE,
  }
  cases.valid('with all there is', {
    ...common,
    unit: 'Boiler house',
    roles: ['sensor', 'Prüfer'],
    attributes: { floor: '2' },
    produces: ['plant/1/#', 'plant/+/temperature'],
    payload: cbor(PAYLOAD),
    credential: signed(PAYLOAD),
  })
  const bare = credentialPayload({ ...BASE, own: new Map() })
  const none = { roles: [], attributes: {}, produces: [] }
  cases.valid('of a mere reader', {
    ...common,
    ...none,
    payload: cbor(bare),
    credential: signed(bare),
  })
  const retired = [anchorEntry(ANCHOR, NOW - DAY, NOW - DAY), anchorEntry(NEXT_ANCHOR)]
  cases.valid('by an anchor that was in use when it issued', {
    bundle: bundleOf(ANCHOR, { anchors: retired }),
    credential: signed(PAYLOAD),
  })
  const partners = [partnerEntry(PARTNER_ANCHOR, 'shared/#')]
  cases.valid('by an anchor of a partner', {
    bundle: bundleOf(ANCHOR, { partners }),
    credential: signed(PAYLOAD, PARTNER_ANCHOR),
  })
  const anchors = [anchorEntry(PARTNER_ANCHOR), anchorEntry(STRANGER_ANCHOR)]
  cases.valid("by an anchor that only the partner's bundle names", {
    bundle: bundleOf(ANCHOR, { partners }),
    partnerBundles: [bundleOf(PARTNER_ANCHOR, { anchors })],
    credential: signed(PAYLOAD, STRANGER_ANCHOR),
  })
}

function refuse(cases: Cases, result: string, comment: string, payload: Value): void {
  cases.refused(result, comment, { bundle: BUNDLE, credential: signed(payload) })
}

function addPayloads(cases: Cases): void {
  const long = 'ä'.repeat(128)
  const own = (field: number, value: Value): Value => changed(OWN, [field, value])
  const changes: readonly [string, number, Value | undefined][] = [
    ['no name', 2, undefined],
    ['empty name', 2, ''],
    ['name of 256 bytes', 2, long],
    ['no expiry', 4, undefined],
    ['expiry before 1970', 4, -1],
    ['no time of issue', 6, undefined],
    ['no key', 8, undefined],
    ['audience, which is not known here', 3, 'everyone'],
    ['no claim of our own', -65537, undefined],
    ['unit of 256 bytes', -65537, own(1, long)],
    ['role of 256 bytes', -65537, own(2, [long])],
    [
      '33 roles',
      -65537,
      own(
        2,
        Array.from({ length: 33 }, () => 'r'),
      ),
    ],
    ['attribute that is a number', -65537, own(3, new Map([['floor', 2]]))],
    ['what is no name pattern', -65537, own(4, ['plant/#/1'])],
    ['unknown field of our own claim', -65537, own(5, null)],
  ]
  for (const [comment, claim, value] of changes) {
    refuse(cases, 'ERR_MALFORMED', comment, changed(PAYLOAD, [claim, value]))
  }
}

function addKeys(cases: Cases): void {
  const key = (value: Value): Value => changed(PAYLOAD, [8, new Map([[1, value]])])
  const keyed = (publicKey: Uint8Array): Value => key(coseKey('ed25519', publicKey))
  const right = new Map<number, Value>([
    [1, 1],
    [-1, 6],
    [-2, PLANT.publicKey],
  ])
  refuse(cases, 'ERR_MALFORMED', 'KEM key', key(coseKey('x25519', PLANT.publicKey)))
  refuse(cases, 'ERR_MALFORMED', 'private key', key(changed(right, [-4, PLANT.seed])))
  refuse(cases, 'ERR_MALFORMED', 'key of 31 bytes', key(changed(right, [-2, PLANT.id.slice(1)])))
  refuse(cases, 'ERR_UNSUPPORTED', 'key on Ed448', key(changed(right, [-1, 7])))
  refuse(cases, 'ERR_UNSUPPORTED', 'key of an elliptic curve type', key(changed(right, [1, 2])))
  const weak: readonly [string, string][] = [
    ['the identity for a key', `01${'00'.repeat(31)}`],
    ['key of small order', '00'.repeat(32)],
    ['key that is not canonical', `ee${'ff'.repeat(30)}7f`],
    ['key that is on no curve', `02${'00'.repeat(31)}`],
  ]
  for (const [comment, bytes] of weak) {
    refuse(cases, 'ERR_KEY_INVALID', comment, keyed(fromHex(bytes)))
  }
}

function addIssuers(cases: Cases): void {
  const input = { type: 'credential', payload: PAYLOAD } as const
  const right = signed(PAYLOAD)
  const forged: readonly [string, Uint8Array][] = [
    ['signature changed', tampered(right)],
    [
      'signed by somebody else in the name of the anchor',
      statement({ ...input, signer: THIEF, author: ANCHOR.id }),
    ],
    [
      'signed with the external_aad of other statements',
      statement({ ...input, signer: ANCHOR, externalAad: statementAad('link', null) }),
    ],
  ]
  for (const [comment, credential] of forged) {
    cases.refused('ERR_SIGNATURE', comment, { bundle: BUNDLE, credential })
  }
  const untrusted = (comment: string, bundle: Uint8Array, anchor: Actor = ANCHOR): void => {
    cases.refused('ERR_NOT_TRUSTED', comment, { bundle, credential: signed(PAYLOAD, anchor) })
  }
  untrusted('by an anchor that nobody named', BUNDLE, STRANGER_ANCHOR)
  untrusted('by the principal itself', BUNDLE, PLANT)
  const until = [anchorEntry(ANCHOR, 0, BASE.issued - 1), anchorEntry(NEXT_ANCHOR)]
  untrusted('by an anchor that was no longer in use', bundleOf(ANCHOR, { anchors: until }))
  const from = [anchorEntry(ANCHOR, BASE.issued + 1)]
  untrusted('by an anchor that was not yet in use', bundleOf(ANCHOR, { anchors: from }))
  const partners = [partnerEntry(PARTNER_ANCHOR, '#'), partnerEntry(NEXT_ANCHOR, '#')]
  cases.refused('ERR_NOT_TRUSTED', 'by an anchor that two partners claim for themselves', {
    bundle: bundleOf(ANCHOR, { partners }),
    partnerBundles: [PARTNER_ANCHOR, NEXT_ANCHOR].map((anchor) =>
      bundleOf(anchor, { anchors: [anchorEntry(anchor), anchorEntry(STRANGER_ANCHOR)] }),
    ),
    credential: signed(PAYLOAD, STRANGER_ANCHOR),
  })
}
