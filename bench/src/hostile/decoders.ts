// SPDX-License-Identifier: Apache-2.0
/**
 * Hostile bytes for every decoder: millions of them, with coverage feedback, and for each family of
 * bytes that grows, the time that they take.
 *
 * @module
 */

import { Worker } from '../worker.ts'
import type { TargetName, TriedTarget } from './decoders-process.ts'
import type { Growth } from './growth.ts'
import type { ReceivingReport } from './receiving.ts'
import type { Trying } from './trying.ts'

export interface DecodersOptions extends Partial<Omit<Trying, 'edges' | 'executions'>> {
  /** Of all targets together. */
  readonly executions: number
  readonly seed: number
  /** Names of the targets. Default: all. */
  readonly only?: readonly string[]
  readonly progress?: (line: string) => void
}

export interface DecodersReport {
  readonly seed: number
  readonly executions: number
  readonly seconds: number
  /** Blocks that ran, summed over the targets. */
  readonly reached: number
  /** Memory that cannot be collected: after the first target, at most, and at the end. */
  readonly heapMiB: { readonly begin: number; readonly peak: number; readonly end: number }
  readonly targets: readonly TriedTarget[]
  /** What was not as documented. */
  readonly problems: readonly string[]
}

const SCRIPT = new URL('decoders-process.ts', import.meta.url)
const GROWTH_SCRIPT = new URL('growth-process.ts', import.meta.url)

export async function runDecoders(options: DecodersOptions): Promise<DecodersReport> {
  const { seed, progress = () => undefined, feedback = true, structure = true } = options
  return inWorker(SCRIPT, async (worker) => {
    const targets: TriedTarget[] = []
    const started = performance.now()
    const all = await worker.call<readonly TargetName[]>('names')
    const names = all.filter(({ name }) => options.only?.includes(name) ?? true)
    for (const { name, executions } of shares(names, options.executions)) {
      const trying = { executions, seed, feedback, structure }
      const tried = await worker.call<TriedTarget>('tryOne', name, trying)
      targets.push(tried)
      progress(lineOf(tried))
    }
    return { seed, seconds: (performance.now() - started) / 1000, ...summaryOf(targets, seed) }
  })
}

/** Changed messages of a member who means ill, to an endpoint over a broker in memory. */
export function runHostileMember(messages: number, seed: number): Promise<ReceivingReport> {
  return inWorker(SCRIPT, (worker) => worker.call<ReceivingReport>('receive', messages, seed))
}

/** The time that families of growing bytes take. */
export function runGrowth(): Promise<readonly Growth[]> {
  return inWorker(GROWTH_SCRIPT, (worker) => worker.call<readonly Growth[]>('grow'))
}

/** The blocks that run for families of growing bytes. */
export function runBlockGrowth(): Promise<readonly Growth[]> {
  return inWorker(SCRIPT, (worker) => worker.call<readonly Growth[]>('count'))
}

async function inWorker<T>(script: URL, run: (worker: Worker) => Promise<T>): Promise<T> {
  const worker = new Worker(script)
  try {
    return await run(worker)
  } finally {
    await worker.kill()
  }
}

function shares(
  targets: readonly TargetName[],
  executions: number,
): readonly { name: string; executions: number }[] {
  const sum = targets.reduce((total, { weight }) => total + weight, 0)
  return targets.map(({ name, weight }) => ({
    name,
    executions: Math.ceil((executions * weight) / sum),
  }))
}

function summaryOf(
  targets: readonly TriedTarget[],
  seed: number,
): Omit<DecodersReport, 'seed' | 'seconds'> {
  const heaps = targets.map(({ heapMiB }) => heapMiB)
  return {
    executions: targets.reduce((sum, { executions }) => sum + executions, 0),
    reached: targets.reduce((sum, { reached }) => sum + reached, 0),
    heapMiB: { begin: heaps[0] ?? 0, peak: Math.max(...heaps), end: heaps.at(-1) ?? 0 },
    targets,
    problems: targets.flatMap(({ name, findings }) =>
      findings.map((finding) => `seed ${seed}, ${name}: ${finding}`),
    ),
  }
}

function lineOf({
  name,
  executions,
  seconds,
  reached,
  kept,
  slowestMs,
  heapMiB,
}: TriedTarget): string {
  return (
    `${name}: ${executions} in ${seconds.toFixed(1)} s, ${reached} blocks, ${kept} kept, ` +
    `slowest ${slowestMs.toFixed(1)} ms, heap ${heapMiB.toFixed(1)} MiB`
  )
}
