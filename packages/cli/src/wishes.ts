// SPDX-License-Identifier: Apache-2.0
/**
 * Arguments as commands need them: checked where they are typed, so that a slip is told as such.
 *
 * @module
 */

import { fromBase64Url, isNamePattern, isStreamName, MAX_NAME_BYTES, utf8 } from '@waxwing/core'
import { UsageError } from './exit-codes.js'

const ID_BYTES = 32
/** What is shown of something that is too long. */
const SHOWN_CHARS = 24

/** @throws {UsageError} If it is no name of a stream. */
export function streamName(text: string): string {
  if (isStreamName(text)) return text
  checkLength(text, 'stream name')
  throw new UsageError(`'${text}' is no stream name: write levels like plant/1/temperature`)
}

/** @throws {UsageError} If it is no pattern of stream names. */
export function namePattern(text: string): string {
  if (isNamePattern(text)) return text
  checkLength(text, 'pattern')
  throw new UsageError(
    `'${text}' is no pattern: write plant/1/temperature, plant/+/door or plant/#`,
  )
}

/** @throws {UsageError} If it is too long for the protocol. */
function checkLength(text: string, what: string): void {
  const { length } = utf8(text)
  if (length <= MAX_NAME_BYTES) return
  const start = text.slice(0, SHOWN_CHARS)
  throw new UsageError(
    `a ${what} has at most ${MAX_NAME_BYTES} bytes, and '${start}…' has ${length}`,
  )
}

/** In front of an id on the command line, where it would be taken for an option. */
const ID_MARK = 'id:'

/** What somebody means by a name or an id. */
export function named(text: string): string {
  return text.startsWith(ID_MARK) ? text.slice(ID_MARK.length) : text
}

/**
 * Marks the arguments that are ids and begin with a dash, as one in sixty-four does, so that nobody
 * takes them for options.
 *
 * @param options - The long options that there are: `--json`.
 */
export function markIds(args: readonly string[], options: ReadonlySet<string>): readonly string[] {
  return args.map((arg) => {
    const isShort = /^-[^-][\w-]{4,}$/.test(arg)
    const isLong = /^--(?=.*[A-Z0-9_])(?:[\w-]{10}|[\w-]{41})$/.test(arg) && !options.has(arg)
    return isShort || isLong ? `${ID_MARK}${arg}` : arg
  })
}

/** @throws {UsageError} If it is no id of a principal or domain. */
export function fullId(text: string, what = 'id'): Uint8Array {
  const id = fromBase64Url(named(text))
  if (id?.length === ID_BYTES) return id
  throw new UsageError(`'${text}' is no ${what}: it has 43 letters and digits`)
}

/** @throws {UsageError} If it is no whole number of at least `least`. */
export function wholeNumber(text: string, what: string, least = 1): number {
  const value = Number(text)
  if (Number.isSafeInteger(value) && value >= least) return value
  throw new UsageError(`${what} is a whole number from ${least} on, not '${text}'`)
}

/** One of a few words. @throws {UsageError} */
export function oneOf<T extends string>(words: readonly T[], text: string, what: string): T {
  const found = words.find((word) => word === text)
  if (found !== undefined) return found
  throw new UsageError(`${what} is ${words.join(' or ')}, not '${text}'`)
}

/** Gathers what an option says that may be given several times. */
export function collected(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value]
}
