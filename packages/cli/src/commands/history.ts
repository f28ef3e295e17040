// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing history`: read what the broker still has.
 *
 * @module
 */

import type { Command } from 'commander'
import type { HistoryEnd, HistoryGap, HistoryItem, HistoryProgress } from '@waxwing/client'
import { ArchiveAccount } from '../archive-reading.js'
import { withContext, type Context } from '../context.js'
import { IncompleteError } from '../exit-codes.js'
import { keptReader, spanFrom, type TypedSpan } from '../kept-reader.js'
import { messageLines, messageValue } from '../message-text.js'
import { counted, type Output } from '../output.js'
import { teach } from '../teaching.js'
import { formatTime, parseDuration } from '../times.js'
import { toJson } from '../wording.js'
import { namePattern } from '../wishes.js'

interface HistoryCommandOptions extends TypedSpan {
  readonly wait: string
  readonly reason?: string
  readonly raw?: boolean
  readonly acceptUnsigned?: boolean
  readonly anyTopic?: boolean
}

export function registerHistory(program: Command): void {
  const history = program
    .command('history')
    .description('read what the broker still has of a pattern, and say what is missing')
    .argument('<filter>', 'a stream name or pattern: plant/+/temperature, plant/#')
    .option('--from <time>', 'leave out what was sealed before')
    .option('--until <time>', 'leave out what was sealed after')
    .option('--wait <duration>', 'how long to wait for grants that are missing', '30s')
    .option('--reason <text>', 'why you want to read: shown to who decides')
    .option('--raw', 'print nothing but the content, byte for byte; on a terminal a line each')
    .action(withContext(run))
  history
    .optionsGroup('Less protection:')
    .option('--accept-unsigned', 'accept streams that any of their readers can write')
    .option('--any-topic', 'accept messages that were moved to another topic')
  teach(history, {
    examples: [
      'history "plant/#" --from "2d ago"',
      'history plant/1/door --from 2026-11-22 --json',
    ],
    next: 'what comes from now on, `waxwing sub` shows; large files, `waxwing receive --from`.',
    notes: [
      'RabbitMQ (amqp://HOST?history=STREAM) and NATS keep all messages for as long as they were told to;',
      'MQTT and CoAP the newest of each topic, if it was retained. Nothing is taken away, or recorded as',
      'read. It ends with 10 where it is known that something is missing.',
    ],
  })
}

async function run(
  context: Context,
  filter: string,
  options: HistoryCommandOptions,
): Promise<void> {
  const { stop, output } = context
  const pattern = namePattern(filter)
  const span = spanFrom(options)
  const waitMs = parseDuration(options.wait) * 1000
  const { signal } = stop
  const endpoint = await context.openEndpoint({ part: 'listening', showEvents: true })
  const reader = keptReader(endpoint, pattern, {
    name: `history ${pattern}`,
    request: true,
    acceptUnsigned: options.acceptUnsigned === true,
    topicBinding: options.anyTopic === true ? 'report' : 'strict',
    ...(options.reason === undefined ? {} : { reason: options.reason }),
  })
  context.defer(() => reader.close())
  const account = new ArchiveAccount()
  const onProgress = progressShower(output)
  try {
    for await (const item of reader.history({ ...span, waitMs, signal, onProgress })) {
      show(output, item, account, options.raw === true)
    }
  } catch (error) {
    if (!stop.isAsked) throw error
    throw new IncompleteError(`stopped after ${counted(account.opened, 'message')}`)
  } finally {
    output.progressDone()
  }
}

/** Shows how far a history is, and once for each kid that its keys are waited for. */
export function progressShower(output: Output): (progress: HistoryProgress) => void {
  let waitingFor: string | undefined
  return (progress) => {
    const { replayed, at, fraction } = progress
    if (progress.waitingFor !== undefined && progress.waitingFor !== waitingFor) {
      waitingFor = progress.waitingFor
      output.note(`Waiting for a grant (kid ${waitingFor}).`)
    }
    const until = at === undefined ? '' : `, ${formatTime(at)}`
    const label = `${counted(replayed, 'message')}${until}`
    if (fraction === undefined) output.status(label)
    else output.progress(label, fraction)
  }
}

function show(output: Output, item: HistoryItem, account: ArchiveAccount, isRaw: boolean): void {
  switch (item.kind) {
    case 'message':
      account.add(item)
      if (isRaw) output.raw(item.plaintext)
      else output.result(messageValue(item), messageLines(item))
      return
    case 'skip': {
      account.add(item)
      if (output.json) output.result({ skip: item.reason, ...jsonOf(item) }, [])
      return
    }
    case 'gap':
      showGap(output, item)
      return
    case 'end':
      showEnd(output, item, account)
  }
}

function showGap(output: Output, gap: HistoryGap): void {
  const { stream, first, last } = gap
  if (output.json) output.result({ gap: stream, ...jsonOf(gap) }, [])
  else {
    const which = first === last ? `message ${first}` : `messages ${first} to ${last}`
    output.note(`Missing in ${stream}: ${which}`)
  }
}

/** @throws {IncompleteError} If something is known to be missing. */
function showEnd(output: Output, end: HistoryEnd, account: ArchiveAccount): void {
  if (output.json)
    output.result({ summary: { ...jsonOf(end), missingKids: account.missingKids } }, [])
  output.note(`Read ${counted(end.messages, 'message')}.`)
  for (const line of account.lines) output.note(line)
  if (end.kept === 'newest') {
    output.note(
      'This broker keeps the newest message of a topic, if it was retained, and no others.',
    )
  }
  if (end.completeness === 'unknown' && end.kept === 'all') {
    output.note('Nobody can tell whether something is missing.')
  }
  if (end.completeness === 'complete') output.note('Nothing is missing.')
  if (end.completeness !== 'incomplete') return
  throw new IncompleteError(`something is missing: ${lackText(end)}`)
}

function lackText({ gaps, missingSessions }: HistoryEnd): string {
  const parts = [
    ...(gaps === 0 ? [] : [counted(gaps, 'gap')]),
    ...(missingSessions === 0 ? [] : [`${counted(missingSessions, 'session')} as a whole`]),
  ]
  return parts.length === 0 ? 'the beginning is not there any more' : parts.join(' and ')
}

function jsonOf(value: object): { readonly [key: string]: ReturnType<typeof toJson> } {
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, toJson(item)]))
}
