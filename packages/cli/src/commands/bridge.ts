// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing bridge`: move what is sealed from one broker or archive to another, without any key.
 *
 * @module
 */

import type { Command } from 'commander'
import {
  ArchiveFile,
  archiveSource,
  archiveTarget,
  bridge,
  type AddressPair,
  type ArchiveSource,
  type Bridge,
  type BridgeOptions,
} from '@waxwing/bridge'
import type { Transport } from '@waxwing/core'
import { Gauge, gaugeJson, totals } from '../bridge/gauge.js'
import { mapOf } from '../bridge/map-text.js'
import {
  addSideOptions,
  defaultName,
  isArchive,
  openSide,
  sideOptions,
  type SideName,
  type SideOptions,
  type SideTerms,
} from '../bridge/side.js'
import { openSideStore } from '../bridge/side-store.js'
import { BridgeTeller } from '../bridge/telling.js'
import { withContext, type Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { counted } from '../output.js'
import { teach } from '../teaching.js'
import { oneOf, wholeNumber } from '../wishes.js'

interface BridgeCommandOptions {
  readonly from: string
  readonly to: string
  readonly map?: readonly string[]
  readonly both?: boolean
  readonly control: boolean
  readonly retained?: string
  readonly any?: boolean
  readonly name?: string
  readonly deadLetters?: string
  readonly window?: string
  readonly maxBytes?: string
  readonly state?: string
}

const STATUS_MS = 1000
const JSON_MS = 5000
const LINE_MS = 60_000

export function registerBridge(program: Command): void {
  const command = program
    .command('bridge')
    .description('move what is sealed from one broker or archive to another: needs no key')
    .requiredOption('--from <place>', 'where messages come from: a URL, or an archive, FILE.wax')
    .requiredOption('--to <place>', 'where they go: a URL, or an archive, FILE.wax')
    .option('--map <map...>', "which data, and to where: 'plant/# -> works/#'; repeatable")
    .option('--both', 'data go back as well, by the same maps')
    .option('--no-control', 'leave out requests, grants and trust bundles, which go both ways')
    .option('--retained <which>', 'data to be retained there: none, as-received (default) or all')
    .option('--any', 'data that are not sealed cross too')
    .option(
      '--name <name>',
      'what brokers keep meanwhile is kept under this name (default: derived)',
    )
    .option('--dead-letters <file>', 'an archive for what the target will never take')
    .option('--window <n>', 'messages of one address under way at once (default 64)')
    .option('--max-bytes <n>', 'the longest message that crosses (default 2097152)')
    .option(
      '--state <folder>',
      'where mails, SMS and LANs remember who is reached where (default: nowhere)',
    )
  addSideOptions(command, 'from')
  addSideOptions(command, 'to')
  teach(command.action(withContext(run)), {
    notes: [
      'Order is kept for each address. A message is acknowledged where it comes from when it has been taken',
      'where it goes, so that nothing is lost when either side is, or the bridge; some may come twice.',
    ],
    examples: [
      "bridge --from mqtt://east:1883 --to mqtt://west:1883 --map 'plant/#'",
      "bridge --from mqtt://east:1883 --to plant.wax --map 'plant/#'",
      "bridge --from plant.wax --to mqtt://west:1883 --map 'replayed/plant'",
    ],
    next: 'readers on the other side subscribe as if the producers were there.',
  })
}

async function run(context: Context, options: BridgeCommandOptions): Promise<void> {
  const { output, stop } = context
  const all = options as unknown as Readonly<Record<string, unknown>>
  const [from, to] = [sideOptions('from', all), sideOptions('to', all)]
  const maps = mapsOf(options, from, to)
  const teller = new BridgeTeller(output, { from: from.place, to: to.place })
  const bridgeOptions = {
    ...wishesOf(options),
    maps,
    ...(await deadLettersOf(context, options)),
    ...(await openSides(context, options, { from, to, maps })),
    onEvent: (event) => teller.tell(event),
  } satisfies BridgeOptions
  output.note(`From ${from.place} to ${to.place}. Ctrl-C ends it.`)
  const starting = bridge(bridgeOptions).catch((error: unknown) => {
    throw error instanceof TypeError || error instanceof RangeError
      ? new UsageError(error.message)
      : error
  })
  const running = await Promise.race([starting, stop.asked])
  if (running === undefined) {
    starting.catch(() => undefined) // the transports are closed below
    return
  }
  if (output.json) output.result({ event: 'started' }, [])
  else output.note('At work: both sides have granted all that is asked for.')
  await watch(context, running, bridgeOptions.from)
}

/** Shows what crosses until that is all, or enough. */
async function watch(context: Context, running: Bridge, source: Transport): Promise<void> {
  const { output, stop } = context
  const gauge = new Gauge()
  const show = (): void => {
    if (output.json) output.result(gaugeJson(running.counters), [])
    else if (output.showsStatus) output.status(gauge.line(running.counters))
    else output.note(gauge.line(running.counters))
  }
  const everyMs = output.json ? JSON_MS : output.showsStatus ? STATUS_MS : LINE_MS
  const timer = setInterval(show, everyMs)
  try {
    await Promise.race([stop.asked, poured(context, source)])
  } finally {
    clearInterval(timer)
    await running.close({ keepSubscriptions: true })
    const { counters } = running
    output.result({ ...gaugeJson(counters), total: true }, totals(counters))
  }
}

/** Resolves when an archive has been poured out; a broker never is. */
async function poured({ output }: Context, source: Transport): Promise<void> {
  if (!isSource(source)) return new Promise(() => undefined)
  const { control } = await source.finished
  if (control === 0) return
  output.note(`Left ${counted(control, 'control message')} in the archive: it has no addresses.`)
}

function isSource(source: Transport): source is ArchiveSource {
  return 'finished' in source
}

async function openSides(
  context: Context,
  options: BridgeCommandOptions,
  { from, to, maps }: { from: SideOptions; to: SideOptions; maps: readonly AddressPair[] },
): Promise<Pick<BridgeOptions, 'from' | 'to'>> {
  const flags = [String(options.both ?? false), String(options.control)]
  const parts = [from.place, to.place, ...flags, ...maps.flatMap((pair) => [pair.from, pair.to])]
  const session = options.name ?? defaultName(parts)
  const maxBytes =
    options.maxBytes === undefined ? undefined : wholeNumber(options.maxBytes, '--max-bytes')
  const terms = { session, maxBytes }
  const storeOf = (name: SideName): Pick<SideTerms, 'store'> => {
    if (options.state === undefined) return {}
    const store = openSideStore(options.state, name)
    context.defer(() => store.close())
    return { store }
  }
  const target = isArchive(to)
    ? archiveTarget(await openArchive(context, to.place))
    : await openSide('to', to, { ...terms, ...storeOf('to') })
  context.defer(() => target.close())
  const source = isArchive(from)
    ? archiveSource(from.place, maps[0]?.from ?? '')
    : await openSide('from', from, { ...terms, ...storeOf('from') })
  context.defer(() => source.close())
  return { from: source, to: target }
}

async function openArchive(context: Context, path: string): Promise<ArchiveFile> {
  const file = await ArchiveFile.open(path)
  context.defer(() => file.close())
  if (file.cutBytes > 0) {
    context.output.warn(
      `${path}: cut off ${counted(file.cutBytes, 'byte')} of an item that a crash had torn.`,
    )
  }
  return file
}

async function deadLettersOf(
  context: Context,
  { deadLetters }: BridgeCommandOptions,
): Promise<Pick<BridgeOptions, 'deadLetters'>> {
  if (deadLetters === undefined) return {}
  return { deadLetters: await openArchive(context, deadLetters) }
}

function wishesOf(options: BridgeCommandOptions): Partial<BridgeOptions> {
  const { both = false, control, any = false, retained = 'as-received', window } = options
  return {
    both,
    control,
    any,
    retained: oneOf(['none', 'as-received', 'all'] as const, retained, '--retained'),
    ...(window === undefined ? {} : { window: wholeNumber(window, '--window') }),
  }
}

/** @throws {UsageError} If the maps do not fit the sides. */
function mapsOf(
  { map = [], both = false, deadLetters }: BridgeCommandOptions,
  from: SideOptions,
  to: SideOptions,
): readonly AddressPair[] {
  if (map.length === 0) throw new UsageError("say which data: --map 'plant/# -> plant/#'")
  const maps = map.map((text) => mapOf(text, { from: from.place, to: to.place }))
  if (!isArchive(from)) {
    if (both && isArchive(to)) throw new UsageError('--both needs brokers on both sides')
    if (deadLetters === to.place) throw new UsageError('--dead-letters needs a file of its own')
    return maps
  }
  const [first, second] = maps
  if (both || second !== undefined || first === undefined || /[+#]/.test(first.from)) {
    throw new UsageError(
      "an archive has no addresses: --map 'plant/1' says which one it is to have",
    )
  }
  return maps
}
