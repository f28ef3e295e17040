// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import {
  formatEntry,
  nameOf,
  parseLog,
  placeOf,
  type LogEntry,
} from '../../src/crashes/life-log.ts'
import { judge, type Verdict } from '../../src/crashes/verdict.ts'

const KID = 'b60d75d7aaa6ce87'
const place = (counter: number): { kid: string; session: string; counter: number } => ({
  kid: KID,
  session: '5ff10c0ce50af5',
  counter,
})
const start: LogEntry = { kind: 'start' }
const got = (counter: number, redelivered = false): LogEntry => ({
  kind: 'handed-over',
  redelivered,
  text: `0.${counter}`,
  ...place(counter),
})
const beginning = (counter: number): LogEntry => ({ kind: 'acknowledging', ...place(counter) })
const done = (counter: number): LogEntry => ({ kind: 'acknowledged', ...place(counter) })
const came = (counter: number, redelivered = false): LogEntry => ({
  kind: 'arrived',
  redelivered,
  ...place(counter),
})
const read = (counter: number): LogEntry[] => [got(counter), beginning(counter), done(counter)]
const sent = (counter: number): LogEntry => ({
  kind: 'published',
  text: `0.${counter}`,
  ...place(counter),
})
const failed = (why: string): LogEntry => ({ kind: 'failed', why })

/** Judges what a reader wrote down to whom counters 0 and 1 came, which the broker carried. */
function verdictOn(reader: readonly LogEntry[], producer: readonly LogEntry[] = []): Verdict {
  const wire = new Set([0, 1].map((i) => nameOf(place(i))))
  return judge({ producer, reader: [came(0), came(1), ...reader], wire, isOver: true })
}

describe('the logs of processes that get killed', () => {
  it('are read back as they were written, but for a last line that the kill cut', () => {
    const refusal: LogEntry = { kind: 'refusal', what: '{"type":"evicted", "n":1}' }
    const why = failed('untyped Error: at a place')
    const entries = [
      start,
      came(0),
      came(1, true),
      got(0),
      beginning(0),
      done(0),
      got(1, true),
      sent(7),
      why,
      refusal,
    ]
    expect(parseLog(`${entries.map(formatEntry).join('')}a 1`)).toEqual(entries)
  })

  it('name an object by what everybody on the way sees of it', () => {
    const receipt = {
      generationId: `${KID}${'0'.repeat(48)}`,
      session: '5ff10c0ce50af5',
      counter: 3,
    }
    expect(nameOf(placeOf(receipt))).toBe(`${KID}/5ff10c0ce50af5/3`)
  })
})

describe('the verdict on crash rounds', () => {
  it('is good where all is read once, in order', () => {
    const verdict = verdictOn([start, ...read(0), ...read(1)], [start, sent(0), sent(1)])
    expect(verdict).toEqual({
      lives: { producer: 1, reader: 1 },
      published: 2,
      read: 2,
      again: 0,
      shuffled: 0,
      full: { producer: 0, reader: 0 },
      problems: [],
    })
  })

  it('is good where what was interrupted comes again, marked', () => {
    const log = [start, ...read(0), got(1), start, got(1, true), beginning(1), done(1)]
    expect(verdictOn(log)).toMatchObject({ again: 1, problems: [] })
  })

  it('is good where the kill came between the acknowledgement and its line, either way', () => {
    const cut = [...read(0), got(1), beginning(1), start]
    expect(verdictOn(cut).problems).toEqual([])
    expect(verdictOn([...cut, got(1, true), beginning(1)]).problems).toEqual([])
  })

  it('tells of what others overtook, also where the store refused something', () => {
    const log = [...read(1), ...read(0)]
    const problems = [`${nameOf(place(0))} came after ${nameOf(place(1))}`]
    expect(verdictOn(log).problems).toEqual(problems)
    expect(verdictOn([failed('ERR_STORE_FULL'), ...log])).toMatchObject({
      full: { reader: 1 },
      problems,
    })
  })

  it('counts what the broker brings to one life in another order than it had it', () => {
    const wire = new Set([0, 1, 2].map((i) => nameOf(place(i))))
    const reader = [came(0), came(2), came(1), start, came(1, true), came(2, true)]
    const inputs = { producer: [], reader, wire, isOver: false }
    expect(judge(inputs)).toMatchObject({ shuffled: 1, problems: [] })
    expect(judge({ ...inputs, sentAgain: new Set([nameOf(place(1))]) }).shuffled).toBe(0)
  })

  it('is good where the broker brings again what was interrupted, in another order', () => {
    expect(verdictOn([start, came(1), came(0), ...read(1), ...read(0)]).problems).toEqual([])
    expect(verdictOn([start, came(0), ...read(0), ...read(1)]).problems).toEqual([])
  })

  it.each<[string, LogEntry[], string]>([
    ['lost', read(0), 'is lost'],
    [
      'interrupted before its acknowledgement and never came again',
      [...read(0), got(1)],
      'is lost',
    ],
    [
      'here again',
      [...read(0), ...read(1), got(1, true), beginning(1)],
      'after its acknowledgement',
    ],
    ['not marked', [got(0), start, ...read(0), ...read(1)], 'was not marked'],
    ['never carried', [...read(0), ...read(1), ...read(2)], 'was read and never carried'],
    ['evicted', [...read(0), ...read(1), { kind: 'refusal', what: 'evicted' }], 'reader: evicted'],
    ['refused', [...read(0), ...read(1), failed('ERR_STORE_BUSY')], 'reader: ERR_STORE_BUSY'],
  ])('tells of a message that is %s', (_title, log, problem) => {
    expect(verdictOn(log).problems.join('; ')).toContain(problem)
  })

  it('tells of a message that comes with another text than before, or than was published', () => {
    const other: LogEntry = { ...got(1, true), text: 'other' } as LogEntry
    const log = [...read(0), got(1), other, beginning(1)]
    expect(verdictOn(log).problems.join()).toContain('came with another text')
    const published = { ...sent(0), text: 'mine' } as LogEntry
    const problems = verdictOn([...read(0), ...read(1)], [published]).problems
    expect(problems).toEqual([`${nameOf(place(0))} was mine and is read as 0.0`])
  })

  it('tells of what the producer was told is published, and the broker never carried', () => {
    const { problems } = verdictOn([...read(0), ...read(1)], [sent(2)])
    expect(problems).toEqual([`${nameOf(place(2))} was published and never carried`])
  })
})
