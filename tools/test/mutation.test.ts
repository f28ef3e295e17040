// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { countMutants, tableRow, type MutationReport } from '../mutation.ts'
import { strykerPlugins } from '../mutation/message-texts.ts'

const mutants = (...statuses: string[]): { mutants: { status: string }[] } => ({
  mutants: statuses.map((status) => ({ status })),
})

const REPORT: MutationReport = {
  files: {
    'a.ts': mutants('Killed', 'Killed', 'Survived', 'Ignored'),
    'b.ts': mutants('Killed', 'Timeout', 'NoCoverage', 'RuntimeError'),
    'c.ts': { mutants: [{ status: 'Ignored', statusReason: 'Static mutant' }] },
  },
}

describe('what became of mutants', () => {
  it('is counted over all files of a folder', () => {
    expect(countMutants(REPORT)).toEqual({
      killed: 3,
      timeout: 1,
      survived: 1,
      noCoverage: 1,
      broken: 1,
      untried: 1,
    })
  })

  it('gives a score in which those count that no test reaches, and those not that never ran', () => {
    expect(tableRow('all', countMutants(REPORT))).toBe('| all | 3 | 1 | 1 | 1 | 1 | 1 | 66.7 |')
  })
})

describe('text for people', () => {
  const shouldIgnore = strykerPlugins[0].value.shouldIgnore
  const argument = (name: string, key: number): string | undefined =>
    shouldIgnore({ parent: { callee: { name } }, listKey: 'arguments', key })

  it('is the message of an error, and not its code or its details', () => {
    expect(argument('WaxwingError', 1)).toBe('text for people')
    expect(argument('WaxwingError', 0)).toBeUndefined()
    expect(argument('WaxwingError', 2)).toBeUndefined()
    expect(shouldIgnore({ parent: { id: { name: 'message' } }, key: 'init' })).toBeDefined()
  })

  it('is no other argument, whatever the function is called', () => {
    expect(argument('concatBytes', 1)).toBeUndefined()
    expect(argument('toString', 0)).toBeUndefined()
    expect(shouldIgnore({ parent: {}, listKey: 'body', key: 0 })).toBeUndefined()
    expect(shouldIgnore({ parent: { id: { name: 'label' } }, key: 'init' })).toBeUndefined()
  })
})
