// SPDX-License-Identifier: Apache-2.0
/**
 * Core against its slow twin (`packages/core/test/twin`), with new random input for as long as one
 * likes. The tests try 5,000 cases of it.
 *
 * @module
 */

import { tallies, type Agreement } from '../../packages/core/test/twin/agreement.ts'

/** A round has this part of the cases of the tests. */
const ROUND = 0.1

export interface TwinInputs {
  /** Rounds begin for so long; there is one at least. */
  readonly seconds: number
  /** Of the first round; each later one has the next. */
  readonly seed: number
  /** Of a counter-example: only that is tried. */
  readonly path?: string | undefined
  readonly progress: (line: string) => void
}

export interface TwinReport {
  readonly seconds: number
  readonly seed: number
  readonly rounds: number
  /** By the names of the agreements. */
  readonly cases: Readonly<Record<string, number>>
  readonly outcomes: Readonly<Record<string, Readonly<Record<string, number>>>>
  /** Where both differ, and how to see it again. */
  readonly problems: readonly string[]
}

/** Tries all agreements in turn. One that was found not to hold is tried no more. */
export function runTwin(agreements: readonly Agreement[], inputs: TwinInputs): TwinReport {
  const { seconds, seed, path, progress } = inputs
  const begin = performance.now()
  const elapsed = (): number => (performance.now() - begin) / 1000
  const cases: Record<string, number> = {}
  const problems: string[] = []
  let holding = agreements
  let rounds = 0
  const tryAll = (): void => {
    holding = holding.filter((one) => {
      const found = one.check({ ...trialOf(one, path), seed: (seed + rounds) % 2 ** 31 })
      cases[one.name] = (cases[one.name] ?? 0) + found.cases
      if (found.difference === undefined) return true
      problems.push(`--only ${one.name} ${found.difference}`)
      progress(`twin: ${problems.at(-1)}`)
      return false
    })
    rounds++
    if (rounds % 10 === 0) progress(`twin: ${sumOf(cases)} cases, ${problems.length} problems`)
  }
  tryAll()
  if (path === undefined) while (elapsed() < seconds && holding.length > 0) tryAll()
  return { seconds: elapsed(), seed, rounds, cases, outcomes: outcomes(), problems }
}

function trialOf(
  { runs }: Agreement,
  path: string | undefined,
): { numRuns: number; path?: string } {
  return path === undefined ? { numRuns: Math.ceil(runs * ROUND) } : { numRuns: runs, path }
}

export function sumOf(cases: Readonly<Record<string, number>>): number {
  return Object.values(cases).reduce((sum, count) => sum + count, 0)
}

function outcomes(): TwinReport['outcomes'] {
  return Object.fromEntries([...tallies].map(([name, tally]) => [name, Object.fromEntries(tally)]))
}
