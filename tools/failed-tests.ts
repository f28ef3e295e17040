// SPDX-License-Identifier: Apache-2.0
/**
 * What failed in a test run, in few lines: names, and how each error begins. Continuous integration
 * shows them at its very end, where a log that was cut still has them.
 *
 * The text of an error is whatever a test made of it: its lines are cut and counted here.
 *
 * @module
 */

import { inspect, stripVTControlCharacters } from 'node:util'

/** The part of Vitest's errors that is told. */
export interface ErrorLike {
  readonly message?: unknown
  readonly name?: unknown
  readonly diff?: unknown
  readonly cause?: unknown
  readonly stacks?: unknown
}

/** One test, suite or file that failed. */
export interface Failure {
  readonly name: string
  readonly errors: readonly unknown[]
}

const MESSAGE_LINES = 3
const DIFF_LINES = 12
const LINE_CHARACTERS = 200

/** Every failure is its name, then the lines of its first error, indented. */
export function formatFailures(failures: readonly Failure[]): string[] {
  return failures.flatMap(({ name, errors }) => [
    cut(name),
    ...errorLines(errors[0]).map((line) => `    ${line}`),
  ])
}

function errorLines(error: unknown): string[] {
  if (error === undefined) return []
  if (!isErrorLike(error)) return linesOf(inspect(error), MESSAGE_LINES)
  const { name, message, diff, cause } = error
  return [
    ...linesOf(`${textOf(name, 'Error')}: ${textOf(message, '')}`, MESSAGE_LINES),
    ...linesOf(textOf(diff, ''), DIFF_LINES),
    ...placeOf(error),
    // Where `expect.poll` waited in vain, that is the cause.
    ...(isErrorLike(cause) ? linesOf(`because ${textOf(cause.message, '')}`, MESSAGE_LINES) : []),
  ]
}

function placeOf({ stacks }: ErrorLike): string[] {
  const [top] = Array.isArray(stacks) ? (stacks as unknown[]) : []
  if (typeof top !== 'object' || top === null) return []
  const { file, line } = top as { readonly file?: unknown; readonly line?: unknown }
  return [cut(`at ${textOf(file, '?')}:${typeof line === 'number' ? line : '?'}`)]
}

function linesOf(text: string, limit: number): string[] {
  const lines = stripVTControlCharacters(text).split('\n')
  return lines
    .filter((line) => line.trim() !== '')
    .slice(0, limit)
    .map(cut)
}

function cut(line: string): string {
  return line.length <= LINE_CHARACTERS ? line : `${line.slice(0, LINE_CHARACTERS)}…`
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

function isErrorLike(value: unknown): value is ErrorLike {
  return typeof value === 'object' && value !== null
}
