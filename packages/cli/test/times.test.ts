// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../src/exit-codes.js'
import { formatDuration, formatTime, parseDuration, parseTime } from '../src/times.js'

const NOW = Date.UTC(2026, 10, 22, 18, 30)

describe('durations', () => {
  it.each([
    ['90s', 90],
    ['15m', 900],
    ['24h', 86_400],
    ['30d', 2_592_000],
    ['2w', 1_209_600],
    ['1h30m', 5400],
  ])('%s is %i seconds', (text, seconds) => {
    expect(parseDuration(text)).toBe(seconds)
  })

  it.each(['', '30', 'd', '-1h', '1.5h', '1 h', '0s', '1y', '99999999999999999999w', 'ago'])(
    '%j is none, and the message says how to write one',
    (text) => {
      expect(() => parseDuration(text)).toThrow(UsageError)
    },
  )

  it('are written as they are read, where they have two units at most', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 23 }), (d, h) => {
        const seconds = d * 86_400 + h * 3600
        expect(parseDuration(formatDuration(seconds))).toBe(seconds)
      }),
    )
    expect(formatDuration(0)).toBe('0s')
  })
})

describe('times', () => {
  it('say how long ago, or in how long', () => {
    expect(parseTime('now', NOW).getTime()).toBe(NOW)
    expect(parseTime('30d ago', NOW).getTime()).toBe(NOW - 30 * 86_400_000)
    expect(parseTime(' in 2h ', NOW).getTime()).toBe(NOW + 7_200_000)
  })

  it('never lie before 1970', () => {
    expect(parseTime('9999w ago', NOW).getTime()).toBe(0)
  })

  it('are ISO 8601 with or without a zone; a date alone begins at local midnight', () => {
    expect(parseTime('2026-11-22T18:30Z', 0).getTime()).toBe(NOW)
    expect(parseTime('2026-11-22T19:30:00.5+01:00', 0).getTime()).toBe(NOW + 500)
    expect(parseTime('2026-11-22 18:30', 0)).toEqual(new Date(2026, 10, 22, 18, 30))
    expect(parseTime('2026-11-22', 0)).toEqual(new Date(2026, 10, 22))
  })

  it.each([
    '',
    'yesterday',
    '22.11.2026',
    '2026-13-01',
    '2026-11-22T25:00',
    'ago',
    '1969-01-01',
    '5',
  ])('%j is none', (text) => {
    expect(() => parseTime(text, NOW)).toThrow(UsageError)
  })

  it('are shown in local time, to the minute or the second', () => {
    const date = new Date(2026, 0, 2, 3, 4, 5)
    expect(formatTime(date)).toBe('2026-01-02 03:04')
    expect(formatTime(date, 'second')).toBe('2026-01-02 03:04:05')
  })
})
