import { describe, expect, it } from 'vitest'
import { judge } from '../model.ts'

const FOUND =
  'pan:1: assertion violated (x == 0)\nSearch not completed\nerrors: 1\n 21 states, stored'
const CYCLE = 'pan:1: acceptance cycle (at depth 7)\nerrors: 1\n 12 states, stored'
const NONE = 'errors: 0\n 44594 states, stored'
const safety = { isLiveness: false }

describe('what a verifier says', () => {
  it('is as expected where nothing was found in what holds, and something in what is broken', () => {
    expect(judge({ ...safety, expected: 'holds' }, NONE)).toEqual({
      problem: undefined,
      isBroken: false,
      states: 44594,
    })
    expect(judge({ ...safety, expected: 'fails' }, FOUND).problem).toBeUndefined()
    expect(judge({ isLiveness: true, expected: 'open' }, CYCLE).problem).toBeUndefined()
  })

  it('is a surprise the other way round', () => {
    expect(judge({ ...safety, expected: 'holds' }, FOUND).problem).toBe('a counterexample')
    for (const expected of ['fails', 'open'] as const) {
      expect(judge({ ...safety, expected }, NONE).problem).toBe('no counterexample')
    }
  })

  it('counts for nothing where the search was cut short, or found something else', () => {
    const short = `error: max search depth too small\n${NONE}`
    const full = 'pan: reached -DMEMLIM bound'
    const other = 'pan:1: invalid end state\nerrors: 1\n 3 states, stored'
    expect(judge({ ...safety, expected: 'holds' }, short).problem).toMatch('cut short')
    expect(judge({ ...safety, expected: 'holds' }, full).problem).toMatch('the verifier failed')
    expect(judge({ isLiveness: true, expected: 'fails' }, other).problem).toMatch(
      'not of the property',
    )
  })
})
