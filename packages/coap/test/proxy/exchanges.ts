// SPDX-License-Identifier: Apache-2.0
/**
 * Requests and responses of the tests, and handlers that tell what they were asked.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'
import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import {
  type Handler,
  METHOD,
  type NotificationListener,
  OPTION,
  type Peer,
  type Request,
  type Response,
  RESPONSE,
  textOption,
  uintOption,
} from '../../src/index.js'

/** A client. */
export const REQUESTER: Peer = { address: '192.0.2.1', port: 40_000 }
const ORIGIN: Peer = { address: '192.0.2.9', port: 5683 }

/** A request from {@link REQUESTER}. */
export function requestOf(
  options: readonly CoapOption[] = [],
  init: Partial<Request> = {},
): Request {
  const signal = new AbortController().signal
  const payload = new Uint8Array(0)
  return { code: METHOD.GET, options, payload, peer: REQUESTER, signal, ...init }
}

/** A request to {@link ORIGIN}, as a client's network gets it. */
export function askFor(path: string, { options = [], ...init }: Partial<Request> = {}): Request {
  const segments = path.split('/').map((segment) => textOption(OPTION.uriPath, segment))
  return requestOf([...segments, ...options], { peer: ORIGIN, ...init })
}

/** Options for a proxy. */
export function proxyUri(uri: string): readonly CoapOption[] {
  return [textOption(OPTION.proxyUri, uri)]
}

/** 2.05 with text. */
export function contentOf(text: string, options: readonly CoapOption[] = []): Response {
  return { code: RESPONSE.content, options, payload: utf8(text) }
}

export function maxAge(seconds: number): CoapOption {
  return uintOption(OPTION.maxAge, seconds)
}

export function etag(...bytes: readonly number[]): CoapOption {
  return { number: OPTION.etag, value: Uint8Array.from(bytes) }
}

export function textOf({ payload }: CoapMessage): string {
  return Buffer.from(payload).toString('utf8')
}

/** A server that keeps what it was asked. */
export interface Recorder {
  readonly asked: Request[]
  readonly handler: Handler
}

export function recorder(answer: Handler): Recorder {
  const asked: Request[] = []
  return {
    asked,
    handler: (request) => {
      asked.push(request)
      return answer(request)
    },
  }
}

/** An observation that the test drives. */
export interface Driven {
  readonly handler: Handler
  readonly listener: () => NotificationListener
  readonly signal: () => AbortSignal
}

/** A server that answers with an observation. */
export function observable(first: Response): Driven {
  let started: NotificationListener | undefined
  let signal: AbortSignal | undefined
  return {
    handler: async (request) => {
      signal = request.signal
      const observe = uintOption(OPTION.observe, 1)
      return {
        ...first,
        options: [observe, ...first.options],
        notifications: (listener) => void (started = listener),
      }
    },
    listener: () => {
      if (started === undefined) throw new Error('nobody listens')
      return started
    },
    signal: () => signal ?? AbortSignal.abort(),
  }
}
