// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/links.json`: links by themselves (`docs/spec/07-granting.md` Section 7.5.1).
 *
 * @module
 */

import { DESK, NOW, PLANT } from './cast.ts'
import { cbor, type Value } from './cbor.ts'
import { END, GENERATION_ID, kemKeyOf, SPAN } from './chains.ts'
import { bytesOf, seedOf, sha256 } from './primitives.ts'
import { changed, linkPayload, statement, type LinkInput } from './statements.ts'
import { LAST_EPOCH } from './tree.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const BASE: LinkInput = {
  generationId: GENERATION_ID,
  grantId: bytesOf('grant id', 16),
  issuer: PLANT.id,
  grantee: DESK.id,
  kemKey: kemKeyOf(DESK),
  span: SPAN,
  rights: 'share',
  depth: 3,
  issued: NOW,
  end: END,
  parent: null,
  nodesDigest: seedOf('nodes'),
  credential: PLANT.credential,
}

export function links(): VectorFile {
  const cases = new Cases()
  const varied: readonly [string, Partial<LinkInput>][] = [
    ['first, to share as deep as can be', {}],
    ['to share once', { depth: 1 }],
    ['to read', { rights: 'read', depth: 0 }],
    ['below another', { depth: 2, parent: seedOf('parent') }],
    ['without end', { end: null }],
    ['open-ended', { span: { first: 0, last: LAST_EPOCH } }],
    ['of one epoch', { span: { first: LAST_EPOCH, last: LAST_EPOCH } }],
    ['by an issuer that is only pinned', { credential: null }],
    ['that ends later than any epoch', { end: Number.MAX_SAFE_INTEGER }],
  ]
  for (const [comment, changes] of varied) {
    const input = { ...BASE, ...changes }
    const payload = linkPayload(input)
    const link = statement({ type: 'link', signer: PLANT, payload })
    const { span, ...fields } = input
    cases.valid(comment, {
      ...fields,
      span: { first: span.first, last: span.last },
      payload: cbor(payload),
      digest: sha256(link),
      link,
    })
  }
  addRefused(cases)
  return cases.file('links', 'digest is SHA-256 of link: what the next link names as its parent.')
}

function addRefused(cases: Cases): void {
  const payload = linkPayload(BASE)
  const changes: readonly [string, number, Value | undefined][] = [
    ['generation id of 8 bytes', 1, GENERATION_ID.slice(0, 8)],
    ['grant id of 32 bytes', 2, seedOf('grant id')],
    ['no issuer', 3, undefined],
    ['text for the grantee', 4, 'desk'],
    ['KEM key of 8 bytes', 5, seedOf('KEM key').slice(0, 8)],
    ['span that runs backwards', 6, [2, 1]],
    ['span beyond the last epoch', 6, [0, LAST_EPOCH + 1]],
    ['span of three', 6, [0, 1, 2]],
    ['no rights', 7, 0],
    ['unknown rights', 7, 3],
    ['right to read that may be passed on', 7, 1],
    ['right to share that may not', 8, 0],
    ['depth of 4', 8, 4],
    ['issued before 1970', 9, -1],
    ['no end, not even a null', 10, undefined],
    ['parent of 8 bytes', 11, seedOf('parent').slice(0, 8)],
    ['no digest of the nodes', 12, null],
    ['map for the credential', 13, new Map()],
    ['unknown field', 14, null],
  ]
  for (const [comment, field, value] of changes) {
    const link = statement({
      type: 'link',
      signer: PLANT,
      author: PLANT.id,
      payload: changed(payload, [field, value]),
    })
    cases.refused('ERR_MALFORMED', comment, { link })
  }
}
