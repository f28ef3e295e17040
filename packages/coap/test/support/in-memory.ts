// SPDX-License-Identifier: Apache-2.0
/**
 * Handlers plugged into each other without a network: what goes between them is encoded and decoded, so
 * that nothing passes that no message could carry.
 *
 * @module
 */

import { type CoapMessage, type CoapOption, decodeCoap, encodeCoap } from '@waxwing/oscore'
import type { Handler, Peer, Request, Response } from '../../src/handler.js'
import { OPTION, textOption } from '../../src/options.js'

const REQUESTER: Peer = { address: '127.0.0.1', port: 40_000 }

export interface Asking {
  readonly code?: number
  readonly path?: string
  readonly query?: readonly string[]
  readonly options?: readonly CoapOption[]
  readonly payload?: Uint8Array
  readonly peer?: Peer
  readonly signal?: AbortSignal
  readonly security?: { readonly name: string }
}

/** A request to 127.0.0.1; GET without anything by default. */
export function requestTo(asking: Asking = {}): Request {
  const { code = 1, path = '', query = [], options = [], payload = new Uint8Array(0) } = asking
  const segments = path === '' ? [] : path.split('/')
  return {
    code,
    options: [
      ...segments.map((segment) => textOption(OPTION.uriPath, segment)),
      ...query.map((part) => textOption(OPTION.uriQuery, part)),
      ...options,
    ],
    payload,
    peer: asking.peer ?? { address: '127.0.0.1', port: 5683 },
    signal: asking.signal ?? new AbortController().signal,
    ...(asking.security && { security: asking.security }),
  }
}

/** What a network of one server would do, seen from one requester. */
export function network(server: Handler, requester: Peer = REQUESTER): Handler {
  return async (request) => {
    request.signal.throwIfAborted()
    const response = await server({ ...request, ...carried(request), peer: requester })
    return { ...response, ...carried(response) }
  }
}

/** Takes notifications into an array, and lets a test wait for them. */
export function listenTo(response: Response): {
  readonly notifications: CoapMessage[]
  readonly ended: Promise<Error | undefined>
} {
  const notifications: CoapMessage[] = []
  const { promise: ended, resolve } = Promise.withResolvers<Error | undefined>()
  response.notifications?.({
    next: async (notification) => {
      notifications.push(notification)
    },
    end: (error) => resolve(error),
  })
  return { notifications, ended }
}

function carried(message: CoapMessage): CoapMessage {
  return decodeCoap(encodeCoap(message))
}
