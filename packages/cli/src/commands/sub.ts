// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing sub`: read what arrives.
 *
 * @module
 */

import type { Command } from 'commander'
import { WaxwingError } from '@waxwing/core'
import type { Message, Reader, ReaderOptions, UnprotectedMessage } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { messageLines, messageValue, unprotectedLines, unprotectedValue } from '../message-text.js'
import { counted } from '../output.js'
import { Patience } from '../patience.js'
import { sessionName } from '../session-lock.js'
import { teach } from '../teaching.js'
import { parseDuration } from '../times.js'
import { namePattern, oneOf, wholeNumber } from '../wishes.js'

interface SubOptions {
  readonly maxAge?: string
  readonly order?: string
  readonly count?: string
  readonly for?: string
  readonly timeout?: string
  readonly reason?: string
  readonly passUnprotected?: boolean
  readonly acceptUnsigned?: boolean
  readonly anyTopic?: boolean
  readonly name?: string
  readonly raw?: boolean
}

export function registerSub(program: Command): void {
  const sub = program
    .command('sub')
    .description('read the streams of a pattern; what there is no key for is kept, and asked for')
    .argument('<filter>', 'a stream name or pattern: plant/+/temperature, plant/#')
    .option('--reason <text>', 'why you want to read: shown to who decides')
    .option('--count <n>', 'end after so many messages')
    .option('--for <duration>', 'end after this time')
    .option('--timeout <duration>', 'give up if nothing comes for this time')
    .option('--max-age <duration>', 'refuse what is older')
    .option('--order <order>', 'arrival, or session: wait a little for what is missing', 'arrival')
    .option('--name <name>', 'a reader of its own, which starts afresh; default: the filter')
    .option('--raw', 'print nothing but the content, byte for byte; on a terminal a line each')
    .action(withContext(run))
  sub
    .optionsGroup('Less protection:')
    .option('--accept-unsigned', 'accept streams that any of their readers can write')
    .option('--any-topic', 'accept messages that were moved to another topic')
    .option('--pass-unprotected', 'show payloads that nothing protects, marked as such')
  teach(sub, {
    examples: ['sub plant/+/temperature --reason "dashboard in the hall"', 'sub "plant/#" --json'],
    next: 'whoever produces the stream sees the request with `waxwing requests`.',
  })
}

async function run(context: Context, filter: string, options: SubOptions): Promise<void> {
  const pattern = namePattern(filter)
  const readerOptions = readerOptionsFrom(options)
  const count = options.count === undefined ? Infinity : wholeNumber(options.count, '--count')
  const forMs = options.for === undefined ? undefined : parseDuration(options.for) * 1000
  const { stop, output } = context
  const session = sessionName('sub', options.name ?? filter)
  const endpoint = await context.openEndpoint({ part: 'active', session, showEvents: true })
  const reader = endpoint.reader(pattern, readerOptions)
  const close = (): void => void reader.close({ keepSubscription: true })
  stop.signal.addEventListener('abort', close, { once: true })
  if (stop.isAsked) close()
  await context.untilSubscribed(reader)
  output.note(`Reading ${filter}. Ctrl-C ends it.`)
  if (forMs !== undefined) setTimeout(() => stop.ask(), forMs).unref()
  const shown = await showMessages(context, reader, { count, options })
  output.note(`Read ${counted(shown, 'message')}.`)
}

async function showMessages(
  context: Context,
  reader: Reader<Message | UnprotectedMessage>,
  { count, options }: { count: number; options: SubOptions },
): Promise<number> {
  const { stop, output } = context
  const patience = new Patience(options.timeout, () => stop.ask())
  let shown = 0
  for await (const message of reader) {
    patience.renew()
    if (options.raw === true) output.raw(contentOf(message))
    else if (message.kind === 'message') output.result(messageValue(message), messageLines(message))
    else output.result(unprotectedValue(message), unprotectedLines(message))
    await message.acknowledge()
    shown++
    if (shown >= count) break
  }
  patience.end()
  if (!patience.isOver) return shown
  if (!context.isReached) {
    throw new WaxwingError('ERR_TRANSPORT', 'the broker was never reached', { rule: 'connect' })
  }
  throw new WaxwingError('ERR_TIMEOUT', `nothing came for ${options.timeout ?? ''}`)
}

/** @throws {UsageError} If they are none. */
export function readerOptionsFrom(options: SubOptions): ReaderOptions {
  const { maxAge, order = 'arrival', reason, name } = options
  return {
    order: oneOf(['arrival', 'session'] as const, order, '--order'),
    topicBinding: options.anyTopic === true ? 'report' : 'strict',
    acceptUnsigned: options.acceptUnsigned === true,
    passUnprotected: options.passUnprotected === true,
    ...(maxAge === undefined ? {} : { maxAgeMs: parseDuration(maxAge) * 1000 }),
    ...(reason === undefined ? {} : { reason }),
    ...(name === undefined ? {} : { name }),
  }
}

function contentOf(message: Message | UnprotectedMessage): Uint8Array {
  return message.kind === 'message' ? message.plaintext : message.unprotectedPayload
}
