// SPDX-License-Identifier: Apache-2.0
/**
 * What the proxy between HTTP and CoAP answers itself.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'

/** A response, as it is written to HTTP. */
export interface HttpAnswer {
  readonly status: number
  /** Absent where the usual one of the status says it all. */
  readonly reason?: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
}

/** Carries an answer out of the middle of the work. */
export class HttpRefusal extends Error {
  readonly answer: HttpAnswer

  constructor(status: number, why: string, headers: Readonly<Record<string, string>> = {}) {
    super(why)
    this.answer = plainAnswer(status, why, headers)
  }
}

/** An answer in words. */
export function plainAnswer(
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): HttpAnswer {
  const type = { 'Content-Type': 'text/plain; charset=utf-8' }
  return { status, headers: { ...type, ...headers }, body: utf8(text) }
}
