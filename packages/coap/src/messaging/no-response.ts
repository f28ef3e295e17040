// SPDX-License-Identifier: Apache-2.0
/**
 * The No-Response option (RFC 7967): classes of responses that a client does not want.
 *
 * @module
 */

import { type CoapMessage, OPTION, optionValue } from '@waxwing/oscore'
import { readUint } from '../options.js'

const SUCCESS = 2
/** Bits 2, 4 and 5 of the value: 2.xx, 4.xx and 5.xx (Section 2.1). */
const ALL_CLASSES = 0b11010

/** Whether the request says that a response of this code need not be sent. */
export function isUnwanted(request: CoapMessage, responseCode: number): boolean {
  return (unwantedClasses(request) & (1 << ((responseCode >> 5) - 1))) !== 0
}

/** What the request makes of silence: nothing, a sign that all is well, or all that ever comes. */
export function silenceMeans(request: CoapMessage): 'failure' | 'perhaps success' | 'the end' {
  const classes = unwantedClasses(request)
  if ((classes & ALL_CLASSES) === ALL_CLASSES) return 'the end'
  return (classes & SUCCESS) === 0 ? 'failure' : 'perhaps success'
}

function unwantedClasses(request: CoapMessage): number {
  const value = optionValue(request, OPTION.noResponse)
  return value === undefined ? 0 : (readUint(value) ?? 0)
}
