// SPDX-License-Identifier: Apache-2.0
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { edgesOfProcess, withCounters } from '../../src/hostile/edges.ts'

const edges = edgesOfProcess()

/** Which of a program's counters are not zero when it has run with an argument. */
function ran(source: string, argument: unknown): { result: unknown; blocks: readonly number[] } {
  const first = edges.count
  const counted = withCounters(source, edges)
  edges.counters.fill(0)
  const run = runInNewContext(`${counted}; main`, { __waxwingEdges: edges }) as (
    argument: unknown,
  ) => unknown
  const result = run(argument)
  return { result, blocks: [...edges.counters.subarray(first, edges.count)] }
}

describe('counters in blocks', () => {
  it('count what ran, and change nothing else', () => {
    const source = 'function main(n) { let s = 0; for (let i = 0; i < n; i++) s += i; return s }'
    expect(ran(source, 4)).toEqual({ result: 6, blocks: [1, 4] })
    expect(ran(source, 0)).toEqual({ result: 0, blocks: [1, 0] })
  })

  it.each([
    ['function main(x) { if (x) return 1; else return 2 }', [1, 1, 0], [1, 0, 1]],
    ['function main(x) { return x ? 1 : 2 }', [1, 1, 0], [1, 0, 1]],
    ['function main(x) { return x && 1 || 2 }', [1, 1, 0], [1, 0, 1]],
    ['function main(x) { return (x || undefined) ?? 2 }', [1, 0, 0], [1, 1, 1]],
    ['const main = (x) => x === true ? 1 : 2', [1, 1, 0], [1, 0, 1]],
    [
      'function main(x) { switch (x) { case true: return 1; default: return 2 } }',
      [1, 1, 0],
      [1, 0, 1],
    ],
    [
      'function main(x) { try { if (x) throw 1; return 2 } catch { return 3 } }',
      [1, 1, 1, 1],
      [1, 1, 0, 0],
    ],
  ])('stand in every branch of %s', (source, whenTrue, whenFalse) => {
    const sorted = (counts: readonly number[]): readonly number[] =>
      counts.toSorted((a, b) => a - b)
    expect(sorted(ran(source, true).blocks)).toEqual(sorted(whenTrue))
    expect(sorted(ran(source, false).blocks)).toEqual(sorted(whenFalse))
    expect(ran(source, true).blocks).not.toEqual(ran(source, false).blocks)
  })

  it('stay on the lines that they are for', () => {
    const source = 'function main(x) {\n  if (x)\n    return 1\n  return 2\n}\n'
    expect(withCounters(source, edges).split('\n')).toHaveLength(source.split('\n').length)
  })
})
