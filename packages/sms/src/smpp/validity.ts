// SPDX-License-Identifier: Apache-2.0
/**
 * How long the centre tries, as SMPP writes it: a relative time (SMPP v3.4 Section 7.1.1).
 *
 * @module
 */

const DAY = 86_400
/** The form has two digits for each part; a year or more is as good as for ever. */
const MAX_SECONDS = 364 * DAY

/** @returns `YYMMDDhhmmss000R`, or nothing where there is no end. */
export function validityOf(seconds: number | undefined): string {
  if (seconds === undefined || seconds === 0) return ''
  const bounded = Math.min(seconds, MAX_SECONDS)
  const days = Math.floor(bounded / DAY)
  const parts = [
    0,
    Math.floor(days / 30),
    days % 30,
    Math.floor((bounded % DAY) / 3_600),
    Math.floor((bounded % 3_600) / 60),
    bounded % 60,
  ]
  return `${parts.map((part) => String(part).padStart(2, '0')).join('')}000R`
}
