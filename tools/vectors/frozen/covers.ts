// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/covers.json`: spans, their covers and the keys of these (`docs/spec/05-keys.md`
 * Section 5.3).
 *
 * @module
 */

import { EPOCH } from './cast.ts'
import { cbor, join, type Value } from './cbor.ts'
import { seedOf } from './primitives.ts'
import { cover, LAST_EPOCH, nodes, type Span } from './tree.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const ROOT = seedOf('root')

export function covers(): VectorFile {
  const cases = new Cases()
  const spans: readonly [string, Span][] = [
    ['every epoch: the root alone', { first: 0, last: LAST_EPOCH }],
    ['the first epoch', { first: 0, last: 0 }],
    ['the last epoch', { first: LAST_EPOCH, last: LAST_EPOCH }],
    ['the left half of the tree', { first: 0, last: 2 ** 31 - 1 }],
    ['two leaves that are no siblings', { first: 1, last: 2 }],
    ['two leaves in different halves', { first: 2 ** 31 - 1, last: 2 ** 31 }],
    ['all but the first and the last epoch: the largest cover', { first: 1, last: LAST_EPOCH - 1 }],
    ['all but the first epoch: the largest open-ended cover', { first: 1, last: LAST_EPOCH }],
    ['a day of hours', { first: EPOCH, last: EPOCH + 23 }],
    ['thirty days of hours', { first: EPOCH - 719, last: EPOCH }],
    ['from a moment on', { first: EPOCH, last: LAST_EPOCH }],
    ['until a moment', { first: 0, last: EPOCH }],
  ]
  for (const [comment, span] of spans) {
    cases.valid(comment, {
      span: spanOf(span),
      first: span.first,
      last: span.last,
      root: ROOT,
      positions: cover(span),
      nodes: nodes(ROOT, span),
    })
  }
  addRefused(cases)
  return cases.file(
    'covers',
    'span is the CBOR of [first, last]; positions are [depth, index] of the nodes of its cover, from ' +
      'left to right; nodes are their 32-byte keys, one after the other, derived from root.',
  )
}

function addRefused(cases: Cases): void {
  const refuse = (comment: string, span: Value, keys: Uint8Array): void => {
    cases.refused('ERR_MALFORMED', comment, { span: cbor(span), nodes: keys })
  }
  const one = nodes(ROOT, { first: 0, last: 0 })
  const spans: readonly [string, Value][] = [
    ['a span that runs backwards', [1, 0]],
    ['a span beyond the last epoch', [0, LAST_EPOCH + 1]],
    ['a span that begins below 0', [-1, 0]],
    ['a span of one number', [0]],
    ['a span of three numbers', [0, 0, 0]],
    ['a span of text', ['0', '0']],
    ['a span without its end', [0, null]],
    ['a number for a span', 0],
    ['a map for a span', new Map([[0, 0]])],
  ]
  for (const [comment, span] of spans) refuse(comment, span, one)
  const day = { first: EPOCH, last: EPOCH + 23 }
  const right = nodes(ROOT, day)
  refuse('no nodes', [day.first, day.last], new Uint8Array(0))
  refuse('a node too few', [day.first, day.last], right.slice(32))
  refuse('a node too many', [day.first, day.last], join(right, right.slice(0, 32)))
  refuse('half a node too few', [day.first, day.last], right.slice(16))
}

function spanOf({ first, last }: Span): Uint8Array {
  return cbor([first, last])
}
