// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/denials.json`, `vectors/acks.json`, `vectors/revocations.json` and
 * `vectors/enrolments.json` (`docs/spec/07-granting.md` Sections 7.6 to 7.9).
 *
 * @module
 */

import {
  ANCHOR,
  actor,
  BUNDLE,
  DESK,
  KEEPER,
  NOW,
  PLANT,
  THIEF,
  type Actor,
  type Member,
} from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { chain, GENERATION_ID, hexChain, PAYLOAD, steps } from './chains.ts'
import {
  addAuthors,
  addFields,
  addMessage,
  addStanding,
  common,
  ENVELOPE,
  payloadOf,
  signed,
  type MessageKind,
} from './messages.ts'
import { bytesOf, coseKey, fromHex, seedOf, sha256, tampered } from './primitives.ts'
import { changed, messagePayload, statement } from './statements.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const KID = GENERATION_ID.slice(0, 8)
const DIGEST = sha256(cbor(PAYLOAD))
const REPLY = { inReplyTo: seedOf('message') }

function denial(author: Member, ...body: readonly Value[]): MessageKind {
  return { type: 'denial', author, recipient: DESK.id, body }
}

export function denials(): VectorFile {
  const cases = new Cases()
  const own = denial(PLANT, KID, 1, 60, PLANT.id, DIGEST, [])
  const body = {
    kid: KID,
    code: 'not-authorized',
    retrySeconds: 60,
    producerId: PLANT.id,
    manifestDigest: DIGEST,
    chain: [],
  }
  addMessage(cases, 'by the producer', own, body, REPLY)
  const codes = ['not-authorized', 'pending-approval', 'rate-limited', 'out-of-span']
  for (const [i, code] of codes.entries()) {
    const kind = denial(PLANT, KID.slice(0, 4), i + 1, 3600, PLANT.id, DIGEST, [])
    addMessage(cases, code, kind, { ...body, kid: KID.slice(0, 4), code, retrySeconds: 3600 })
  }
  const [share = new Uint8Array(0)] = chain(steps(2))
  const kept = denial(KEEPER, KID, 1, 60, PLANT.id, DIGEST, [share])
  addMessage(cases, 'by a delegate', kept, { ...body, chain: hexChain([share]) })
  addFields(cases, own, [
    ['kid of 5 bytes', 16, KID.slice(0, 5)],
    ['code 0', 17, 0],
    ['code 5', 17, 5],
    ['holds back for more than an hour', 18, 3601],
    ['producer id of 8 bytes', 19, PLANT.id.slice(0, 8)],
    ['no digest of the manifest', 20, undefined],
    ['four links', 21, [share, share, share, share]],
    ['text for a link', 21, ['link']],
    ['unknown field of the body', 22, null],
  ])
  addProofs(cases, share)
  addAuthors(cases, own)
  addStanding(cases, own)
  return cases.file(
    'denials',
    'As requests; the denial is authenticated, and its proof of authority verified. rule names what an ' +
      'ERR_CHAIN is about.',
  )
}

function addProofs(cases: Cases, share: Uint8Array): void {
  const [read = share] = chain(steps(1, 0, { to: KEEPER }))
  const [forged = share] = chain(steps(2, 0, { signer: THIEF }))
  const proofs: readonly [string, string | undefined, string, MessageKind][] = [
    [
      'ERR_CHAIN',
      'kid',
      'of another kid',
      denial(PLANT, bytesOf('kid', 8), 1, 0, PLANT.id, DIGEST, []),
    ],
    [
      'ERR_CHAIN',
      'kid',
      'with the digest of another manifest',
      denial(PLANT, KID, 1, 0, PLANT.id, seedOf('digest'), []),
    ],
    ['ERR_CHAIN', 'kid', 'of another producer', denial(THIEF, KID, 1, 0, THIEF.id, DIGEST, [])],
    ['ERR_CHAIN', 'author', 'by anybody', denial(THIEF, KID, 1, 0, PLANT.id, DIGEST, [])],
    [
      'ERR_CHAIN',
      'author',
      "with somebody else's share",
      denial(THIEF, KID, 1, 0, PLANT.id, DIGEST, [share]),
    ],
    [
      'ERR_CHAIN',
      'rights',
      'by a mere reader',
      denial(KEEPER, KID, 1, 0, PLANT.id, DIGEST, [read]),
    ],
    [
      'ERR_SIGNATURE',
      undefined,
      'with a share that was forged',
      denial(KEEPER, KID, 1, 0, PLANT.id, DIGEST, [forged]),
    ],
  ]
  for (const [result, rule, comment, kind] of proofs) {
    const message = signed(kind, payloadOf(kind))
    cases.refused(result, comment, { ...common(kind), rule, message })
  }
}

export function acks(): VectorFile {
  const cases = new Cases()
  const kind: MessageKind = { type: 'ack', author: KEEPER, recipient: PLANT.id, body: [0] }
  addMessage(cases, 'done', kind, { outcome: 'done' }, REPLY)
  addMessage(cases, 'refused', { ...kind, body: [1] }, { outcome: 'refused' }, REPLY)
  addFields(cases, kind, [
    ['no outcome', 16, undefined],
    ['unknown outcome', 16, 2],
    ['outcome below 0', 16, -1],
    ['truth for an outcome', 16, true],
    ['unknown field of the body', 17, null],
  ])
  addAuthors(cases, kind)
  addStanding(cases, kind)
  return cases.file('acks', 'As requests.')
}

export function revocations(): VectorFile {
  const cases = new Cases()
  const kind: MessageKind = {
    type: 'revocation',
    author: KEEPER,
    recipient: null,
    body: [THIEF.id, NOW, null],
  }
  const body = { principalId: THIEF.id, since: NOW, generationId: null }
  addMessage(cases, 'for everything', kind, body)
  const one = { ...kind, body: [THIEF.id, 0, GENERATION_ID, 'lost'] }
  addMessage(cases, 'for one generation, with a reason', one, {
    principalId: THIEF.id,
    since: 0,
    generationId: GENERATION_ID,
    reason: 'lost',
  })
  addFields(cases, kind, [
    ['of nobody', 16, undefined],
    ['principal id of 8 bytes', 16, THIEF.id.slice(0, 8)],
    ['no time', 17, null],
    ['time before 1970', 17, -1],
    ['generation id of 8 bytes', 18, KID],
    ['no generation, not even a null', 18, undefined],
    ['reason of 257 bytes', 19, 'x'.repeat(257)],
    ['unknown field of the body', 20, null],
  ])
  addAuthors(cases, kind)
  addStanding(cases, kind)
  return cases.file('revocations', 'As requests. Whether its author has a say is not tested here.')
}

export function enrolments(): VectorFile {
  const cases = new Cases()
  const newcomer = actor('newcomer')
  const body = (key: Value): readonly (Value | undefined)[] => [
    key,
    'Thermometer',
    'Boiler house',
    ['sensor'],
    ['plant/1/#'],
    bytesOf('token', 16),
  ]
  const own = coseKey('ed25519', newcomer.publicKey)
  const payload = messagePayload(ENVELOPE, body(own))
  const base = { now: NOW, bundle: BUNDLE, recipient: null }
  const sign = (value: Value, by: Actor = newcomer, author = newcomer.id): Uint8Array =>
    statement({ type: 'enrol', signer: by, author, payload: value })
  const full = sign(payload)
  cases.valid('with all there is', {
    ...base,
    author: newcomer.id,
    envelope: { ...ENVELOPE },
    body: {
      publicKey: newcomer.publicKey,
      name: 'Thermometer',
      unit: 'Boiler house',
      roles: ['sensor'],
      produces: ['plant/1/#'],
      token: bytesOf('token', 16),
    },
    payload: cbor(payload),
    digest: sha256(full),
    message: full,
  })
  const bare = changed(payload, [18, undefined], [21, undefined])
  cases.valid('without unit and token', { ...base, message: sign(bare) })
  const identity = coseKey('ed25519', fromHex(`01${'00'.repeat(31)}`))
  const refused: readonly [string, string, Uint8Array][] = [
    ['ERR_SIGNATURE', 'signature changed', tampered(full)],
    ['ERR_SIGNATURE', "somebody else's key", sign(payload, THIEF, THIEF.id)],
    ['ERR_SIGNATURE', "signed by somebody else in the newcomer's name", sign(payload, THIEF)],
    [
      'ERR_SIGNATURE',
      'signed for one recipient',
      statement({ type: 'enrol', signer: newcomer, recipient: ANCHOR.id, payload }),
    ],
    ['ERR_KEY_INVALID', 'the identity for a key', sign(changed(payload, [16, identity]))],
    [
      'ERR_UNSUPPORTED',
      'key on Ed448',
      sign(changed(payload, [16, changed(own as ReadonlyMap<number, Value>, [-1, 7])])),
    ],
  ]
  for (const [result, comment, message] of refused)
    cases.refused(result, comment, { ...base, message })
  const malformed: readonly [string, number, Value | undefined][] = [
    ['no key', 16, undefined],
    ['KEM key', 16, coseKey('x25519', newcomer.publicKey)],
    ['empty name', 17, ''],
    ['name of 256 bytes', 17, 'ä'.repeat(128)],
    ['33 roles', 19, Array.from({ length: 33 }, () => 'r')],
    ['what is no name pattern', 20, ['plant/#/1']],
    ['token of 8 bytes', 21, bytesOf('token', 8)],
    ['unknown field of the body', 22, null],
  ]
  for (const [comment, field, value] of malformed) {
    const message = sign(changed(payload, [field, value]))
    cases.refused('ERR_MALFORMED', comment, { ...base, message })
  }
  return cases.file(
    'enrolments',
    'The author is not vouched for yet: only its possession of the key is verified.',
  )
}
