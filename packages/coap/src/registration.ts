// SPDX-License-Identifier: Apache-2.0
/**
 * Requests that ask for notifications.
 *
 * @module
 */

import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { isSafeMethod } from './codes.js'
import { OPTION, readUint } from './options.js'

/** Whether a request has Observe 0, on a method that reads (RFC 7641 Section 2, RFC 8132 Section 2.4). */
export function isRegistration(request: CoapMessage): boolean {
  const value = optionValue(request, OPTION.observe)
  return value !== undefined && readUint(value) === 0 && isSafeMethod(request.code)
}
