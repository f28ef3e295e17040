// SPDX-License-Identifier: Apache-2.0
/**
 * All hostile bytes in one run: decoders, a member who means ill, damaged records and files, and how
 * the time grows.
 *
 * @module
 */

import { runDecoders, runGrowth, runHostileMember, type DecodersReport } from './decoders.ts'
import { MAX_TIME_PER_DOUBLING, type Growth } from './growth.ts'
import { runRecords } from './records.ts'
import { runStoreFiles } from './store-files.ts'

export interface HostileSoakOptions {
  /** Of decoders. */
  readonly executions: number
  /** To an endpoint, by a member who means ill. */
  readonly messages: number
  /** Of opening a store in which one record is damaged. */
  readonly records: number
  /** Of opening a store whose file or journal is damaged. */
  readonly files: number
  readonly seed: number
  readonly progress: (line: string) => void
}

export interface HostileSoak {
  readonly summary: string
  readonly problems: readonly string[]
  readonly report: unknown
}

/** What memory may grow by from the first target to the last: what was compiled meanwhile. */
const MAX_HEAP_GROWTH_MIB = 16
/** Far more than any input of 16 KiB takes, on a machine that is busy with other things, too. */
const MAX_MS = 5_000

export async function runHostileSoak(options: HostileSoakOptions): Promise<HostileSoak> {
  const { executions, messages, records, files, seed, progress } = options
  const decoders = await runDecoders({ executions, seed, progress })
  const member = await runHostileMember(messages, seed)
  progress(`a member who means ill: ${member.sent} messages`)
  const damaged = await runRecords(records, seed)
  progress(`damaged records: ${damaged.rounds}`)
  const broken = await runStoreFiles(files, seed)
  progress(`damaged files: ${broken.rounds}`)
  const growth = await runGrowth()
  const { heapMiB } = decoders
  const steepest = Math.max(...growth.map(({ perDoubling }) => perDoubling))
  const slowestMs = Math.max(...decoders.targets.map((target) => target.slowestMs))
  const summary =
    `${decoders.executions} executions in ${decoders.seconds.toFixed()} s (seed ${seed}), the ` +
    `slowest ${slowestMs.toFixed()} ms; memory ${heapMiB.begin.toFixed(1)} MiB at first, at most ` +
    `${heapMiB.peak.toFixed(1)}, ${heapMiB.end.toFixed(1)} at the end; ${member.sent} messages of ` +
    `a member; ${damaged.rounds} damaged records, ${broken.rounds} damaged files; twice the size takes at most ` +
    `${steepest.toFixed(2)} times as long`
  const problems = [
    ...decoders.problems,
    ...limitsOf(decoders, slowestMs),
    ...member.problems,
    ...damaged.problems,
    ...broken.problems,
    ...growth.filter(isSteep).map(({ name, costs }) => `${name}: ${costs.join(' ms, ')} ms`),
  ]
  return { summary, problems, report: { decoders, member, damaged, broken, growth } }
}

function limitsOf({ heapMiB }: DecodersReport, slowestMs: number): readonly string[] {
  const { begin, end } = heapMiB
  return [
    ...(end - begin <= MAX_HEAP_GROWTH_MIB ? [] : [`memory grew from ${begin} to ${end} MiB`]),
    ...(slowestMs <= MAX_MS ? [] : [`one input took ${slowestMs} ms`]),
  ]
}

function isSteep({ perDoubling }: Growth): boolean {
  return perDoubling > MAX_TIME_PER_DOUBLING
}
