// SPDX-License-Identifier: Apache-2.0
/**
 * Runs the cases of a source on everything that offers them, and keeps a ledger of what ran.
 *
 * Invariant: a case that is not in the table of what is out of scope is checked, and a case that is
 * in it never counts as passed.
 *
 * @module
 */

import { it } from 'vitest'
import { casesOf } from './catalogue.js'
import { reasonFor } from './out-of-scope.js'

interface Run<T, Subject extends { readonly name: string }> {
  /** What the cases run on: providers as a rule. */
  readonly on: readonly Subject[]
  /** Whether the subject offers what a case needs. Default: it does. */
  readonly offers?: (subject: Subject, value: T, name: string) => boolean
  /** Checks a case; throws if it fails. */
  readonly passes: (subject: Subject, value: T, name: string) => void | Promise<void>
  /** Checks that a case which is out of scope is refused. Default: there is nothing to call. */
  readonly refuses?: (subject: Subject, value: T, name: string) => void | Promise<void>
}

/** Of one source: the cases that passed and that were refused, each with the names of subjects. */
export interface Outcome {
  readonly passed: Map<string, string[]>
  readonly refused: Map<string, string[]>
}

const ledger = new Map<string, Outcome>()

/** What has run so far of a source, if anything has. */
export function outcomeOf(source: string): Outcome | undefined {
  return ledger.get(source)
}

/** Declares one test for each subject, which runs all cases of the source in turn. */
export function runSource<T, Subject extends { readonly name: string }>(
  source: string,
  { on, offers = () => true, passes, refuses }: Run<T, Subject>,
): void {
  const outcome: Outcome = { passed: new Map(), refused: new Map() }
  ledger.set(source, outcome)
  it.each(on)(`${source} on $name`, async (subject) => {
    for (const [name, value] of casesOf<T>(source)) {
      if (!offers(subject, value, name)) continue
      const inScope = reasonFor(source, name) === undefined
      const check = inScope ? passes : refuses
      if (check === undefined) continue
      try {
        await check(subject, value, name)
      } catch (cause) {
        throw new Error(`${source}, ${name}: ${String(cause)}`, { cause })
      }
      const counted = inScope ? outcome.passed : outcome.refused
      counted.set(name, [...(counted.get(name) ?? []), subject.name])
    }
  })
}
