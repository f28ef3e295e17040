// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { lockProblems, type LockEntries } from '../check-lock.ts'

const SOUND: LockEntries = {
  '': { dependencies: { a: '1.0.0' } },
  'packages/p': { version: '0.1.0', dependencies: { a: '1.0.0' } },
  'node_modules/@scope/p': { resolved: 'packages/p', link: true },
  'node_modules/a': { integrity: 'sha512-a', optionalDependencies: { b: '2.0.0' } },
  'node_modules/a/node_modules/b': { integrity: 'sha512-b', dependencies: { a: '1.0.0' } },
}

describe('the lock file', () => {
  it('is sound where every dependency is found as Node finds it', () => {
    expect(lockProblems(SOUND)).toEqual([])
  })

  it('must name the optional dependencies of other machines', () => {
    const { 'node_modules/a/node_modules/b': _, ...without } = SOUND
    expect(lockProblems(without)).toEqual([
      'node_modules/a: its dependency b is missing; choose a version that is complete',
    ])
  })

  it('must hold a digest and no address of each package', () => {
    const entries = { ...SOUND, 'node_modules/c': { resolved: 'https://example.org/c.tgz' } }
    expect(lockProblems(entries)).toEqual([
      'node_modules/c: no digest',
      'node_modules/c: the address it came from',
    ])
  })
})
