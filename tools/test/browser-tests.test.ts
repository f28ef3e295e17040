// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { browserTests, type BrowserTests } from '../browser-tests.ts'

const roots: string[] = []
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true })
})

function chosenFrom(files: Readonly<Record<string, string>>): BrowserTests {
  const root = mkdtempSync(join(tmpdir(), 'browser-'))
  roots.push(root)
  const all = { 'src/index.ts': '', 'src/node.ts': "import 'node:crypto'", ...files }
  for (const [path, text] of Object.entries(all)) {
    const full = join(root, 'packages/core', path)
    mkdirSync(dirname(full), { recursive: true })
    writeFileSync(full, text)
  }
  return browserTests(root)
}

describe('tests for browsers', () => {
  it('are those that reach nothing of Node, directly or through others', () => {
    const { files, libraries } = chosenFrom({
      'src/index.ts': "import 'hpke'",
      'test/portable.test.ts': "import 'vitest'\nimport 'fast-check'\nimport '@waxwing/core'",
      'test/builtin.test.ts': "import 'node:fs'",
      'test/buffer.test.ts': 'Buffer.alloc(1)',
      'test/testkit.test.ts': "import '@waxwing/testkit'",
      'test/entry.test.ts': "import '@waxwing/core/node'",
      'test/source.test.ts': "import '../src/node.js'",
      'test/deep.test.ts': "import './deep.js'",
      'test/deep.ts': "import 'sodium-native'",
    })
    expect(files).toEqual(['packages/core/test/portable.test.ts'])
    expect(libraries).toEqual(['fast-check', 'hpke'])
  })

  it('cannot break the promise of their folder in silence', () => {
    const files = { 'test/browser/a.test.ts': "import 'node:fs'" }
    expect(() => chosenFrom(files)).toThrow('packages/core/test/browser/a.test.ts needs Node')
  })
})
