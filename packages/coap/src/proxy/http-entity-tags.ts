// SPDX-License-Identifier: Apache-2.0
/**
 * Entity-tags of CoAP, which are bytes, as those of HTTP, which are text: in hexadecimal (RFC 9110
 * Section 8.8.3, RFC 7252 Section 5.10.6).
 *
 * @module
 */

import { fromHex, toHex } from '@waxwing/core'

/** What a field of a condition says. */
export interface EntityTags {
  /** `*`. */
  readonly any: boolean
  /** Those that CoAP can have. */
  readonly tags: readonly Uint8Array[]
  /** Whether some are none that CoAP can have: these match nothing. */
  readonly hasOthers: boolean
}

const ENTITY_TAG = /(?:^|,)\s*(W\/)?"([^"]*)"\s*(?=,|$)/y
const HEXADECIMAL = /^(?:[0-9a-f]{2}){1,8}$/

/** An ETag header field. */
export function formatEntityTag(tag: Uint8Array): string {
  return `"${toHex(tag)}"`
}

/**
 * Reads If-Match or If-None-Match.
 *
 * @param field - Untrusted.
 * @param comparison - Whether weak tags may match (RFC 9110 Section 8.8.3.2).
 * @returns `undefined` if it is neither `*` nor a list of tags.
 */
export function parseEntityTags(
  field: string,
  comparison: 'strong' | 'weak',
): EntityTags | undefined {
  if (field.trim() === '*') return { any: true, tags: [], hasOthers: false }
  const tags: Uint8Array[] = []
  let hasOthers = false
  let end = 0
  ENTITY_TAG.lastIndex = 0
  for (let match = ENTITY_TAG.exec(field); match !== null; match = ENTITY_TAG.exec(field)) {
    end = ENTITY_TAG.lastIndex
    const [, weak, text = ''] = match
    const isOurs = HEXADECIMAL.test(text) && (weak === undefined || comparison === 'weak')
    if (isOurs) tags.push(fromHex(text))
    else hasOthers = true
  }
  return end === field.length && end > 0 ? { any: false, tags, hasOthers } : undefined
}
