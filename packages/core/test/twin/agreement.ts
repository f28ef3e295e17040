// SPDX-License-Identifier: Apache-2.0
/**
 * What it means that fast code and slow twin agree: the same facts, or an error that the twin calls
 * right.
 *
 * @module
 */

import assert from 'node:assert/strict'
import { WaxwingError } from '@waxwing/core'
import * as fc from 'fast-check'
import { Refusal } from './refusal.ts'

/** Characters of a counter-example that are told: seed and path give it whole. */
const MOST_TOLD = 20_000

/** How random input is tried. */
export interface Trial {
  readonly numRuns: number
  readonly seed?: number
  /** Of a counter-example, as it was found. */
  readonly path?: string
}

/** What came of it. */
export interface Finding {
  readonly cases: number
  /** The difference, with the input that shows it; none if there is none. */
  readonly difference: string | undefined
}

/** Something that holds of random input. */
export interface Agreement {
  readonly name: string
  /** Cases in each run of the tests. */
  readonly runs: number
  /** Tries random input. */
  check(parameters: Trial): Finding
}

/** @param holds - Throws where fast code and twin differ. */
export function agreement<T>(
  name: string,
  runs: number,
  input: fc.Arbitrary<T>,
  holds: (input: T) => void,
): Agreement {
  const property = fc.property(input, holds)
  const check = (trial: Trial): Finding => {
    const details = fc.check(property, trial)
    return { cases: details.numRuns, difference: details.failed ? tell(details) : undefined }
  }
  return { name, runs, check }
}

/** Where fast code and twin differ, and how to see it again. */
function tell<T>(details: fc.RunDetails<[T]>): string {
  const { seed, counterexamplePath, counterexample, errorInstance } = details
  const why = errorInstance instanceof Error ? errorInstance.message : String(errorInstance)
  const input = JSON.stringify(plain(counterexample?.[0]))
  return [`--seed ${seed} --path ${counterexamplePath}`, why, input.slice(0, MOST_TOLD)].join('\n')
}

/** How often each outcome came: an agreement about nothing but `valid` would say little. */
export type Tally = Map<string, number>

export const tallies = new Map<string, Tally>()

/** Counts an outcome of an agreement. */
export function note(name: string, outcome: string): void {
  const tally = tallies.get(name) ?? new Map<string, number>()
  tallies.set(name, tally.set(outcome, (tally.get(outcome) ?? 0) + 1))
}

interface Facts {
  readonly facts: unknown
}

/**
 * Asks both, and compares.
 *
 * @param ours - Gives facts, or throws a `WaxwingError`.
 * @param twins - Gives the same facts, or throws a `Refusal`.
 * @returns `valid`, or the code of the error.
 */
export function agree(ours: () => unknown, twins: () => unknown): string {
  const [real, twin] = [ask(ours), ask(twins)]
  if (twin instanceof Refusal && real instanceof WaxwingError) {
    if (twin.codes.has(real.code)) return real.code
    assert.fail(`${real.code}: ${real.message}; the twin says ${twin.message}`)
  }
  if (twin instanceof Refusal) assert.fail(`valid; the twin says ${twin.message}`)
  if (real instanceof WaxwingError) {
    assert.fail(`${real.code}: ${real.message}; the twin says that it is valid`)
  }
  assert.deepStrictEqual(real, twin)
  return 'valid'
}

function ask(question: () => unknown): Facts | WaxwingError | Refusal {
  try {
    return { facts: plain(question()) }
  } catch (error) {
    if (error instanceof WaxwingError || error instanceof Refusal) return error
    throw error
  }
}

/** Byte strings as hex, so that a difference can be read and views are like copies. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(plain)
  if (value instanceof Map) return [...(value as ReadonlyMap<unknown, unknown>)].map(plain)
  if (value instanceof Set)
    return [...(value as ReadonlySet<unknown>)]
      .map((item) => JSON.stringify(plain(item)))
      .toSorted(compare)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(entries.map(([key, field]) => [key, plain(field)]))
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b)
}
