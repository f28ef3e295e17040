// SPDX-License-Identifier: Apache-2.0
/**
 * A proxy between HTTP and CoAP, with the origin behind it in memory.
 *
 * @module
 */

import { onTestFinished } from 'vitest'
import {
  type Handler,
  type HttpCrossProxy,
  httpCrossProxy,
  type HttpCrossProxyOptions,
} from '../../src/index.js'
import { contentOf, recorder, type Recorder } from './exchanges.js'
import { askHttp, type HttpGot, type HttpInit } from './http-asking.js'

/** A resource at the origin. */
export const LIGHT = 'coap://192.0.2.9/light'

export interface CrossProxied {
  readonly origin: Recorder
  readonly proxy: HttpCrossProxy
  readonly ask: (target: string, init?: HttpInit) => Promise<HttpGot>
}

/** Starts a proxy before an origin that answers so. */
export async function startCrossProxy(
  answer: Handler = async () => contentOf('on'),
  options: Partial<HttpCrossProxyOptions> = {},
): Promise<CrossProxied> {
  const origin = recorder(answer)
  const proxy = await httpCrossProxy({
    network: origin.handler,
    allow: ['192.0.2.9', '[2001:db8::9]', 'sensor.example', 'lost.example'],
    authorize: () => true,
    lookup: async (host) => {
      if (host === 'sensor.example') return '192.0.2.9'
      throw new Error('ENOTFOUND')
    },
    ...options,
  })
  onTestFinished(() => proxy.close())
  const path = new URL(proxy.url).pathname
  return { origin, proxy, ask: (target, init) => askHttp(proxy.port, path + target, init) }
}
