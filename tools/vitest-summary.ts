// SPDX-License-Identifier: Apache-2.0
/**
 * The end of every test run: what was skipped and why, then one line of totals that programs can
 * read. A skipped test is a promise not checked, so it is never silent. What failed is told again, shortly,
 * in the file that `FAILED_TESTS_FILE` names, where the environment names one.
 *
 * @module
 */

import { appendFileSync } from 'node:fs'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Reporter } from 'vitest/node'
import { formatFailures, type Failure } from './failed-tests.ts'

/** The part of Vitest's `TestCase` that is counted. */
export interface TestLike {
  readonly fullName: string
  readonly result: () => {
    readonly state: string
    readonly note?: string | undefined
    readonly errors?: readonly unknown[] | undefined
  }
}

/** The part of Vitest's `TestModule` and `TestSuite` that is counted. */
export interface SuiteLike {
  /** A file has none. */
  readonly fullName?: string
  readonly errors: () => readonly unknown[]
}

export interface ModuleLike extends SuiteLike {
  readonly relativeModuleId: string
  readonly children: {
    readonly allTests: () => Iterable<TestLike>
    readonly allSuites: () => Iterable<SuiteLike>
  }
}

const NO_REASON = 'no reason stated'

/**
 * Sums up a run, line by line; the last line is `Tests: N passed, N failed, N skipped`. A file that
 * does not load, a hook that throws and an error that nobody caught each count as one failed test.
 */
export function summarize(modules: readonly ModuleLike[], unhandledCount: number): string[] {
  const skipped = new Map<string, string[]>()
  let passedCount = 0
  let failedCount = unhandledCount
  let skippedCount = 0
  for (const module of modules) {
    for (const suite of [module, ...module.children.allSuites()]) {
      if (suite.errors().length > 0) failedCount++
    }
    for (const test of module.children.allTests()) {
      const { state, note } = test.result()
      if (state === 'passed') passedCount++
      else if (state === 'failed') failedCount++
      else {
        skippedCount++
        const reason = note ?? NO_REASON
        const titles = skipped.get(reason) ?? []
        skipped.set(reason, [...titles, `${module.relativeModuleId} > ${test.fullName}`])
      }
    }
  }
  return [
    ...formatSkipped(skipped),
    `Tests: ${passedCount} passed, ${failedCount} failed, ${skippedCount} skipped`,
  ]
}

/** What {@link summarize} counts as failed, in the order of the files. */
export function failuresOf(
  modules: readonly ModuleLike[],
  unhandledErrors: readonly unknown[],
): Failure[] {
  const failures: Failure[] = []
  for (const module of modules) {
    const named = (name: string | undefined): string =>
      [module.relativeModuleId, ...(name === undefined ? [] : [name])].join(' > ')
    for (const suite of [module, ...module.children.allSuites()]) {
      const errors = suite.errors()
      if (errors.length > 0) failures.push({ name: named(suite.fullName), errors })
    }
    for (const test of module.children.allTests()) {
      const { state, errors = [] } = test.result()
      if (state === 'failed') failures.push({ name: named(test.fullName), errors })
    }
  }
  return [
    ...failures,
    ...unhandledErrors.map((error) => ({ name: 'an error that nobody caught', errors: [error] })),
  ]
}

function formatSkipped(skipped: ReadonlyMap<string, readonly string[]>): string[] {
  return [...skipped].flatMap(([reason, titles]) => [
    `Skipped, ${reason}:`,
    ...titles.map((title) => `  ${title}`),
    '',
  ])
}

/** Prints {@link summarize} after all other reporters have had their say. */
export const summaryReporter: Reporter = {
  async onTestRunEnd(modules, unhandledErrors) {
    const file = process.env['FAILED_TESTS_FILE']
    const failed = formatFailures(failuresOf(modules, unhandledErrors))
    if (file && failed.length > 0) appendFileSync(file, `${failed.join('\n')}\n`)
    await nextTurn()
    process.stdout.write(`${summarize(modules, unhandledErrors.length).join('\n')}\n`)
  },
}
