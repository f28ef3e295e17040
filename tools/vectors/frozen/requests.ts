// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/requests.json`: requests, and with them what holds for the envelope and the framing of all
 * messages (`docs/spec/07-granting.md` Sections 7.1 to 7.3).
 *
 * @module
 */

import { DESK, KEEPER, NOW } from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { GENERATION_ID } from './chains.ts'
import {
  addAuthors,
  addFields,
  addMessage,
  addStanding,
  common,
  payloadOf,
  signed,
  type MessageKind,
} from './messages.ts'
import { bytesOf, seedOf } from './primitives.ts'
import { changed, header } from './statements.ts'
import { LAST_EPOCH } from './tree.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const KID = GENERATION_ID.slice(0, 8)

function request(...body: readonly Value[]): MessageKind {
  return { type: 'request', author: DESK, recipient: KEEPER.id, body }
}

const PLAIN = request(KID, [[0, LAST_EPOCH]], 1)

export function requests(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addFraming(cases)
  addEnvelopes(cases)
  addFields(cases, PLAIN, [
    ['no kid', 16, undefined],
    ['kid of 5 bytes', 16, KID.slice(0, 5)],
    ['kid of 32 bytes', 16, GENERATION_ID],
    ['no spans', 17, []],
    ['17 spans', 17, Array.from({ length: 17 }, () => [0, 0])],
    ['span that runs backwards', 17, [[1, 0]]],
    ['span that is no array', 17, [0]],
    ['no rights', 18, 0],
    ['unknown rights', 18, 3],
    ['reason of 257 bytes', 19, `${'ä'.repeat(128)}x`],
    ['unknown field of the body', 20, null],
  ])
  addAuthors(cases, PLAIN)
  addStanding(cases, PLAIN)
  return cases.file(
    'requests',
    'message came to recipient (null: to whom it may concern), who trusts bundle, at now. digest is ' +
      'what an answer names in reply to. envelope and body are what the payload says.',
  )
}

function addValid(cases: Cases): void {
  const all = { first: 0, last: LAST_EPOCH }
  addMessage(cases, 'for all there is', PLAIN, { kid: KID, spans: [all], rights: 'read' })
  const short = request(
    KID.slice(0, 4),
    [
      [1, 2],
      [9, 9],
    ],
    2,
    'to see',
  )
  addMessage(cases, 'with a short kid, two spans and a reason, to share', short, {
    kid: KID.slice(0, 4),
    spans: [
      { first: 1, last: 2 },
      { first: 9, last: 9 },
    ],
    rights: 'share',
    reason: 'to see',
  })
  const body = { kid: KID, spans: [all], rights: 'read' }
  addMessage(cases, 'open to all', { ...PLAIN, recipient: null }, body)
  addMessage(cases, 'that lasts a hundred years', PLAIN, body, { expires: NOW + 3_155_760_000 })
  addMessage(cases, 'with all there is in its envelope', PLAIN, body, {
    inReplyTo: seedOf('message'),
    bundle: [7, bytesOf('bundle digest', 8)],
    keyCard: bytesOf('key card', 40),
  })
}

function addFraming(cases: Cases): void {
  const right = header('request', DESK.id)
  const payload = payloadOf(PLAIN)
  const framed = (comment: string, result: string, input: Parameters<typeof signed>[2]): void => {
    cases.refused(result, comment, { ...common(PLAIN), message: signed(PLAIN, payload, input) })
  }
  const headed = (comment: string, result: string, label: number, value?: Value): void => {
    framed(comment, result, { protectedHeader: changed(right, [label, value]) })
  }
  headed('no typ', 'ERR_UNSUPPORTED', 16)
  headed('unknown typ', 'ERR_UNSUPPORTED', 16, 'waxwing-note+cose')
  headed('typ of a statement that is no message', 'ERR_UNSUPPORTED', 16, 'waxwing-link+cose')
  headed('alg EdDSA', 'ERR_UNSUPPORTED', 1, -8)
  headed('no alg', 'ERR_UNSUPPORTED', 1)
  headed('kid of 8 bytes', 'ERR_MALFORMED', 4, DESK.id.slice(0, 8))
  headed('content type in the header', 'ERR_UNSUPPORTED', 3, 0)
  headed('crit', 'ERR_UNSUPPORTED', 2, [16])
  framed('something in the unprotected header', 'ERR_UNSUPPORTED', {
    unprotectedHeader: new Map([[33, 0]]),
  })
  framed('tag of COSE_Sign', 'ERR_MALFORMED', { tag: 98 })
  const bytes = signed(PLAIN, payload)
  cases.refused('ERR_MALFORMED', 'no tag', { ...common(PLAIN), message: bytes.slice(1) })
  cases.refused('ERR_MALFORMED', 'cut off', { ...common(PLAIN), message: bytes.slice(0, -1) })
  cases.refused('ERR_MALFORMED', 'array for the payload', {
    ...common(PLAIN),
    message: signed(PLAIN, [cbor(payload)]),
  })
}

function addEnvelopes(cases: Cases): void {
  addFields(cases, PLAIN, [
    ['no id', 1, undefined],
    ['id of 8 bytes', 1, bytesOf('message id', 8)],
    ['no time of issue', 2, undefined],
    ['expires before it is issued', 3, NOW - 1],
    ['lasts longer than a hundred years', 3, NOW + 3_155_760_001],
    ['in reply to 8 bytes', 4, bytesOf('message', 8)],
    ['bundle without a digest', 5, [7]],
    ['digest of a bundle of 32 bytes', 5, [7, seedOf('bundle digest')]],
    ['text for the credential', 6, 'me'],
    ['null for the key card', 7, null],
    ['unknown field of the envelope', 8, null],
    ['field with a text key', 'note', null],
  ])
}
