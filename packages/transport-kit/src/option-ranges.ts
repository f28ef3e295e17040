// SPDX-License-Identifier: Apache-2.0
/**
 * Numeric options and their ranges.
 *
 * @module
 */

/** The ranges of numeric options, both ends included. */
export type OptionRanges = Readonly<Record<string, readonly [least: number, most: number]>>

/** The longest time that a timer can wait, in milliseconds. */
export const LONGEST_MS: number = 2 ** 31 - 1

/** Checks the options that are there. @throws {RangeError} Naming the option that is wrong. */
export function assertRanges(options: object, ranges: OptionRanges): void {
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value: unknown = Reflect.get(options, name)
    if (value === undefined) continue
    if (!Number.isInteger(value) || Number(value) < least || Number(value) > most) {
      throw new RangeError(`${name} must be an integer from ${least} to ${most}`)
    }
  }
}
