// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { ERROR_CODES, WaxwingError, type ErrorCode } from '@waxwing/core'
import {
  errorCodeOf,
  EXIT_CODES,
  exitCodesPage,
  exitKindOf,
  IncompleteError,
  ResponseError,
  UsageError,
} from '../src/exit-codes.js'

describe('exit codes', () => {
  it('have a kind for every error there is', () => {
    for (const code of Object.keys(ERROR_CODES)) {
      const kind = exitKindOf(new WaxwingError(code as ErrorCode, 'x'))
      expect(Object.keys(EXIT_CODES), code).toContain(kind)
      expect(kind, code).not.toBe('ok')
    }
  })

  it.each([
    ['ERR_NOT_AUTHORIZED', 3],
    ['ERR_NOT_AUTHENTIC', 4],
    ['ERR_MALFORMED', 4],
    ['ERR_KEY_UNKNOWN', 5],
    ['ERR_TRANSPORT', 6],
    ['ERR_STORE_KEY', 7],
    ['ERR_TIMEOUT', 8],
  ] as const)('%s ends with %i', (code, status) => {
    expect(EXIT_CODES[exitKindOf(new WaxwingError(code, 'x'))].status).toBe(status)
  })

  it('tell a wrong command and a missing file from what should not happen', () => {
    expect(exitKindOf(new UsageError('x'))).toBe('usage')
    expect(exitKindOf(Object.assign(new Error('no file'), { code: 'ENOENT' }))).toBe('usage')
    expect(exitKindOf(new ResponseError('4.04', 'x'))).toBe('refused')
    expect(exitKindOf(Object.assign(new Error('full'), { code: 'ENOSPC' }))).toBe('usage')
    expect(exitKindOf(new IncompleteError('x'))).toBe('incomplete')
    expect(errorCodeOf(new IncompleteError('x'))).toBe('ERR_INCOMPLETE')
    expect(exitKindOf(new TypeError('a bug'))).toBe('unexpected')
    expect(exitKindOf('a string')).toBe('unexpected')
  })

  it('have a number each', () => {
    const numbers = Object.values(EXIT_CODES).map(({ status }) => status)
    expect(numbers).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('stand in the reference page, which is written by `vitest -u`', async () => {
    await expect(exitCodesPage()).toMatchFileSnapshot('../../../docs/reference/exit-codes.md')
  })
})
