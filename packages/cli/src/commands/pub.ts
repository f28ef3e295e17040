// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing pub`: seal and publish.
 *
 * @module
 */

import { createInterface } from 'node:readline'
import type { Command } from 'commander'
import type { Endpoint, Producer, PublishOptions } from '@waxwing/client'
import { utf8 } from '@waxwing/core'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { readInput } from '../files.js'
import { assertNotRevoked } from '../identity-text.js'
import { sessionName } from '../session-lock.js'
import { addStreamOptions, producerOptionsFrom, type StreamOptions } from '../stream-options.js'
import { teach } from '../teaching.js'
import { warnUnsigned } from '../unsigned-warning.js'
import { parseDuration } from '../times.js'
import { collected, streamName } from '../wishes.js'

/** Messages that wait for the broker, or for their signature, at once. */
const MAX_UNDER_WAY = 256

const WITHOUT_DOMAIN =
  'This home belongs to no domain: only who pinned its key (waxwing trust pin) will read this.'

interface PubOptions extends StreamOptions {
  readonly lines?: boolean
  readonly retain?: boolean
  readonly contentType?: string
  readonly clearPart?: string
  readonly clear?: readonly string[]
  readonly grantRole?: string
  readonly keepOpen?: boolean
}

export function registerPub(program: Command): void {
  const pub = program
    .command('pub')
    .description('seal a message and publish it; without one, what comes on standard input')
    .argument('<stream>', 'the name of the stream, which is also its topic')
    .argument('[message]', 'the message; - or none: standard input, whole')
    .option('--lines', 'each line of standard input is a message')
    .option('--retain', 'the broker keeps the last message for late subscribers')
    .option('--content-type <type>', 'what the message is, sealed with it')
    .option('--clear-part <text>', 'something that everyone may read and nobody may change')
    .option(
      '--clear <key=value>',
      'a property that brokers may route by and nobody may change unnoticed; may be repeated',
      collected,
    )
    .option('--keep-open', 'stay afterwards, answer requests and show them as they come')
    .option('--grant-role <role>', 'whoever has this role may read; ROLE:30d reaches so far back')
    .action(withContext(run))
  addStreamOptions(pub)
  teach(pub, {
    examples: [
      'pub plant/1/temperature 21.5',
      'sensor | waxwing pub plant/1/temperature --lines --keep-open',
    ],
    next: 'readers ask; `waxwing requests` shows who waits.',
  })
}

async function run(
  context: Context,
  name: string,
  message: string | undefined,
  options: PubOptions,
): Promise<void> {
  const stream = streamName(name)
  publishOptionsFrom(options) // a slip is told before anything is done
  const producerOptions = producerOptionsFrom(options)
  const isShort = options.keepOpen !== true && (message !== undefined || options.lines !== true)
  const { stop } = context
  const endpoint = await openFor(context, stream, isShort)
  endUnlessTrusted(context, endpoint)
  const producer = await endpoint.producer(stream, producerOptions)
  warnUnsigned(context, producer)
  if (endpoint.domain === null) context.output.note(WITHOUT_DOMAIN)
  if (options.grantRole !== undefined) await grantRole(context, endpoint, stream, options.grantRole)
  const count = await publishAll(context, producer, message, options)
  if (options.keepOpen === true) {
    context.output.note('Answering requests. Ctrl-C ends it.')
    await stop.asked
  } else if (count > 0 && !stop.isAsked) {
    context.output.next(
      'waxwing requests   who asks to read',
      'waxwing grant WHO --stream ' + stream,
    )
  }
}

/** Whoever is revoked publishes nothing: neither now nor once it learns of it. */
function endUnlessTrusted(context: Context, endpoint: Endpoint): void {
  assertNotRevoked(endpoint)
  endpoint.on('event', ({ type }) => {
    if (type !== 'trust') return
    try {
      assertNotRevoked(endpoint)
    } catch (error) {
      context.fail(error)
    }
  })
}

async function openFor(context: Context, stream: string, isShort: boolean): Promise<Endpoint> {
  if (isShort) return context.openEndpoint({ part: 'passive' })
  const session = sessionName('pub', stream)
  const endpoint = await context.openEndpoint({ part: 'active', session, showEvents: true })
  return endpoint
}

async function publishAll(
  context: Context,
  producer: Producer,
  message: string | undefined,
  options: PubOptions,
): Promise<number> {
  const { stop } = context
  let count = 0
  const underWay: Promise<void>[] = []
  for await (const plaintext of messagesOf(message, options, stop.signal)) {
    const published = publishOne(context, producer, plaintext, options)
    published.catch(() => undefined) // it is told when it is waited for
    underWay.push(published)
    count++
    if (underWay.length >= MAX_UNDER_WAY) await underWay.shift()
    if (stop.isAsked) break
  }
  await Promise.all(underWay)
  return count
}

async function* messagesOf(
  message: string | undefined,
  options: PubOptions,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (message !== undefined && message !== '-') {
    if (options.lines === true) throw new UsageError('--lines reads standard input: no message')
    yield utf8(message)
    return
  }
  if (options.lines !== true) {
    // With --keep-open and a terminal there may be nothing to say yet.
    if (message === undefined && process.stdin.isTTY) {
      if (options.keepOpen === true) return
      throw new UsageError('say the message, or pipe it in; see waxwing pub --help')
    }
    if (message === undefined && options.keepOpen === true) return
    const plaintext = await readInput('-')
    if (plaintext.length === 0) {
      throw new UsageError("standard input is empty; for an empty message, say ''")
    }
    yield plaintext
    return
  }
  const lines = createInterface({ input: process.stdin, crlfDelay: Infinity, signal })
  for await (const line of lines) yield utf8(line)
}

async function publishOne(
  { output }: Context,
  producer: Producer,
  plaintext: Uint8Array,
  options: PubOptions,
): Promise<void> {
  const receipt = await producer
    .publish(plaintext, publishOptionsFrom(options))
    .catch((error: unknown) => {
      // Of the message, where the options were checked before: it is too long to be sent, or kept.
      const isTooLong = error instanceof RangeError || error instanceof TypeError
      throw isTooLong ? new UsageError(error.message) : error
    })
  const { counter } = receipt
  const { kid, name } = producer
  const signature = producer.generation.manifest.signatureMode
  output.result(
    { published: name, kid, byteCount: plaintext.length, signature, ...receipt },
    `Published to ${producer.name}: message ${counter}, ${plaintext.length} bytes, kid ${producer.kid}`,
  )
}

/** @throws {UsageError} If they contradict each other or are none. */
export function publishOptionsFrom(options: PubOptions): PublishOptions {
  const { contentType, clearPart, clear, retain } = options
  if (clear !== undefined && clearPart !== undefined) {
    throw new UsageError('--clear and --clear-part exclude each other')
  }
  return {
    ...(clear === undefined ? {} : { clearProperties: propertiesFrom(clear) }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(clearPart === undefined ? {} : { clearPart: utf8(clearPart) }),
    ...(retain === undefined ? {} : { retained: retain }),
  }
}

function propertiesFrom(pairs: readonly string[]): Readonly<Record<string, string>> {
  const properties = new Map<string, string>()
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    const key = pair.slice(0, at)
    if (at < 1) throw new UsageError(`--clear is KEY=VALUE, not '${pair}'`)
    if (properties.has(key)) throw new UsageError(`--clear ${key}=… was said twice`)
    properties.set(key, pair.slice(at + 1))
  }
  return Object.fromEntries(properties)
}

async function grantRole(
  { output }: Context,
  endpoint: Endpoint,
  stream: string,
  text: string,
): Promise<void> {
  const [role = '', history] = text.split(':')
  if (role === '') throw new UsageError('--grant-role is ROLE, or ROLE:30d')
  const id = `pub.${stream}.${role}`.replaceAll(/[^\w.-]/g, '-').slice(0, 64)
  const historySeconds = history === undefined ? 0 : parseDuration(history)
  await endpoint.rules.set({ id, streams: stream, to: { role }, historySeconds })
  output.note(`Whoever has the role ${role} may read ${stream} (rule ${id}).`)
}
