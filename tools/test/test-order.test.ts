// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { slowFirst, SLOW_TESTS } from '../test-order.ts'
import { ROOT } from '../workspaces.ts'

describe('the order of tests', () => {
  it('begins with the slow ones, and leaves the others as they are', () => {
    const [slowest = '', next = ''] = SLOW_TESTS
    const files = ['b.test.ts', next, 'a.test.ts', slowest].map((path) => ({
      moduleId: `/clone/${path}`,
    }))
    expect(slowFirst(files).map(({ moduleId }) => moduleId.slice('/clone/'.length))).toEqual([
      slowest,
      next,
      'b.test.ts',
      'a.test.ts',
    ])
  })

  it('names no file that is not there', () => {
    expect(SLOW_TESTS.filter((path) => !existsSync(join(ROOT, path)))).toEqual([])
  })
})
