// SPDX-License-Identifier: Apache-2.0
/**
 * Entity tags made from what they stand for (RFC 7252 Section 5.10.6), where an application gives none.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { type CoapMessage, type CoapOption, optionValue } from '@waxwing/oscore'
import { isNoCacheKey, OPTION, withoutOptions } from './options.js'

/** The longest that a tag may be: two representations share one by chance after billions of them. */
const TAG_BYTES = 8

/** The tag of a response: its own, or a digest of what makes up its representation. */
export function etagOf(response: CoapMessage): Uint8Array {
  return optionValue(response, OPTION.etag) ?? digest(response)
}

/** The response with its tag. */
export function withEtag<T extends CoapMessage>(response: T): T {
  if (optionValue(response, OPTION.etag) !== undefined) return response
  const etag: CoapOption = { number: OPTION.etag, value: digest(response) }
  return { ...response, options: [...response.options, etag] }
}

function digest({ code, options, payload }: CoapMessage): Uint8Array {
  const hash = createHash('sha256').update(Uint8Array.of(code))
  for (const { number, value } of withoutOptions(options, OPTION.maxAge, OPTION.observe)) {
    if (isNoCacheKey(number)) continue
    hash.update(Uint8Array.of(number >> 8, number & 0xff, value.length >> 8, value.length & 0xff))
    hash.update(value)
  }
  return new Uint8Array(hash.update(payload).digest().subarray(0, TAG_BYTES))
}
