// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { failuresOf, summarize, type ModuleLike, type TestLike } from '../vitest-summary.ts'

function testOf(fullName: string, state: string, note?: string): TestLike {
  return { fullName, result: () => ({ state, note }) }
}

function moduleOf(tests: readonly TestLike[], errors: readonly unknown[] = []): ModuleLike {
  return {
    relativeModuleId: 'a.test.ts',
    errors: () => errors,
    children: { allTests: () => tests, allSuites: () => [] },
  }
}

describe('the summary of a test run', () => {
  it('is one line of totals where nothing was skipped', () => {
    const tests = [testOf('one', 'passed'), testOf('two', 'failed'), testOf('three', 'passed')]
    expect(summarize([moduleOf(tests)], 0)).toEqual(['Tests: 2 passed, 1 failed, 0 skipped'])
  })

  it('lists every skipped test under its reason, before the totals', () => {
    const tests = [
      testOf('one', 'skipped', 'no broker'),
      testOf('two', 'passed'),
      testOf('three', 'skipped'),
      testOf('four', 'skipped', 'no broker'),
    ]
    expect(summarize([moduleOf(tests)], 0)).toEqual([
      'Skipped, no broker:',
      '  a.test.ts > one',
      '  a.test.ts > four',
      '',
      'Skipped, no reason stated:',
      '  a.test.ts > three',
      '',
      'Tests: 1 passed, 0 failed, 3 skipped',
    ])
  })

  it('counts a file that does not load, a hook that throws and a stray error as failures', () => {
    const broken = moduleOf([], [new Error('syntax')])
    const module = {
      ...moduleOf([testOf('one', 'passed')]),
      children: {
        allTests: () => [testOf('one', 'passed')],
        allSuites: () => [{ errors: () => [new Error('beforeAll')] }, { errors: () => [] }],
      },
    }
    expect(summarize([broken, module], 1)).toEqual(['Tests: 1 passed, 3 failed, 0 skipped'])
  })
})

describe('what failed', () => {
  it('is told with its file, its name and its errors, and so is what nobody caught', () => {
    const [wrong, hook, stray] = [new Error('wrong'), new Error('beforeAll'), new Error('stray')]
    const failed: TestLike = {
      fullName: 'suite > two',
      result: () => ({ state: 'failed', errors: [wrong] }),
    }
    const module = {
      ...moduleOf([]),
      children: {
        allTests: () => [testOf('suite > one', 'passed'), failed],
        allSuites: () => [{ fullName: 'suite', errors: () => [hook] }],
      },
    }
    expect(failuresOf([module, moduleOf([], [stray])], [stray])).toEqual([
      { name: 'a.test.ts > suite', errors: [hook] },
      { name: 'a.test.ts > suite > two', errors: [wrong] },
      { name: 'a.test.ts', errors: [stray] },
      { name: 'an error that nobody caught', errors: [stray] },
    ])
  })
})
