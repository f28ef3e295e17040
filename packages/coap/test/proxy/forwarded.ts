// SPDX-License-Identifier: Apache-2.0
/**
 * A forward proxy before an origin in memory.
 *
 * @module
 */

import type { CoapOption } from '@waxwing/oscore'
import {
  codeName,
  forwardProxy,
  type ForwardProxyOptions,
  type Handler,
  optionValues,
} from '../../src/index.js'
import { contentOf, recorder, type Recorder, requestOf } from './exchanges.js'

/** What is asked for where it does not matter. */
export const TARGET = 'coap://192.0.2.9/light/1?on'

/** A proxy, and what it asks. */
export interface Forwarded {
  readonly origin: Recorder
  readonly proxy: Handler
}

/** A proxy before an origin that answers so. */
export function proxyBefore(
  answer: Handler,
  options: Partial<ForwardProxyOptions> = {},
): Forwarded {
  const origin = recorder(answer)
  const allow = ['192.0.2.9', 'sensor.example', '[2001:db8::9]:61616']
  const lookup = async (host: string): Promise<string> => {
    if (host === 'sensor.example') return '192.0.2.9'
    throw new Error('ENOTFOUND')
  }
  return { origin, proxy: forwardProxy({ network: origin.handler, allow, lookup, ...options }) }
}

export const content: Handler = async () => contentOf('on')

/** What the options of a number say. */
export function texts(options: readonly CoapOption[], number: number): readonly string[] {
  return optionValues({ code: 1, options, payload: new Uint8Array(0) }, number).map((value) =>
    Buffer.from(value).toString(),
  )
}

/** The code of the answer to a request with these options. */
export async function codeFor(proxy: Handler, options: readonly CoapOption[]): Promise<string> {
  return codeName((await proxy(requestOf(options))).code)
}
