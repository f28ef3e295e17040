// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing requests`: who asks to read.
 *
 * @module
 */

import type { Command } from 'commander'
import type { Endpoint, IncomingRequest } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { shortId } from '../output.js'
import { lookupOf } from '../showing-events.js'
import { teach } from '../teaching.js'
import { formatDuration, parseDuration } from '../times.js'
import { spansText, toJson } from '../wording.js'

interface RequestsOptions {
  readonly watch?: boolean
  readonly for?: string
}

/** So long somebody listens who did not say for how long. */
const LISTEN_SECONDS = 5
/** Who asks for several generations does so within this time. */
const QUIET_MS = 700

export function registerRequests(program: Command): void {
  teach(
    program
      .command('requests')
      .description('list who asks to read and waits for an answer; if there is nobody, listen')
      .option('--watch', 'stay, listen for requests and show them as they come')
      .option(
        '--for <duration>',
        `listen so long; default: ${LISTEN_SECONDS}s, with --watch no end`,
      )
      .action(withContext(run)),
    {
      examples: ['requests', 'requests --for 2m', 'requests --watch'],
      next: '`waxwing grant REQUEST` or `waxwing deny REQUEST`.',
      notes: [
        'A broker keeps no requests: only what asks while `requests --watch` or `pub --keep-open` runs',
        'is heard. Readers that were not answered ask again, at longer and longer intervals.',
      ],
    },
  )
}

async function run(context: Context, options: RequestsOptions): Promise<void> {
  const forMs = options.for === undefined ? undefined : parseDuration(options.for) * 1000
  if (options.watch === true) return watch(context, forMs)
  const { output } = context
  let count = forMs === undefined ? await listHeld(context) : 0
  if (count === 0) {
    const listenMs = forMs ?? LISTEN_SECONDS * 1000
    const endpoint = await context.openEndpoint({ part: 'listening', orOffline: true })
    await listen(context, endpoint, listenMs, forMs === undefined)
    count = await list(context, endpoint)
  }
  if (count > 0) output.next('waxwing grant REQUEST   or', 'waxwing deny REQUEST')
  else output.note(['Nobody waits for an answer, and nobody asked just now.', KEEP_LISTENING])
}

const KEEP_LISTENING =
  'Who asks while nobody listens is not heard: `waxwing requests --watch` stays and listens.'

/** What was heard before. */
async function listHeld(context: Context): Promise<number> {
  const endpoint = await context.openEndpoint({ part: 'offline' })
  const count = await list(context, endpoint)
  await endpoint.close()
  return count
}

async function listen(
  { output, stop }: Context,
  endpoint: Endpoint,
  forMs: number,
  endsEarly: boolean,
): Promise<void> {
  if (endpoint.parts.transport === undefined) return
  output.note(`Listening for requests for ${formatDuration(forMs / 1000)}.`)
  let timer = setTimeout(() => stop.ask(), forMs)
  const unlisten = endpoint.on('event', ({ type }) => {
    if (!endsEarly || type !== 'request') return
    clearTimeout(timer)
    timer = setTimeout(() => stop.ask(), QUIET_MS)
  })
  await stop.asked
  clearTimeout(timer)
  unlisten()
}

async function watch(context: Context, forMs: number | undefined): Promise<void> {
  const { stop } = context
  const endpoint = await context.openEndpoint({
    part: 'active',
    session: 'requests',
    showEvents: true,
  })
  await list(context, endpoint)
  context.output.note('Listening for requests. Ctrl-C ends it.')
  if (forMs !== undefined) setTimeout(() => stop.ask(), forMs).unref()
  await stop.asked
}

async function list({ output }: Context, endpoint: Endpoint): Promise<number> {
  const lookup = lookupOf(endpoint)
  const requests = await endpoint.requests()
  for (const request of requests) {
    output.result(requestValue(request), [
      `${request.requestId}  ${request.principal.name} (${shortId(request.principal.id)}) ` +
        `asks for ${request.stream} ${spansText(request.spans, lookup.epochSeconds(request.stream))}`,
      ...(request.reason === undefined ? [] : [`              because: ${request.reason}`]),
    ])
  }
  return requests.length
}

function requestValue(request: IncomingRequest): {
  readonly [key: string]: ReturnType<typeof toJson>
} {
  const { requestId, principal, stream, kid, spans, rights, reason } = request
  return {
    request: requestId,
    principal: toJson(principal),
    stream,
    kid,
    spans: toJson(spans),
    rights,
    reason,
  }
}
