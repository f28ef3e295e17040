// SPDX-License-Identifier: Apache-2.0
/**
 * What a server or proxy is asked, as it is asked: who, what, and what the answer was.
 *
 * @module
 */

import {
  codeName,
  contentFormatOf,
  DEFAULT_PORT,
  formatCoapUri,
  formatPath,
  type Handler,
  type Layer,
  methodOf,
  OPTION,
  optionValues,
  type Peer,
  readText,
  readUint,
  type Request,
  type Response,
  uriOf,
} from '@waxwing/coap'
import { isOscoreMessage } from '@waxwing/oscore'
import type { Output } from '../output.js'
import { formatTime } from '../times.js'
import { codeText } from '../inspect/coap-codes.js'
import { shownName } from './home-security.js'

/** Refusals are told this often at the most, anybody can cause them; and what of one body is protected. */
const PAUSE_MS = 1000

/** A request, as it is told of. */
interface Asked {
  readonly request: Request
  /** The address that it came from; `undefined` if that was HTTP. */
  readonly from: string | undefined
  readonly target: string
}

export class RequestLog {
  readonly #output: Output
  #untoldCount = 0
  #toldAt = -Infinity
  #lastProtected = ''
  #protectedAt = -Infinity
  requestCount = 0

  constructor(output: Output) {
    this.#output = output
  }

  /** Tells of each request that the handler behind answered. */
  readonly layer: Layer = (next: Handler) => async (request) => {
    const response = await next(request)
    this.#tell({ request, from: peerText(request.peer), target: targetOf(request) }, response)
    return response
  }

  /** The same behind a proxy over HTTP: who asked is not in its requests, and their peer is the server. */
  readonly httpLayer: Layer = (next: Handler) => async (request) => {
    const response = await next(request)
    this.#tell({ request, from: undefined, target: formatCoapUri(uriOf(request)) }, response)
    return response
  }

  /** Tells of a request that had no right to be answered, as far as it says who sent it. */
  refused(peer: Peer, error: Error): void {
    const now = performance.now()
    if (now - this.#toldAt < PAUSE_MS) {
      this.#untoldCount++
      return
    }
    const others = this.#untoldCount === 0 ? '' : ` (and ${this.#untoldCount} more before)`
    this.#toldAt = now
    this.#untoldCount = 0
    this.#output.warn(`Refused a request of ${peerText(peer)}: ${error.message}${others}`)
  }

  /** Blocks of a protected body are told as one. */
  #isOfOneBody({ from = '', target }: Asked): boolean {
    const key = `${from} ${target}`
    const now = performance.now()
    const isSoon = key === this.#lastProtected && now - this.#protectedAt < PAUSE_MS
    this.#lastProtected = key
    this.#protectedAt = now
    return isSoon
  }

  #tell(asked: Asked, response: Response): void {
    const { request, from, target } = asked
    this.requestCount++
    const isProtected = isOscoreMessage(request)
    if (isProtected && !this.#output.json && this.#isOfOneBody(asked)) return
    const now = new Date()
    const who = request.security === undefined ? undefined : shownName(request.security.name)
    const method = methodOf(request.code) ?? codeName(request.code)
    const isObserved = response.notifications !== undefined
    const facts = [
      formatTime(now, 'second'),
      who ?? from ?? 'by HTTP',
      isProtected ? `(protected) ${target}` : `${method} ${target}`,
      ...(isProtected ? [] : [codeText(response.code)]),
      ...(response.payload.length === 0 ? [] : [`${response.payload.length} bytes`]),
      ...(isObserved ? ['observed'] : []),
    ]
    this.#output.result(
      {
        at: now.toISOString(),
        peer: who,
        address: from,
        ...(from === undefined && { byHttp: true }),
        method: isProtected ? undefined : method,
        target,
        code: codeName(response.code),
        requestBytes: request.payload.length,
        responseBytes: response.payload.length,
        contentFormat: contentFormatOf(response),
        observed: isObserved,
        protected: isProtected || who !== undefined,
      },
      facts.join('  '),
    )
  }
}

/** A peer as a URI has it. */
function peerText({ address, port }: Peer): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`
}

/** What is asked for, as it is said: untrusted text. */
function targetOf(request: Request): string {
  const [proxyUri] = texts(request, OPTION.proxyUri)
  if (proxyUri !== undefined) return proxyUri
  const [host] = texts(request, OPTION.uriHost)
  const isProxied = request.options.some(({ number }) => number === OPTION.proxyScheme)
  const path = texts(request, OPTION.uriPath)
  const query = texts(request, OPTION.uriQuery)
  const tail = isOscoreMessage(request)
    ? ''
    : `${formatPath(path)}${query.length === 0 ? '' : `?${query.join('&')}`}`
  return isProxied && host !== undefined ? `coap://${host}${portOf(request)}${tail}` : tail
}

function portOf(request: Request): string {
  const [value] = optionValues(request, OPTION.uriPort)
  const port = value === undefined ? DEFAULT_PORT : readUint(value)
  return port === DEFAULT_PORT ? '' : `:${port ?? '?'}`
}

function texts(request: Request, number: number): readonly string[] {
  return optionValues(request, number).map((value) => readText(value) ?? '?')
}
