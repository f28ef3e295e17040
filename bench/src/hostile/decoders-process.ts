// SPDX-License-Identifier: Apache-2.0
/**
 * Tries decoders in a process of its own, whose packages count which of their blocks run.
 *
 * @module
 */

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { serve } from '../worker.ts'
import { countEdges } from './edge-hooks.ts'
import type { Growth } from './growth.ts'
import type { ReceivingReport } from './receiving.ts'
import type { TargetReport, Trying } from './trying.ts'

export interface TargetName {
  readonly name: string
  readonly weight: number
}

/** With the memory that is held after a target was tried: heap and buffers, without what can go. */
export interface TriedTarget extends TargetReport {
  readonly heapMiB: number
}

const edges = countEdges()
const { allTargets } = await import('./all-targets.ts')
const { tryTarget } = await import('./trying.ts')
const targets = allTargets()
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
const unhandled: string[] = []
process.on('unhandledRejection', (reason) => unhandled.push(`unhandled: ${String(reason)}`))

function names(): readonly TargetName[] {
  return targets.map(({ name, weight }) => ({ name, weight }))
}

async function tryOne(name: string, trying: Omit<Trying, 'edges'>): Promise<TriedTarget> {
  const target = targets.find((one) => one.name === name)
  if (target === undefined) throw new RangeError(`there is no target ${name}`)
  const report = await tryTarget(target, { ...trying, edges })
  const findings = [...report.findings, ...unhandled.splice(0)]
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return { ...report, findings, heapMiB: (heapUsed + external) / 2 ** 20 }
}

async function receive(messages: number, seed: number): Promise<ReceivingReport> {
  const { runReceiving } = await import('./receiving.ts')
  const report = await runReceiving({ messages, seed, edges })
  return { ...report, problems: [...report.problems, ...unhandled.splice(0)] }
}

/** How many blocks run for each family, at half its largest size and at all of it. */
async function count(): Promise<readonly Growth[]> {
  const { countGrowth } = await import('./growth.ts')
  return countGrowth(edges)
}

serve({ names, tryOne, receive, count })
