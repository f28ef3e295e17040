// SPDX-License-Identifier: Apache-2.0
/**
 * Which requests belong to one body (RFC 7959 Section 2.4 and 2.5, RFC 9175 Section 3.3): those of one
 * requester, with one method and the same options but those of the single message.
 *
 * @module
 */

import { type CoapMessage, sortOptions } from '@waxwing/oscore'
import type { Request } from '../handler.js'
import { isNoCacheKey, OPTION } from '../options.js'

/** Say something of one message, not of the body. */
const OF_ONE_MESSAGE: ReadonlySet<number> = new Set([
  OPTION.block1,
  OPTION.block2,
  OPTION.observe,
  OPTION.noResponse,
  OPTION.hopLimit,
])

/** Who asks: by name where that was proved, whichever way the request came; else by address. */
export function requesterOf({ security, peer }: Request): string {
  return security === undefined ? `${peer.address} ${peer.port}` : `=${security.name}`
}

/** The same text for all requests of one body, and for no other. */
export function bodyKey(request: Request): string {
  return `${requesterOf(request)}\n${request.code}\n${optionsKey(request)}`
}

function optionsKey({ options }: CoapMessage): string {
  let key = ''
  for (const { number, value } of sortOptions(options)) {
    if (OF_ONE_MESSAGE.has(number) || isNoCacheKey(number)) continue
    key += `${number}:${value.length}:`
    for (const byte of value) key += String.fromCharCode(byte)
  }
  return key
}
