// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { docModules } from '../doc-modules.ts'
import { errorsPage } from '../docs-errors.ts'
import { fileLinks, npmScripts } from '../markdown.ts'

const page = (...lines: readonly string[]): string => lines.join('\n')

describe('code on a page', () => {
  it('keeps its line numbers', () => {
    const { modules } = docModules('a.md', page('# Title', '', '```ts', 'const x = 1', '```'))
    expect(modules).toEqual([
      { page: 'a.md', line: 4, run: false, text: '\n\n\nconst x = 1\nexport {}\n' },
    ])
  })

  it('begins with the set-up, which may be hidden, and goes on where it is continued', () => {
    const text = page(
      '<!--\n```ts setup\ndeclare const a: number\n```\n-->',
      '```ts\nconst b = a\n```',
      '```ts continued run\nconst c = b\n```',
      '```ts\nconst b = a\n```',
    )
    const { modules, problems } = docModules('a.md', text)
    const code = modules.map((module) => module.text.split('\n').filter((line) => line !== ''))
    expect(problems).toEqual([])
    expect(code).toEqual([
      ['declare const a: number', 'const b = a', 'const c = b', 'export {}'],
      ['declare const a: number', 'const b = a', 'export {}'],
    ])
    expect(modules.map(({ run }) => run)).toEqual([true, false])
  })

  it.each([
    ['```ts nocheck', '"nocheck" says nothing about a block; every one is checked'],
    ['```ts no-run', '"no-run" says nothing about a block; every one is checked'],
    ['```typescript', 'mark it as ts, so that it is checked'],
    ['```js', 'mark it as ts, so that it is checked'],
    ['```ts continued', 'nothing to continue'],
  ])('cannot be kept from the compiler by %s', (opening, problem) => {
    const { problems } = docModules('a.md', page(opening, 'x', '```'))
    expect(problems).toEqual([`a.md:1: ${problem}`])
  })

  it('is checked also where its block is never closed or lies in a list', () => {
    expect(docModules('a.md', page('```ts', 'const x = 1')).modules).toHaveLength(1)
    expect(docModules('a.md', page('- so:', '  ```ts', '  f()', '  ```')).modules).toHaveLength(1)
  })
})

describe('prose on a page', () => {
  it('names the files that it links to, but neither other sites nor code', () => {
    const text = page(
      '[a](docs/a.md#x) [b](https://example.org/b) [c](#c) ![d](d.png) `[e](e.md)`',
      '```text\n[f](f.md)\n```',
    )
    expect(fileLinks(text)).toEqual(['docs/a.md', 'd.png'])
  })

  it('names the npm scripts that it tells its reader to run', () => {
    const text = page(
      'Run `npm test`, then `npm run test:browser` or `npm start`; `npm ci` is none.',
    )
    expect(npmScripts(text)).toEqual(['test', 'test:browser', 'start'])
  })
})

describe('the page of errors', () => {
  it('has a row for each code', () => {
    const text = errorsPage({ ERR_ONE: 'First.', ERR_TWO: 'Second.' })
    expect(text).toContain('| `ERR_ONE` | First. |\n| `ERR_TWO` | Second. |\n')
  })
})
