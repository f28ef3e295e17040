// SPDX-License-Identifier: Apache-2.0
/**
 * HTTP as the tests speak it, without anything that puts URLs in order.
 *
 * @module
 */

import { once } from 'node:events'
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from 'node:http'
import { buffer } from 'node:stream/consumers'

export interface HttpGot {
  readonly status: number | undefined
  readonly reason: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface HttpInit {
  readonly method?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

const agent = new Agent({ keepAlive: false })

/** Asks `path` at a loopback port. */
export async function askHttp(port: number, path: string, init: HttpInit = {}): Promise<HttpGot> {
  const { method = 'GET', headers = {}, body } = init
  const sent = request({ host: '127.0.0.1', port, path, method, headers, agent })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  return {
    status: response.statusCode,
    reason: response.statusMessage,
    headers: response.headers,
    body: await buffer(response),
  }
}
