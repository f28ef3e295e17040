// SPDX-License-Identifier: Apache-2.0
/**
 * Gives a target changed bytes, many times over. With feedback, whatever made new blocks run is kept
 * and changed further; without, only what one began with is.
 *
 * @module
 */

import { setImmediate as turn } from 'node:timers/promises'
import { seededRandom } from '@waxwing/client/testing'
import { toHex } from '@waxwing/core'
import { Corpus } from './corpus.ts'
import type { Edges } from './edges.ts'
import { Inputs } from './inputs.ts'
import { signerOfVectors } from './signing.ts'
import { findingOf, type Target } from './target.ts'

export interface Trying {
  readonly executions: number
  readonly seed: number
  /** Whether what made new blocks run is changed further. */
  readonly feedback: boolean
  /** Whether to change what CBOR says, besides mere bytes. */
  readonly structure: boolean
  readonly edges: Edges
}

export interface TargetReport {
  readonly name: string
  readonly executions: number
  readonly seconds: number
  /** Blocks that ran at least once. */
  readonly reached: number
  /** Inputs that were kept because they made new blocks run. */
  readonly kept: number
  /** What the slowest input takes, at the best of several tries. */
  readonly slowestMs: number
  /** What was not as documented, each kind once. */
  readonly findings: readonly string[]
}

const MAX_FINDINGS = 10
const TRIES = 3
/** Executions between two turns of the event loop, in which unhandled rejections show. */
const TURN_AFTER = 500

/** Tries a target until its executions are used up. */
export async function tryTarget(target: Target, trying: Trying): Promise<TargetReport> {
  const { executions, feedback, structure, edges } = trying
  const corpus = new Corpus(target.seeds, edges)
  const findings = new Map<string, string>()
  const inputs = new Inputs(corpus, {
    random: seededRandom(trying.seed),
    signer: target.verifies === true ? signerOfVectors() : undefined,
    structure,
  })
  let kept = 0
  let slowestMs = 0
  const started = performance.now()
  for (let i = 0; i < executions; i++) {
    if (i % TURN_AFTER === 0) await turn()
    const input = i < target.seeds.length ? target.seeds[i]! : inputs.next()
    const untouched = input.slice()
    corpus.clear()
    const { finding, ms } = await timed(target, input)
    if (corpus.look() && feedback && i >= target.seeds.length) {
      corpus.keep(untouched)
      kept++
    }
    if (ms > slowestMs) slowestMs = Math.max(slowestMs, await shortestMs(target, input, ms))
    const isChanged = Buffer.compare(untouched, input) !== 0
    note(findings, isChanged ? 'the input was changed' : finding, untouched)
  }
  return {
    name: target.name,
    executions,
    seconds: (performance.now() - started) / 1000,
    reached: corpus.reached,
    kept,
    slowestMs,
    findings: [...findings.values()],
  }
}

async function timed(
  target: Target,
  input: Uint8Array,
): Promise<{ finding: string | undefined; ms: number }> {
  const begun = performance.now()
  const trial = findingOf(target, input)
  const finding = trial instanceof Promise ? await trial : trial
  return { finding, ms: performance.now() - begun }
}

/** What took long is tried again: a busy machine makes anything take long once. */
async function shortestMs(target: Target, input: Uint8Array, first: number): Promise<number> {
  let shortest = first
  for (let i = 0; i < TRIES; i++) shortest = Math.min(shortest, (await timed(target, input)).ms)
  return shortest
}

/** Keeps one of each kind, told apart by their first two lines. */
function note(findings: Map<string, string>, finding: string | undefined, input: Uint8Array): void {
  if (finding === undefined || findings.size >= MAX_FINDINGS) return
  const kind = finding
    .split('\n')
    .slice(0, 2)
    .join('\n')
    .replaceAll(/[0-9a-f]{8,}/g, '…')
  if (!findings.has(kind)) findings.set(kind, `${finding}\n  for ${toHex(input)}`)
}
