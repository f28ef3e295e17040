// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing grant` and `waxwing deny`: deciding who reads, asked or unasked.
 *
 * @module
 */

import type { Command } from 'commander'
import { toBase64Url, WaxwingError, type DenialCode } from '@waxwing/core'
import type { Endpoint, GrantTerms, IncomingRequest } from '@waxwing/client'
import { carriedGrants } from '../carried-grants.js'
import { withContext, type Context } from '../context.js'
import { findGrantee } from '../directory.js'
import { writeItems } from '../files.js'
import {
  askedFrom,
  epochLengths,
  futureWarning,
  termsFrom,
  termsText,
  wholeEpochs,
  withTermOptions,
  type TermOptions,
} from '../granting-terms.js'
import { lookupOf } from '../showing-events.js'
import { teach } from '../teaching.js'
import { oneOf, streamName, named } from '../wishes.js'

interface GrantOptions extends TermOptions {
  readonly stream?: string
  readonly out?: string
}

const CODES: readonly DenialCode[] = ['not-authorized', 'out-of-span', 'rate-limited']

export function registerGrant(program: Command): void {
  const grant = program
    .command('grant')
    .description('let somebody read: a request that waits, or a principal that did not ask')
    .argument('<who>', 'a request, or the name or id of a principal')
    .option('--stream <name>', 'the stream; needed where nobody asked')
    .option('--out <file>', 'write the grant to a file instead of leaving it in the broker')
    .action(withContext(run))
  teach(withTermOptions(grant), {
    examples: [
      'grant 7hQm2x_0aBcD',
      'grant dashboard --stream plant/1/temperature --from "30d ago" --until now',
      'grant contractor --stream plant/1/temperature --lease 24h',
    ],
    next: 'the reader opens what it kept; `waxwing revoke` takes the future back.',
    notes: [
      'Times are rounded to whole epochs of the stream (1h, if `pub --epoch` said nothing): the epoch',
      'that contains --until can be read to its end, even what is published later in it.',
    ],
  })
  teach(
    program
      .command('deny')
      .description('say no to a request that waits')
      .argument('<request>', 'the request, as `waxwing requests` shows it')
      .option('--code <code>', `why: ${CODES.join(', ')}`, 'not-authorized')
      .action(withContext(deny)),
    {
      examples: ['deny 7hQm2x_0aBcD'],
      next: 'the reader is told, and what it kept of this expires in a day.',
    },
  )
}

async function run(context: Context, who: string, options: GrantOptions): Promise<void> {
  if (options.from !== undefined) termsFrom(options) // a slip is told before anything else
  const part = options.out === undefined ? 'passive' : 'offline'
  const endpoint = await context.openEndpoint({ part })
  const waiting = await requestsOf(endpoint, named(who))
  if (options.stream === undefined && waiting.length === 0) {
    throw new WaxwingError(
      'ERR_KEY_UNKNOWN',
      `no request of '${named(who)}' waits (waxwing requests); to grant unasked, say --stream`,
      { rule: 'request' },
    )
  }
  const isUnasked = options.stream !== undefined || options.out !== undefined
  if (isUnasked) await grantUnasked(context, endpoint, { who: named(who), waiting, options })
  else await grantRequests(context, endpoint, waiting, options)
}

async function grantRequests(
  { output }: Context,
  endpoint: Endpoint,
  waiting: readonly IncomingRequest[],
  options: GrantOptions,
): Promise<void> {
  const { epochSeconds } = lookupOf(endpoint)
  for (const request of waiting) {
    const { requestId, principal, stream } = request
    const terms = termsFrom(options, askedFrom([request], epochSeconds))
    await endpoint.decide(requestId, request.grant(terms))
    tell(output, { endpoint, name: principal.name, id: principal.id, stream, terms })
  }
}

async function grantUnasked(
  { output }: Context,
  endpoint: Endpoint,
  inputs: { who: string; waiting: readonly IncomingRequest[]; options: GrantOptions },
): Promise<void> {
  const { who, waiting, options } = inputs
  const { out } = options
  const [request] = waiting
  const stream = streamName(options.stream ?? request?.stream ?? '')
  const principal = await findGrantee(endpoint, request?.principal.id ?? who)
  const asked = waiting.filter((each) => each.stream === stream)
  const terms = termsFrom(options, askedFrom(asked, lookupOf(endpoint).epochSeconds))
  const id = toBase64Url(principal.id)
  if (out === undefined) await endpoint.grant(stream, id, terms)
  else {
    const grants = await carriedGrants(endpoint, stream, id, terms)
    writeItems(
      out,
      grants.map(({ payload }) => payload),
    )
  }
  for (const { requestId } of asked) await endpoint.parts.granter.pending.remove(requestId)
  tell(output, { endpoint, name: principal.name, id, stream, terms, file: out })
}

async function deny(
  context: Context,
  id: string,
  options: { readonly code: string },
): Promise<void> {
  const endpoint = await context.openEndpoint({ part: 'passive' })
  const code = oneOf(CODES, options.code, '--code')
  const waiting = await requestsOf(endpoint, named(id))
  if (waiting.length === 0) {
    const message = `no request of '${named(id)}' waits (waxwing requests)`
    throw new WaxwingError('ERR_KEY_UNKNOWN', message, { rule: 'request' })
  }
  for (const request of waiting) {
    await endpoint.decide(request.requestId, request.deny(code))
    const { principal, stream, requestId } = request
    context.output.result(
      { denied: requestId, principal: principal.id, stream, code },
      `Denied: ${principal.name} does not get ${stream} (${code})`,
    )
  }
}

/** The requests that are meant: one by its id, or all of one principal. */
async function requestsOf(endpoint: Endpoint, who: string): Promise<readonly IncomingRequest[]> {
  const all = await endpoint.requests()
  const unique = new Map(all.map((request) => [request.requestId, request]))
  return [...unique.values()].filter(
    ({ requestId, principal }) =>
      requestId === who || principal.name === who || principal.id === who,
  )
}

function tell(
  output: Context['output'],
  granted: {
    endpoint: Endpoint
    name: string
    id: string
    stream: string
    terms: GrantTerms
    file?: string | undefined
  },
): void {
  const { endpoint, name, id, stream, file } = granted
  const terms = wholeEpochs(granted.terms, epochLengths(endpoint, stream))
  const warning = futureWarning(granted.terms, terms, Date.now())
  output.result(
    {
      granted: id,
      name,
      stream,
      from: terms.from?.toISOString(),
      until: terms.until?.toISOString(),
      leaseSeconds: terms.leaseSeconds,
      rights: terms.rights,
      file,
    },
    [
      `Granted: ${name} may read ${stream} ${termsText(terms)}`,
      ...(file === undefined ? [] : [`Wrote ${file}`]),
    ],
  )
  if (warning !== undefined) output.warn(warning)
  if (file !== undefined) output.next(`send it to ${name}, for: waxwing take ${file}`)
}
