// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, dirname, join, resolve } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { candidates, cleanFileName, linkIfFree } from '../../src/transfers/file-name.js'

describe('the name that a sender gives its file', () => {
  it.each([
    ['report.pdf', 'report.pdf'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Windows\\evil.exe', 'evil.exe'],
    ['.bashrc', 'bashrc'],
    ['...', 'fallback'],
    ['', 'fallback'],
    ['a/', 'fallback'],
    ['a\u0000b\u001b[2Jc', 'ab[2Jc'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['a<b>:c"d|e?f*g', 'abcdefg'],
    ['name. . ', 'name'],
    ['aux.txt', '_aux.txt'],
    ['x.part', 'x.part_'],
    ['0123.PART.json', '0123.PART.json_'],
    ['\ud800x', '\ufffdx'],
  ])('%j becomes %j', (sent, clean) => {
    expect(cleanFileName(sent, 'fallback')).toBe(clean)
  })

  it('keeps its extension where it is cut, between characters', () => {
    const clean = cleanFileName(`${'ä'.repeat(300)}.tar`, 'x')
    expect(clean).toMatch(/^ä+\.tar$/)
    expect(Buffer.byteLength(clean)).toBeLessThanOrEqual(200)
  })

  it('is always one name in the folder, which is not hidden and no part', () => {
    const text = fc.string({ unit: 'binary', maxLength: 400 })
    fc.assert(
      fc.property(text, (sent) => {
        const name = cleanFileName(sent, 'fallback')
        expect(dirname(resolve('/in', name))).toBe('/in')
        expect(basename(name)).toBe(name)
        expect(name).not.toMatch(/^\.|[\p{Cc}\p{Cf}/\\]|\.part(\.json)?$/u)
        expect(Buffer.byteLength(name)).toBeLessThanOrEqual(255)
      }),
    )
  })
})

describe('a name for a file that is complete', () => {
  let folder: string

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'waxwing-names-'))
    writeFileSync(join(folder, 'a.part'), 'new')
  })

  afterEach(() => rmSync(folder, { recursive: true }))

  it('is never that of another file', () => {
    writeFileSync(join(folder, 'a.txt'), 'old')
    const [wanted = '', next = ''] = candidates(join(folder, 'a.txt'))
    expect(linkIfFree(join(folder, 'a.part'), wanted)).toBe(false)
    expect(readFileSync(wanted, 'utf8')).toBe('old')
    expect(basename(next)).toBe('a (1).txt')
    expect(linkIfFree(join(folder, 'a.part'), next)).toBe(true)
    expect(readFileSync(next, 'utf8')).toBe('new')
  })

  it('that was given before a crash is given', () => {
    const path = join(folder, 'a.txt')
    expect(linkIfFree(join(folder, 'a.part'), path)).toBe(true)
    expect(linkIfFree(join(folder, 'a.part'), path)).toBe(true)
    expect(existsSync(join(folder, 'a (1).txt'))).toBe(false)
  })
})
