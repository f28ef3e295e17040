// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/grant-messages.json`: grants as messages (`docs/spec/07-granting.md` Sections 7.2 and
 * 7.4). Whether they hold is in `vectors/grants.json`.
 *
 * @module
 */

import { DESK, KEEPER, PLANT } from './cast.ts'
import { chain, hexChain, MANIFEST, ROOT, SPAN, steps } from './chains.ts'
import { addAuthors, addFields, addMessage, addStanding, type MessageKind } from './messages.ts'
import { seedOf } from './primitives.ts'
import { nodes } from './tree.ts'
import { Cases, type VectorFile } from './vector-file.ts'

export function grantMessages(): VectorFile {
  const cases = new Cases()
  const keys = nodes(ROOT, SPAN)
  const links = chain(steps(1))
  const kind: MessageKind = {
    type: 'grant',
    author: PLANT,
    recipient: DESK.id,
    body: [MANIFEST, links, keys],
  }
  const body = { manifest: MANIFEST, nodes: keys }
  const reply = { inReplyTo: seedOf('message') }
  addMessage(cases, 'by the producer', kind, { ...body, chain: hexChain(links) }, reply)
  const longer = chain(steps(2))
  const kept = { ...kind, author: KEEPER, body: [MANIFEST, longer, keys] }
  addMessage(cases, 'by a delegate', kept, { ...body, chain: hexChain(longer) })
  const [link = MANIFEST] = links
  addFields(cases, kind, [
    ['no manifest', 16, undefined],
    ['text for the manifest', 16, 'manifest'],
    ['no links', 17, []],
    ['five links', 17, [link, link, link, link, link]],
    ['text for a link', 17, ['link']],
    ['no nodes', 18, new Uint8Array(0)],
    ['half a node', 18, keys.slice(0, 16)],
    ['63 nodes', 18, new Uint8Array(63 * 32)],
    ['unknown field of the body', 19, null],
  ])
  addAuthors(cases, kind)
  addStanding(cases, kind)
  return cases.file('grant-messages', 'As requests. An author in bad standing is no hindrance.')
}
