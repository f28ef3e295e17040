// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap proxy`: pass requests on, and keep answers, without being able to read what is protected.
 *
 * @module
 */

import { timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import {
  blockwiseClient,
  type Caching,
  caching,
  DEFAULT_PORT,
  forwardProxy,
  type Handler,
  httpCrossProxy,
  openUdpEndpoint,
  reverseProxy,
  type ReverseRoute,
} from '@waxwing/coap'
import { coapUri } from '../coap/authority.js'
import { listen, type ListeningOptions, placeOf } from '../coap/listening.js'
import { RequestLog } from '../coap/request-log.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { counted, messageOf } from '../output.js'
import { teach } from '../teaching.js'
import { wholeNumber } from '../wishes.js'

interface ProxyOptions extends ListeningOptions {
  readonly allow?: readonly string[]
  readonly route?: readonly string[]
  readonly cache?: boolean
  readonly cacheBytes?: string
  readonly http?: string
  readonly httpHost?: string
  readonly httpTokenFile?: string
}

const STATUS_MS = 1000
const LOOPBACK = '127.0.0.1'

export function registerCoapProxy(coap: Command): void {
  const proxy = coap
    .command('proxy')
    .description('pass requests on to servers, and keep answers for the next who ask')
    .option(
      '--allow <server...>',
      'whom clients may name: HOST, HOST:PORT, *.example; * is anybody',
    )
    .option('--route <route...>', 'what to ask for what: /PREFIX=coap://HOST, or NAME=coap://HOST')
    .option('--cache', 'keep answers as long as they are fresh')
    .option('--cache-bytes <n>', 'at most so many bytes of them; default: 16 MiB')
    .option('--port <n>', `the UDP port; default: ${DEFAULT_PORT}; 0 for one that is free`)
    .option('--host <address>', 'listen at this address alone; default: all of the machine')
    .action(withContext(run))
  proxy
    .optionsGroup('From HTTP (RFC 8075):')
    .option('--http <port>', 'be reached by HTTP too, for what --allow names')
    .option('--http-host <address>', `listen at this address; default: ${LOOPBACK}`)
    .option('--http-token-file <file>', 'only for who shows this token (Authorization: Bearer)')
  teach(proxy, {
    examples: [
      'coap proxy --allow "*.plant.example" --cache',
      'coap proxy --route /north=coap://10.0.0.7 --route /south=coap://10.0.0.8',
    ],
    next: '`waxwing coap get coap://sensor.plant.example/temperature --proxy coap://PROXY`.',
    notes: [
      'It needs no key. What OSCORE protects passes as it is: it is not kept, for it is never the same',
      'twice. Sealed objects are kept as any other content, and nobody can change them unnoticed.',
      'By HTTP, requests that a web page of another site had a browser make are refused without a token.',
    ],
  })
}

async function run(context: Context, options: ProxyOptions): Promise<void> {
  const { output, stop } = context
  const { allow, route = [] } = options
  if (allow === undefined && route.length === 0) {
    throw new UsageError('say whom it may ask: --allow HOST, or --route /PREFIX=coap://HOST')
  }
  const log = new RequestLog(output)
  const cache = cacheOf(options)
  const behind = await openUdpEndpoint()
  context.defer(() => behind.close())
  const direct = blockwiseClient()(behind.network)
  const network = cache === undefined ? direct : cache.layer(direct)
  const server = await listen(context, options, { handler: log.layer(handlerOf(network, options)) })
  output.note(`Proxy at ${placeOf(server)}. Ctrl-C ends it.`)
  if (options.http !== undefined) await listenHttp(context, log.httpLayer(network), options)
  const status = setInterval(() => output.status(tally(log, cache)), STATUS_MS)
  await stop.asked
  clearInterval(status)
  output.progressDone()
  output.result({ requests: log.requestCount, ...cache?.stats }, `Passed on ${tally(log, cache)}`)
}

/** Forward for whom clients name, reverse for the rest. */
function handlerOf(network: Handler, { allow, route = [] }: ProxyOptions): Handler {
  const local =
    route.length === 0 ? undefined : reverseProxy({ network, routes: route.map(toRoute) })
  if (allow === undefined && local !== undefined) return local
  return forwardProxy({
    network,
    allow: allowedBy(allow ?? []),
    ...(local === undefined ? {} : { local }),
  })
}

function cacheOf({ cache = false, cacheBytes }: ProxyOptions): Caching | undefined {
  if (cacheBytes !== undefined) {
    return caching({ maxBytes: wholeNumber(cacheBytes, '--cache-bytes') })
  }
  return cache ? caching() : undefined
}

/** @throws {UsageError} If it is none. */
function toRoute(text: string): ReverseRoute {
  const [, from = '', to = ''] = /^([^=]+)=(.+)$/.exec(text) ?? []
  if (from === '') throw new UsageError(`'${text}' is no route: write /PREFIX=coap://HOST`)
  const target = coapUri(to)
  if (from.startsWith('/')) return { path: from.replace(/^\/+|\/+$/g, ''), to: target }
  return { host: from, to: target }
}

/** Patterns of hosts, each with or without a port. @throws {UsageError} If one is none. */
function allowedBy(patterns: readonly string[]): readonly string[] {
  for (const text of patterns) {
    if (/^(?:\[[^\]]+\]|[^:]+)(?::\d+)?$/.test(text)) continue
    throw new UsageError(`'${text}' is no server: write HOST, HOST:PORT or *.HOST`)
  }
  return patterns
}

async function listenHttp(
  context: Context,
  network: Handler,
  options: ProxyOptions,
): Promise<void> {
  const { http = '', httpHost = LOOPBACK, httpTokenFile, allow } = options
  if (allow === undefined) throw new UsageError('--http is for what --allow names: say it')
  const isLocal = httpHost === '::1' || httpHost.startsWith('127.')
  if (!isLocal && httpTokenFile === undefined) {
    throw new UsageError(
      '--http-host beyond loopback needs --http-token-file: else anybody may ask',
    )
  }
  const token = httpTokenFile === undefined ? undefined : tokenOf(httpTokenFile)
  const proxy = await httpCrossProxy({
    network,
    allow: allowedBy(allow),
    authorize: ({ headers }) => token === undefined || isBearer(headers.authorization, token),
    otherSites: token !== undefined,
    host: httpHost,
    port: wholeNumber(http, '--http', 0),
    onError: (error) => context.output.warn(`Problem: ${messageOf(error)}`),
  })
  context.defer(() => proxy.close())
  context.output.note(`By HTTP at ${proxy.url}coap://HOST/PATH`)
}

function tokenOf(file: string): string {
  const token = readFileSync(file, 'utf8').trim()
  if (token === '') throw new UsageError(`${file} is empty`)
  return token
}

function isBearer(header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

function tally(log: RequestLog, cache: Caching | undefined): string {
  const requests = counted(log.requestCount, 'request')
  if (cache === undefined) return requests
  const { hits, misses, validated, shared, entries, bytes } = cache.stats
  return (
    `${requests}; cache: ${counted(hits, 'hit')}, ${counted(misses, 'miss', 'misses')} ` +
    `(${validated} validated), ${shared} shared; ${counted(entries, 'answer')}, ` +
    `${counted(bytes, 'byte')} kept`
  )
}
