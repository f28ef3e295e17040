// SPDX-License-Identifier: Apache-2.0
/**
 * A server of CoAP that a command runs until it is to end.
 *
 * @module
 */

import { type CoapServer, coapServer, type CoapServerOptions, DEFAULT_PORT } from '@waxwing/coap'
import { WaxwingError } from '@waxwing/core'
import type { Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { messageOf } from '../output.js'
import { wholeNumber } from '../wishes.js'

/** Where somebody wants it to listen. */
export interface ListeningOptions {
  readonly host?: string
  readonly port?: string
}

/**
 * Starts a server, which is closed with the command.
 *
 * @throws {UsageError} If the address or the port is none.
 * @throws {WaxwingError} `ERR_TRANSPORT` if it cannot be had.
 */
export async function listen(
  context: Context,
  { host, port = String(DEFAULT_PORT) }: ListeningOptions,
  options: CoapServerOptions,
): Promise<CoapServer> {
  const server = await started({
    ...options,
    port: wholeNumber(port, '--port', 0),
    ...(host === undefined ? {} : { host }),
  })
  context.defer(() => server.close())
  server.onError((error) => context.output.warn(`Problem: ${messageOf(error)}`))
  return server
}

/** Where a server listens, for people: a socket may be at all addresses of the machine. */
export function placeOf({ uri, address }: CoapServer): string {
  const isEverywhere = address.address === '0.0.0.0' || address.address === '::'
  return isEverywhere ? `${uri} and all other addresses of this machine` : uri
}

async function started(options: CoapServerOptions): Promise<CoapServer> {
  try {
    return await coapServer(options)
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) {
      throw new UsageError(`--${error.message}`)
    }
    if (!(error instanceof WaxwingError)) throw error
    const { code, message } = error
    throw new WaxwingError(code, message, { rule: 'coap-listen' }, { cause: error })
  }
}
