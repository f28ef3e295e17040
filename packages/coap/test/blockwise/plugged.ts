// SPDX-License-Identifier: Apache-2.0
/**
 * A client and a server of block-wise transfer, plugged into each other.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import {
  blockwiseClient,
  type BlockwiseOptions,
  blockwiseServer,
  type BlockwiseServerOptions,
} from '../../src/blockwise/index.js'
import { RESPONSE } from '../../src/codes.js'
import type { Handler, Request, Response } from '../../src/handler.js'
import { network } from '../support/in-memory.js'

/** All there are. */
export const BLOCK_SIZES = [16, 32, 64, 128, 256, 512, 1024] as const

/** Bytes that differ in each block. */
export function body(size: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length: size }, (_, at) => (at * 31 + (at >> 8) * 17 + seed) & 0xff)
}

/** A response without options. */
export function respond(payload: Uint8Array, code: number = RESPONSE.content): Response {
  return { code, options: [], payload }
}

/** What each side wants, and who sees what goes between. */
export interface Sides {
  readonly server?: BlockwiseServerOptions
  readonly client?: BlockwiseOptions
  /** Sees what goes over the network. */
  readonly spy?: (request: Request, response: CoapMessage) => void
}

/** A client before a server before a handler. */
export function plugged(handler: Handler, { server, client, spy }: Sides = {}): Handler {
  const wire = network(blockwiseServer(server)(handler))
  return blockwiseClient(client)(async (request) => {
    const response = await wire(request)
    spy?.(request, response)
    return response
  })
}
