// SPDX-License-Identifier: Apache-2.0
/**
 * Recognises a request that is repeated with an Echo option, where the first one was executed and its
 * response could not be sent.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { type CoapMessage, encodeCoap, OPTION } from '@waxwing/oscore'
import { withoutOptions } from '../options.js'

/** The same for two requests that differ in nothing but Echo. */
export function fingerprintOf(request: CoapMessage): string {
  const options = withoutOptions(request.options, OPTION.echo)
  return createHash('sha256')
    .update(encodeCoap({ ...request, options }))
    .digest('base64')
}
