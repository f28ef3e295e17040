// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { leaksIn } from '../check-leaks.ts'

// Put together here, so that this file does not hold what it looks for.
const path = (...parts: readonly string[]): string => ['', ...parts].join('/')
const host = ['registry', 'npmjs', 'org'].join('.')

describe('what a file must not tell', () => {
  it.each([
    ['a.md', `https://${host}/x`, 'the address of a package registry'],
    ['.npmrc', 'registry=http://localhost', 'the setting of a registry'],
    ['a.ts', `'${path('home', 'ann', 'x')}'`, "a path of somebody's machine"],
    ['a.json', `"file": "${path('Users', 'ann')}"`, "a path of somebody's machine"],
    ['a.pem', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA', 'a private key'],
    ['a.yml', `token: ghp_${'a'.repeat(36)}`, 'an access token'],
  ])('is found in %s: %s', (file, text, what) => {
    expect(leaksIn(file, `first\n${text}`)).toEqual([`${file}:2: ${what}`])
  })

  it('is not seen in what only looks like it', () => {
    const text = [
      'the registry of algorithms; src/home/page.ts; https://example.org/home/page',
      'openssl prints -----BEGIN PUBLIC KEY-----',
    ]
    expect(leaksIn('package-lock.json', text.join('\n'))).toEqual([])
  })
})
