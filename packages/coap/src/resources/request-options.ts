// SPDX-License-Identifier: Apache-2.0
/**
 * Which options of a request a server with resources understands (RFC 7252 Sections 5.4.1, 5.4.3 and
 * 5.4.5).
 *
 * @module
 */

import type { CoapOption } from '@waxwing/oscore'
import { isCritical, OPTION } from '../options.js'

interface Shape {
  readonly minBytes: number
  readonly maxBytes: number
  readonly isRepeatable: boolean
}

const once = (minBytes: number, maxBytes: number): Shape => ({
  minBytes,
  maxBytes,
  isRepeatable: false,
})
const repeated = (minBytes: number, maxBytes: number): Shape => ({
  minBytes,
  maxBytes,
  isRepeatable: true,
})

/** The critical options that are understood (RFC 7252 Section 5.10). */
const UNDERSTOOD: ReadonlyMap<number, Shape> = new Map([
  [OPTION.ifMatch, repeated(0, 8)],
  [OPTION.uriHost, once(1, 255)],
  [OPTION.ifNoneMatch, once(0, 0)],
  [OPTION.uriPort, once(0, 2)],
  [OPTION.uriPath, repeated(0, 255)],
  [OPTION.uriQuery, repeated(0, 255)],
  [OPTION.accept, once(0, 2)],
])

/**
 * The number of a critical option that is not understood, is too long, or comes too often; `undefined` if
 * there is none.
 */
export function refusedOption(options: readonly CoapOption[]): number | undefined {
  const seen = new Set<number>()
  for (const { number, value } of options) {
    if (!isCritical(number)) continue
    const shape = UNDERSTOOD.get(number)
    const isUnderstood =
      shape !== undefined &&
      value.length >= shape.minBytes &&
      value.length <= shape.maxBytes &&
      (shape.isRepeatable || !seen.has(number))
    if (!isUnderstood) return number
    seen.add(number)
  }
  return undefined
}
