// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { formatFailures } from '../failed-tests.ts'

describe('the lines of a failed test', () => {
  it('are its name, how the error begins, where it was, and what was seen last', () => {
    const error = {
      name: 'AssertionError',
      message: 'expected 1 to be 2',
      diff: '- Expected\n+ Received\n\n- 2\n+ 1',
      stacks: [{ file: '/a.test.ts', line: 7 }],
      cause: { message: 'never came' },
    }
    expect(formatFailures([{ name: 'a.test.ts > one', errors: [error, error] }])).toEqual([
      'a.test.ts > one',
      '    AssertionError: expected 1 to be 2',
      '    - Expected',
      '    + Received',
      '    - 2',
      '    + 1',
      '    at /a.test.ts:7',
      '    because never came',
    ])
  })

  it('have no colours, and are cut where they are long or many', () => {
    const message = `\u001B[31mred\u001B[0m\n${'x'.repeat(300)}\n3\n4\n5`
    expect(formatFailures([{ name: 'one', errors: [new Error(message)] }])).toEqual([
      'one',
      '    Error: red',
      `    ${'x'.repeat(200)}…`,
      '    3',
    ])
  })

  it('are there whatever was thrown', () => {
    const errors = [undefined, null, 'text', 7, {}, { stacks: [null] }, { stacks: [{}] }]
    expect(formatFailures(errors.map((error, n) => ({ name: `${n}`, errors: [error] })))).toEqual([
      '0',
      '1',
      '    null',
      '2',
      "    'text'",
      '3',
      '    7',
      '4',
      '    Error: ',
      '5',
      '    Error: ',
      '6',
      '    Error: ',
      '    at ?:?',
    ])
    expect(formatFailures([{ name: 'none', errors: [] }])).toEqual(['none'])
  })
})
