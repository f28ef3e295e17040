// SPDX-License-Identifier: Apache-2.0
/**
 * Revocations: a principal shall read no more (`docs/spec/07-granting.md` Section 7.8). Signed by
 * the anchor, for the whole domain, or by who granted upstream, for what it granted. Idempotent.
 *
 * @module
 */

import type { CborValue } from '../cbor/cbor.js'
import { MAX_REASON_BYTES, type BodyCodec } from './body.js'

export interface Revocation {
  /** Who is revoked. */
  readonly principalId: Uint8Array
  /** Seconds since 1970. */
  readonly since: number
  /** The one generation that is meant, or `null` for all. */
  readonly generationId: Uint8Array | null
  readonly reason?: string | undefined
}

export const revocationCodec: BodyCodec<Revocation> = {
  toCbor({ principalId, since, generationId, reason }) {
    const fields: [number, CborValue][] = [
      [0, principalId],
      [1, since],
      [2, generationId],
    ]
    if (reason !== undefined) fields.push([3, reason])
    return fields
  },
  fromFields: (map, from) => ({
    principalId: map.bytes(from, 'principal', { length: 32 }),
    since: map.uint(from + 1, 'since'),
    generationId: map.bytesOrNull(from + 2, 'generation id', { length: 32 }),
    reason: map.optText(from + 3, 'reason', { maxBytes: MAX_REASON_BYTES }),
  }),
}
