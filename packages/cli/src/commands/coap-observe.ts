// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing coap observe` and `waxwing coap discover`: what becomes of a resource, and what there is.
 *
 * @module
 */

import type { Command } from 'commander'
import { WaxwingError } from '@waxwing/core'
import type { CoapResponse, Link } from '@waxwing/coap'
import {
  acceptOption,
  addAskingOptions,
  type Asking,
  type AskingOptions,
  asAskingError,
  askOptions,
  assertSuccess,
  inTime,
  openAsking,
} from '../coap/asking.js'
import { payloadLines, protectionText, responseValue } from '../coap/response-text.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { counted, messageOf } from '../output.js'
import { teach } from '../teaching.js'
import { formatTime, parseDuration } from '../times.js'
import { wholeNumber } from '../wishes.js'

interface ObserveOptions extends AskingOptions {
  readonly count?: string
  readonly for?: string
  readonly raw?: boolean
}

export function registerCoapObserve(coap: Command): void {
  const observe = coap
    .command('observe')
    .description('show the state of a resource, and each change of it')
    .argument('<uri>', 'coap://HOST[:PORT]/PATH')
    .option('--count <n>', 'end after so many states')
    .option('--for <duration>', 'end after this time')
    .option('--raw', 'print nothing but the payloads, byte for byte; on a terminal a line each')
    .action(withContext(runObserve))
  teach(addAskingOptions(observe), {
    examples: ['coap observe coap://sensor.example/temperature --for 1h'],
    next: 'Ctrl-C ends it, and tells the server.',
    notes: ['Of states that come faster than they can be told, the newest is shown.'],
  })
  const discover = coap
    .command('discover')
    .description('list what a server has')
    .argument('<uri>', 'coap://HOST[:PORT]')
    .argument('[filters...]', 'only what fits: rt=temperature, href=/sensors*, obs')
    .action(withContext(runDiscover))
  teach(addAskingOptions(discover), {
    examples: ['coap discover coap://sensor.example', 'coap discover sensor.example "rt=temp*"'],
    next: '`waxwing coap get` shows one of them.',
  })
}

async function runObserve(context: Context, uri: string, options: ObserveOptions): Promise<void> {
  const { output, stop } = context
  const limit = options.count === undefined ? Infinity : wholeNumber(options.count, '--count')
  const forMs = options.for === undefined ? undefined : parseDuration(options.for) * 1000
  const asking = await openAsking(context, uri, options)
  if (forMs !== undefined) setTimeout(() => stop.ask(), forMs).unref()
  output.note(`Observing ${asking.uri}; ${protectionText(asking.protection)}. Ctrl-C ends it.`)
  const shown = await showStates(context, asking, options, limit)
  output.note(`Shown ${counted(shown, 'state')}.`)
}

async function showStates(
  context: Context,
  { client, uri, protection }: Asking,
  options: ObserveOptions,
  limit: number,
): Promise<number> {
  const { output, stop } = context
  const patience = new AbortController()
  const timer = firstAnswerTimer(options.timeout, patience)
  const states = client.observe(uri, {
    ...acceptOption(options),
    signal: AbortSignal.any([stop.signal, patience.signal]),
    onInterruption: (error) => output.note(`Registering again: ${messageOf(error)}`),
  })
  let shown = 0
  try {
    for await (const state of states) {
      clearTimeout(timer)
      assertSuccess(state)
      showState(context, state, protection, options)
      shown++
      if (shown >= limit) break
    }
  } catch (error) {
    if (!stop.isAsked) throw asAskingError(error, options.timeout)
  } finally {
    clearTimeout(timer)
  }
  if (shown === 1 && limit > 1 && !stop.isAsked) {
    throw new UsageError(`${uri} cannot be observed: this was its state, once`)
  }
  return shown
}

/** A state that never changes is no failure: only the first one has to come in time. */
function firstAnswerTimer(
  timeout: string | undefined,
  patience: AbortController,
): NodeJS.Timeout | undefined {
  if (timeout === undefined) return undefined
  const late = new WaxwingError('ERR_TIMEOUT', `no answer came within ${timeout}`)
  return setTimeout(() => patience.abort(late), parseDuration(timeout) * 1000)
}

function showState(
  { output }: Context,
  state: CoapResponse,
  protection: Asking['protection'],
  { raw }: ObserveOptions,
): void {
  if (raw === true) {
    output.raw(state.payload)
    return
  }
  const now = new Date()
  const [first = '', ...rest] = payloadLines(state)
  const lines = [`${formatTime(now, 'second')}  ${first}`, ...rest.map((line) => `    ${line}`)]
  const value = { at: now.toISOString(), ...responseValue(state, protection) }
  output.result(value, lines)
}

async function runDiscover(
  context: Context,
  uri: string,
  filters: readonly string[],
  options: AskingOptions,
): Promise<void> {
  const { output } = context
  const asking = await openAsking(context, uri, options)
  const { signal } = askOptions(context, options)
  const wanted = Object.fromEntries(filters.map(parseFilter))
  const asked = asking.client.discover(asking.uri, wanted, signal === undefined ? {} : { signal })
  const links = await inTime(asked, options)
  for (const link of links) {
    output.result({ href: link.href, attributes: link.attributes }, linkLine(link))
  }
  output.note(`${counted(links.length, 'resource')}; ${protectionText(asking.protection)}`)
}

function parseFilter(text: string): readonly [string, string] {
  const [, name = '', value] = /^([\w-]+)(?:=(.*))?$/.exec(text) ?? []
  if (name === '') throw new UsageError(`'${text}' is no filter: write rt=temperature`)
  return [name, value ?? '*']
}

function linkLine({ href, attributes }: Link): string {
  const facts = Object.entries(attributes).map(([name, value]) =>
    value === true ? name : `${name} ${value}`,
  )
  return facts.length === 0 ? href : `${href.padEnd(24)}  ${facts.join('; ')}`
}
