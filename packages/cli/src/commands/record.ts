// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing record`: keep what the broker carries, without any key.
 *
 * @module
 */

import type { Command } from 'commander'
import { ArchiveFile } from '@waxwing/bridge'
import { CONTROL_PREFIX, isControlAddress, WaxwingError, type Received } from '@waxwing/core'
import { withContext, type Context } from '../context.js'
import { counted } from '../output.js'
import { teach } from '../teaching.js'
import { parseDuration } from '../times.js'
import { namePattern, wholeNumber } from '../wishes.js'

interface RecordOptions {
  readonly for?: string
  readonly count?: string
  readonly control: boolean
}

const STATUS_MS = 1000

export function registerRecord(program: Command): void {
  teach(
    program
      .command('record')
      .description('record what the broker carries, sealed as it is: needs no key and no identity')
      .argument('<filter>', 'the topics: plant/#')
      .argument('<file>', 'the archive, FILE.wax; what is there already stays')
      .option('--for <duration>', 'end after this time')
      .option('--count <n>', 'end after so many messages')
      .option('--no-control', 'leave out requests, grants and trust bundles')
      .action(withContext(run)),
    {
      examples: ['record "plant/#" plant.wax', 'record "plant/#" plant.wax --for 24h'],
      next: 'whoever is granted the span opens it with `waxwing open plant.wax`.',
    },
  )
}

async function run(
  context: Context,
  filter: string,
  path: string,
  options: RecordOptions,
): Promise<void> {
  const { stop, output } = context
  const topics = namePattern(filter)
  const limit = options.count === undefined ? Infinity : wholeNumber(options.count, '--count')
  const forMs = options.for === undefined ? undefined : parseDuration(options.for) * 1000
  const file = await ArchiveFile.open(path)
  context.defer(() => file.close())
  if (file.cutBytes > 0) {
    output.warn(`Cut off ${counted(file.cutBytes, 'byte')} of an item that a crash had torn.`)
  }
  const transport = await context.connect()
  context.watch(transport)
  const tally = new Tally(limit, () => stop.ask())
  const take = (received: Received): Promise<void> => record(file, tally, received)
  if (options.control) await transport.subscribe(`${CONTROL_PREFIX}#`, take)
  await transport.subscribe(topics, async (received) => {
    if (isControlAddress(received.address)) await received.acknowledge()
    else await take(received)
  })
  output.note(`Recording ${filter} to ${path}. Ctrl-C ends it.`)
  if (forMs !== undefined) setTimeout(() => stop.ask(), forMs).unref()
  const status = setInterval(() => output.status(tally.text), STATUS_MS)
  await stop.asked
  clearInterval(status)
  const { objects, control, foreign } = tally
  output.result({ file: path, objects, control, foreign, byteCount: file.byteCount }, [
    `Recorded ${tally.text} to ${path}`,
  ])
  output.next(`waxwing open ${path}`)
}

/** On disk first, acknowledged then. What is neither object nor message is counted and let go. */
async function record(file: ArchiveFile, tally: Tally, received: Received): Promise<void> {
  if (tally.isFull) return
  try {
    if (received.payload.length > 0) await file.append(received.payload)
    tally.add(isControlAddress(received.address) ? 'control' : 'objects')
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    tally.add('foreign')
  }
  await received.acknowledge()
}

class Tally {
  objects = 0
  control = 0
  /** Payloads that are not sealed. */
  foreign = 0
  readonly #limit: number
  readonly #full: () => void

  constructor(limit: number, full: () => void) {
    this.#limit = limit
    this.#full = full
  }

  get isFull(): boolean {
    return this.objects >= this.#limit
  }

  get text(): string {
    const other =
      this.foreign === 0 ? '' : `, left out ${counted(this.foreign, 'unsealed payload')}`
    return (
      `${counted(this.objects, 'message')} and ` +
      `${counted(this.control, 'control message')}${other}`
    )
  }

  add(kind: 'objects' | 'control' | 'foreign'): void {
    this[kind]++
    if (this.isFull) this.#full()
  }
}
