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
import { spansText, toJson } from '../wording.js'

export function registerRequests(program: Command): void {
  teach(
    program
      .command('requests')
      .description('list who asks to read and waits for an answer')
      .option('--watch', 'stay, listen for requests and show them as they come')
      .action(withContext(run)),
    {
      examples: ['requests', 'requests --watch'],
      next: '`waxwing grant REQUEST` or `waxwing deny REQUEST`.',
    },
  )
}

async function run(context: Context, options: { readonly watch?: boolean }): Promise<void> {
  if (options.watch !== true) {
    const endpoint = await context.openEndpoint({ part: 'offline' })
    const count = await list(context, endpoint)
    if (count === 0) context.output.note('Nobody waits for an answer.')
    else context.output.next('waxwing grant REQUEST   or   waxwing deny REQUEST')
    return
  }
  const { stop } = context
  const endpoint = await context.openEndpoint({
    part: 'active',
    session: 'requests',
    showEvents: true,
  })
  await list(context, endpoint)
  context.output.note('Listening for requests. Ctrl-C ends it.')
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
