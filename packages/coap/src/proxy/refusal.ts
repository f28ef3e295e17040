// SPDX-License-Identifier: Apache-2.0
/**
 * What a proxy answers itself, in the place of the server that it did not ask or did not understand (RFC
 * 7252 Sections 5.7.1 and 5.9.3).
 *
 * @module
 */

import { utf8, WaxwingError } from '@waxwing/core'
import { RESPONSE } from '../codes.js'
import type { Response } from '../handler.js'

/** Carries an answer out of the middle of a proxy's work. */
export class Refusal extends Error {
  readonly response: Response

  constructor(responseCode: number, diagnostic: string) {
    super(diagnostic)
    this.response = refuse(responseCode, diagnostic)
  }
}

/** An error response with a diagnostic payload (RFC 7252 Section 5.5.2). */
export function refuse(responseCode: number, diagnostic: string): Response {
  return { code: responseCode, options: [], payload: utf8(diagnostic) }
}

/**
 * What to answer where a request failed for want of a response.
 *
 * @throws What was thrown, where it is none of the network's failures.
 */
export function responseTo(error: unknown): Response {
  if (error instanceof Refusal) return error.response
  if (!(error instanceof WaxwingError)) throw error
  if (error.code === 'ERR_TIMEOUT') return refuse(RESPONSE.gatewayTimeout, 'no response in time')
  if (error.code === 'ERR_CLOSED') return refuse(RESPONSE.serviceUnavailable, 'the proxy ends')
  return refuse(RESPONSE.badGateway, 'no response that can be used')
}

/** Answers what no proxy and no route is for. */
export async function nothingHere(): Promise<Response> {
  return refuse(RESPONSE.notFound, '')
}
