// SPDX-License-Identifier: Apache-2.0
/**
 * Times as people type and read them.
 *
 * @module
 */

import { UsageError } from './exit-codes.js'

const UNIT_SECONDS: Readonly<Record<string, number>> = {
  s: 1,
  m: 60,
  h: 3600,
  d: 86_400,
  w: 604_800,
}

const DURATION = /^(?:\d+[smhdw])+$/
const DATE =
  /^\d{4}-\d{2}-\d{2}(?:[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})?)?$/

/**
 * Parses a duration: `90s`, `15m`, `24h`, `30d`, `2w`, or several as in `1h30m`.
 *
 * @returns Seconds, at least 1.
 * @throws {UsageError} If it is none.
 */
export function parseDuration(text: string): number {
  if (!DURATION.test(text)) {
    throw new UsageError(`'${text}' is no duration: write 90s, 15m, 24h, 30d or 2w`)
  }
  let seconds = 0
  for (const [, count = '', unit = ''] of text.matchAll(/(\d+)([smhdw])/g)) {
    seconds += Number(count) * (UNIT_SECONDS[unit] ?? 0)
  }
  if (seconds > 0 && Number.isSafeInteger(seconds)) return seconds
  throw new UsageError(`'${text}' is no duration that makes sense`)
}

/**
 * Parses a point in time: `now`, `30d ago`, `in 2h`, or a date as ISO 8601 writes it. A date without
 * a zone is local time.
 *
 * @param nowMs - Milliseconds since 1970.
 * @throws {UsageError} If it is none.
 */
export function parseTime(text: string, nowMs: number): Date {
  const trimmed = text.trim()
  if (trimmed === 'now') return new Date(nowMs)
  const ago = /^(\S+) ago$/.exec(trimmed)?.[1]
  if (ago !== undefined) return new Date(Math.max(0, nowMs - parseDuration(ago) * 1000))
  const ahead = /^in (\S+)$/.exec(trimmed)?.[1]
  if (ahead !== undefined) return new Date(nowMs + parseDuration(ahead) * 1000)
  const date = parseDate(trimmed)
  if (date !== undefined) return date
  throw new UsageError(
    `'${text}' is no time: write 2026-11-22, 2026-11-22T18:00, "30d ago", "in 2h" or now`,
  )
}

/** Formats seconds as people say them: `1h`, `30d`, `90s`; the two largest units at most. */
export function formatDuration(seconds: number): string {
  const parts: string[] = []
  let rest = Math.max(0, Math.round(seconds))
  for (const [unit, size] of Object.entries(UNIT_SECONDS).toReversed()) {
    if (unit === 'w') continue
    const count = Math.floor(rest / size)
    rest %= size
    if (count > 0) parts.push(`${count}${unit}`)
  }
  return parts.slice(0, 2).join('') || '0s'
}

/** Formats a point in time, to the minute or second, in local time. */
export function formatTime(date: Date, precision: 'minute' | 'second' = 'minute'): string {
  const pad = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`
  const time = `${pad(date.getHours())}:${pad(date.getMinutes())}`
  return `${day} ${time}${precision === 'second' ? `:${pad(date.getSeconds())}` : ''}`
}

function parseDate(text: string): Date | undefined {
  if (!DATE.test(text)) return undefined
  // Without a time JavaScript takes a date as UTC, and people do not.
  const date = new Date(text.length === 10 ? `${text}T00:00` : text.replace(' ', 'T'))
  return Number.isNaN(date.getTime()) || date.getTime() < 0 ? undefined : date
}
