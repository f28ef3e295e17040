// SPDX-License-Identifier: Apache-2.0
/**
 * Endpoints on loopback, and requests to them.
 *
 * @module
 */

import { code, type CoapOption, OPTION } from '@waxwing/oscore'
import { onTestFinished } from 'vitest'
import type { Handler, Peer, Request, Response } from '../../src/handler.ts'
import { openUdpEndpoint, type UdpEndpoint } from '../../src/messaging/index.ts'
import type { UdpEndpointOptions } from '../../src/messaging/udp-endpoint.ts'
import { textOption, uintOption } from '../../src/options.ts'

export const GET: number = code(0, 1)
export const POST: number = code(0, 2)
export const CONTENT: number = code(2, 5)
export const CHANGED: number = code(2, 4)

/** Timeouts as short as a loopback allows. */
export const FAST = { ackTimeoutMs: 40, ackDelayMs: 15, responseTimeoutMs: 2_000 } as const

/** An endpoint on loopback that ends with the test. */
async function openEndpoint(options: UdpEndpointOptions = {}): Promise<UdpEndpoint> {
  const endpoint = await openUdpEndpoint({ host: '127.0.0.1', ...options })
  onTestFinished(() => endpoint.close())
  return endpoint
}

/** A client with short timeouts. */
export function openClient(options: UdpEndpointOptions = {}): Promise<UdpEndpoint> {
  return openEndpoint({ transmission: FAST, ...options })
}

/** A server with short timeouts. */
export function openServer(
  handler: Handler,
  options: UdpEndpointOptions = {},
): Promise<UdpEndpoint> {
  return openEndpoint({ transmission: FAST, handler, ...options })
}

export function requestTo(peer: Peer, init: Partial<Request> = {}): Request {
  return {
    code: GET,
    options: [],
    payload: new Uint8Array(0),
    peer,
    signal: new AbortController().signal,
    ...init,
  }
}

export function observing(peer: Peer, init: Partial<Request> = {}): Request {
  return requestTo(peer, { options: [uintOption(OPTION.observe, 0)], ...init })
}

export function content(text: string, options: readonly CoapOption[] = []): Response {
  return { code: CONTENT, options, payload: Buffer.from(text) }
}

export function path(text: string): CoapOption {
  return textOption(OPTION.uriPath, text)
}

export function textOf({ payload }: { readonly payload: Uint8Array }): string {
  return Buffer.from(payload).toString()
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
