// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { agree, agreement } from '../../packages/core/test/twin/agreement.ts'
import { refuse } from '../../packages/core/test/twin/refusal.ts'
import { runTwin } from '../src/twin.ts'

const good = agreement('good', 100, fc.nat(), () => undefined)
const wrong = agreement('wrong', 100, fc.nat(), (n) => {
  agree(
    () => n,
    () => (n < 1000 ? n : refuse('ERR_LIMIT')),
  )
})

describe('the endless comparison with the slow twin', () => {
  it('counts its cases, a round at least', () => {
    const report = runTwin([good], { seconds: 0, seed: 1, progress: () => undefined })
    expect(report).toMatchObject({ rounds: 1, cases: { good: 10 }, problems: [] })
  })

  it('tells where both differ, with what shows it again', () => {
    const told: string[] = []
    const progress = (line: string): void => void told.push(line)
    const report = runTwin([wrong, good], { seconds: 0, seed: 1, progress })
    expect(report.problems).toHaveLength(1)
    expect(told).toEqual([`twin: ${report.problems[0]}`])
    const [, seed, path] = /^--only wrong --seed (\d+) --path ([\d:]+)\n/.exec(told[0]!.slice(6))!
    const again = runTwin([wrong], { seconds: 0, seed: Number(seed), path, progress })
    expect(again.problems[0]).toMatch(/\n1000$/)
    expect(again.cases).toEqual({ wrong: 1 })
  })
})
