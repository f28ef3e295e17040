// SPDX-License-Identifier: Apache-2.0
/**
 * Servers, as people name them: `sensor.example`, `192.0.2.7:61616`, `[::1]`, or with `coap://` before.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { authorityOf, type CoapUri, parseCoapUri } from '@waxwing/coap'
import { UsageError } from '../exit-codes.js'

/** A server as keys are kept for it: `host:port`. @throws {UsageError} If it is none. */
export function parseAuthority(text: string): string {
  const uri = readUri(text.includes('://') ? text : `coap://${text}`)
  if (uri !== undefined && uri.path.length === 0 && uri.query.length === 0) {
    return authorityOfUri(uri)
  }
  throw new UsageError(`'${text}' is no server: write HOST or HOST:PORT`)
}

/** Whom a URI asks: `host:port`. */
export function authorityOfUri({ host: address, port }: CoapUri): string {
  return authorityOf({ code: 0, options: [], payload: new Uint8Array(0), peer: { address, port } })
}

/** A URI as it is typed; `coap://` may be left out. @throws {UsageError} If it is none. */
export function coapUri(text: string): string {
  const uri = text.includes('://') ? text : `coap://${text}`
  if (readUri(uri) !== undefined) return uri
  throw new UsageError(
    `'${text}' is no URI of CoAP: write coap://HOST/PATH or coap://HOST:PORT/PATH`,
  )
}

function readUri(uri: string): CoapUri | undefined {
  try {
    return parseCoapUri(uri)
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}
