// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing receive`: files that come in pieces.
 *
 * @module
 */

import { existsSync, mkdirSync } from 'node:fs'
import { resolve as absolute } from 'node:path'
import type { Command } from 'commander'
import { WaxwingError } from '@waxwing/core'
import type { Endpoint, Reader, ReaderOptions } from '@waxwing/client'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { keptReader, spanFrom, type TypedSpan } from '../kept-reader.js'
import { Patience } from '../patience.js'
import { sessionName } from '../session-lock.js'
import { teach } from '../teaching.js'
import { parseDuration } from '../times.js'
import { DEFAULT_MAX_BYTES, IncomingFiles, isFolderPath } from '../transfers/incoming-files.js'
import { ReceivedList } from '../transfers/received-list.js'
import { Receiving } from '../transfers/receiving.js'
import { namePattern, wholeNumber } from '../wishes.js'
import { progressShower } from './history.js'

/** Pieces that are handed over and not yet safe: two groups of them. */
const MAX_IN_FLIGHT = 32
/** A group that is not full is made safe when nothing more has come for so long. */
const IDLE_MS = 20
const MIB = 1_048_576

interface ReceiveOptions extends TypedSpan {
  readonly stream: string
  readonly once?: boolean
  readonly keepOpen?: boolean
  readonly overwrite?: boolean
  readonly timeout?: string
  readonly wait: string
  readonly reason?: string
  readonly name?: string
  readonly maxSize?: string
  readonly acceptUnsigned?: boolean
}

export function registerReceive(program: Command): void {
  const receive = program
    .command('receive')
    .description('take files that come in pieces: one into a file, or whatever comes into a folder')
    .argument('<path>', 'the file, or a folder: then senders say what files are called')
    .requiredOption('--stream <pattern>', 'the streams: a name, or plant/+/files')
    .option('--once', 'end when a file is complete; default for a file')
    .option('--keep-open', 'take one file after the other; default for a folder')
    .option('--overwrite', 'take the place of files that are there; default: a number is added')
    .option('--timeout <duration>', 'give up if nothing comes for this time')
    .option('--reason <text>', 'why you want to read: shown to who decides')
    .option('--name <name>', 'a reader of its own, which starts afresh; default: the pattern')
    .option(
      '--max-size <mebibytes>',
      'refuse files that are larger; default: 65536, which is 64 GiB',
    )
    .action(withContext(run))
  receive
    .optionsGroup('What the broker still has, instead of what comes:')
    .option('--from <time>', 'files that were sealed since then')
    .option('--until <time>', 'files that were sealed until then')
    .option('--wait <duration>', 'how long to wait for grants that are missing', '30s')
  receive
    .optionsGroup('Less protection:')
    .option('--accept-unsigned', 'accept streams that any of their readers can write')
  teach(receive, {
    examples: [
      'receive video.mp4 --stream plant/1/files',
      'receive inbox/ --stream "plant/+/files" --reason "archive of the hall"',
    ],
    next: 'whoever sends sees the request for keys with `waxwing requests`.',
    notes: [
      'What is not complete lies in NAME.part, with NAME.part.json beside it. A piece is acknowledged when it',
      'is on disk: whatever stops it, the same command goes on. It ends with 10 where pieces are missing.',
    ],
  })
}

async function run(context: Context, path: string, options: ReceiveOptions): Promise<void> {
  const { output } = context
  const pattern = namePattern(options.stream)
  const isPast = options.from !== undefined || options.until !== undefined
  const { files, isFolder } = filesAt(context, path, options, isPast)
  context.defer(() => files.close())
  const isOnce = onceFrom(options, isFolder)
  const receiving = new Receiving(context.output, files, isOnce)
  await receiving.finish()
  if (!receiving.isDone) {
    if (!isFolder && options.overwrite !== true && existsSync(path)) {
      throw new UsageError(`${path} is there already: say another name, or --overwrite`)
    }
    if (isPast) await receivePast(context, pattern, options, receiving)
    else await receiveLive(context, pattern, options, receiving)
  }
  output.progressDone()
  receiving.conclude(isPast)
}

function filesAt(
  { home }: Context,
  typed: string,
  { overwrite = false, maxSize }: ReceiveOptions,
  isPast: boolean,
): { readonly files: IncomingFiles; readonly isFolder: boolean } {
  const isFolder = isFolderPath(typed)
  const path = absolute(typed)
  if (isFolder) mkdirSync(path, { recursive: true })
  const maxBytes =
    maxSize === undefined ? DEFAULT_MAX_BYTES : wholeNumber(maxSize, '--max-size') * MIB
  const received = isPast ? undefined : new ReceivedList(home.path('received.json'))
  return { files: new IncomingFiles({ path, isFolder, overwrite, maxBytes, received }), isFolder }
}

function onceFrom({ once, keepOpen }: ReceiveOptions, isFolder: boolean): boolean {
  if (once === true && keepOpen === true) {
    throw new UsageError('--once and --keep-open contradict each other')
  }
  return once ?? (keepOpen === undefined ? !isFolder : !keepOpen)
}

async function receiveLive(
  context: Context,
  pattern: string,
  options: ReceiveOptions,
  receiving: Receiving,
): Promise<void> {
  const { stop, output } = context
  const session = sessionName('receive', options.name ?? pattern)
  const endpoint = await context.openEndpoint({ part: 'active', session, showEvents: true })
  const reader = endpoint.reader(pattern, readerOptionsFrom(pattern, options))
  await context.untilSubscribed(reader)
  output.note(`Waiting for files of ${pattern}. Ctrl-C ends it; the same command goes on.`)
  const patience = new Patience(options.timeout, () => stop.ask())
  const waiting = new Waiting(stop.signal)
  const messages = reader[Symbol.asyncIterator]()
  try {
    let next = messages.next()
    while (!receiving.isDone) {
      const came = await waiting.for(next, receiving.hasGroup ? IDLE_MS : undefined)
      if (came === 'idle') await receiving.flush()
      if (came === 'idle') continue
      if (came === 'stop' || came.done === true) break
      patience.renew()
      await receiving.take(came.value)
      next = messages.next()
    }
    await receiving.flush()
  } finally {
    patience.end()
    await reader.close({ keepSubscription: true })
  }
  if (!patience.isOver) return
  if (!context.isReached) {
    throw new WaxwingError('ERR_TRANSPORT', 'the broker was never reached', { rule: 'connect' })
  }
  receiving.gaveUpAfter = options.timeout
}

/** Waits for what comes first: a message, the wish to stop, or that nothing has come. */
class Waiting {
  #wake: (what: 'stop') => void = () => undefined
  readonly #signal: AbortSignal

  constructor(signal: AbortSignal) {
    this.#signal = signal
    signal.addEventListener('abort', () => this.#wake('stop'), { once: true })
  }

  /** @param idleMs - Left out: without end. */
  async for<T>(next: Promise<T>, idleMs: number | undefined): Promise<T | 'stop' | 'idle'> {
    let timer: ReturnType<typeof setTimeout> | undefined
    const otherwise = new Promise<'stop' | 'idle'>((resolve) => {
      this.#wake = resolve
      if (this.#signal.aborted) resolve('stop')
      if (idleMs !== undefined) timer = setTimeout(() => resolve('idle'), idleMs)
    })
    try {
      return await Promise.race([next, otherwise])
    } finally {
      clearTimeout(timer)
    }
  }
}

async function receivePast(
  context: Context,
  pattern: string,
  options: ReceiveOptions,
  receiving: Receiving,
): Promise<void> {
  const { stop, output } = context
  const span = spanFrom(options)
  const waitMs = parseDuration(options.wait) * 1000
  const endpoint = await context.openEndpoint({ part: 'listening', showEvents: true })
  const reader = pastReader(endpoint, pattern, options)
  context.defer(() => reader.close())
  const onProgress = progressShower(output)
  try {
    for await (const item of reader.history({ ...span, waitMs, signal: stop.signal, onProgress })) {
      if (item.kind === 'message') await receiving.take(item)
      else if (item.kind === 'skip') receiving.noteSkipped(item.reason)
      if (receiving.isDone) break
    }
  } catch (error) {
    if (!stop.isAsked) throw error
  }
  await receiving.flush()
}

function pastReader(endpoint: Endpoint, pattern: string, options: ReceiveOptions): Reader {
  const readerOptions = readerOptionsFrom(pattern, options)
  return keptReader(endpoint, pattern, { ...readerOptions, request: true })
}

function readerOptionsFrom(
  pattern: string,
  { name = pattern, reason, acceptUnsigned = false }: ReceiveOptions,
): ReaderOptions {
  return {
    name: `receive ${name}`,
    transfers: 'pieces',
    maxInFlight: MAX_IN_FLIGHT,
    // A file that waits for a grant may be larger than all that may wait here: the broker keeps the rest.
    holdWhenFull: true,
    acceptUnsigned,
    ...(reason === undefined ? {} : { reason }),
  }
}
