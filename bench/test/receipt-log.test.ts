// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { formatEntry, judgeLog, parseLog, type LogEntry } from '../src/receipt-log.ts'

const start: LogEntry = { kind: 'start' }
const got = (number: number, redelivered = false): LogEntry => ({
  kind: 'handed-over',
  number,
  redelivered,
})
const done = (number: number): LogEntry => ({ kind: 'acknowledged', number })

describe('the log of a reader that gets killed', () => {
  it('is read back as it was written, but for a last line that the kill cut', () => {
    const entries = [start, got(0), done(0), got(1, true)]
    expect(parseLog(`${entries.map(formatEntry).join('')}a 1`)).toEqual(entries)
  })

  it('is in order where what was interrupted comes again, marked', () => {
    const log = [start, got(0), done(0), got(1), start, got(1, true), done(1), got(2), done(2)]
    expect(judgeLog(log, 3)).toEqual({ starts: 2, acknowledged: 3, again: 1, problems: [] })
  })

  it('is in order where the kill came between the acknowledgement and its line', () => {
    expect(judgeLog([start, got(0), start, got(1), done(1)], 2).problems).toEqual([])
  })

  it.each<[string, LogEntry[], string]>([
    ['lost', [got(0), done(0)], '1 is lost'],
    ['interrupted and never came again', [got(0), done(0), got(1)], '1 is lost'],
    ['overtaken', [got(1), done(1), got(0), done(0)], '1 came before 0'],
    [
      'here again',
      [got(0), done(0), got(0), got(1), done(1)],
      '0 came again after its acknowledgement',
    ],
    ['not marked', [got(0), start, got(0), done(0), got(1), done(1)], 'not marked as redelivered'],
    ['late', [got(0), got(1), got(0), done(1)], '0 came again after'],
  ])('tells of a message that is %s', (_title, log, problem) => {
    expect(judgeLog(log, 2).problems.join('; ')).toContain(problem)
  })
})
