// SPDX-License-Identifier: Apache-2.0
/**
 * Acknowledgements: a grant of `share` is kept, a revocation took effect
 * (`docs/spec/07-granting.md` Section 7.7). What is acknowledged stands in the envelope.
 *
 * @module
 */

import { malformed } from '../errors.js'
import type { BodyCodec } from './body.js'

const OUTCOMES = ['done', 'refused'] as const

export interface Ack {
  /** Whether the recipient did what it was told. */
  readonly outcome: (typeof OUTCOMES)[number]
}

export const ackCodec: BodyCodec<Ack> = {
  toCbor: ({ outcome }) => [[0, OUTCOMES.indexOf(outcome)]],
  fromFields(map, from) {
    const outcome = OUTCOMES[map.uint(from, 'outcome')]
    if (outcome === undefined) throw malformed('ack', 'outcome')
    return { outcome }
  },
}
