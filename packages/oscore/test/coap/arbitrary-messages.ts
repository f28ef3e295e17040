// SPDX-License-Identifier: Apache-2.0
/**
 * CoAP messages for property tests: known options often, unknown ones as well, some of them long.
 *
 * @module
 */

import * as fc from 'fast-check'
import type { CoapMessage, CoapOption } from '../../src/index.js'

const FIGURE_5 = [
  1, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 20, 21, 23, 27, 28, 39, 60, 252, 258, 292,
]

const values = fc.oneof(
  { weight: 12, arbitrary: fc.uint8Array({ maxLength: 14 }) },
  { weight: 1, arbitrary: fc.uint8Array({ minLength: 250, maxLength: 300 }) },
)

/** Options of Class U, of which none is repeatable. */
const CLASS_U: ReadonlySet<number> = new Set([3, 7, 21, 39])

const eachOnce = (options: readonly CoapOption[]): CoapOption[] =>
  options.filter(
    ({ number }, i) =>
      !CLASS_U.has(number) || options.findIndex((other) => other.number === number) === i,
  )

/** Any option but OSCORE and Proxy-Uri. */
const anyOption: fc.Arbitrary<CoapOption> = fc.record({
  number: fc.oneof(
    fc.constantFrom(...FIGURE_5),
    fc.integer({ min: 0, max: 65_535 }).filter((number) => number !== 9 && number !== 35),
  ),
  value: values,
})

const codes = (min: number, max: number): fc.Arbitrary<number> => fc.integer({ min, max })

const messagesOf = (code: fc.Arbitrary<number>): fc.Arbitrary<CoapMessage> =>
  fc.record({
    code,
    options: fc.array(anyOption, { maxLength: 8 }).map(eachOnce),
    payload: fc.uint8Array({ maxLength: 40 }),
  })

/** Requests of any method, 0.01 to 0.31. */
export const requests: fc.Arbitrary<CoapMessage> = messagesOf(codes(1, 31))

/** Responses of classes 2 to 5. */
export const responses: fc.Arbitrary<CoapMessage> = messagesOf(codes(64, 191))
