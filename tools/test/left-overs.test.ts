// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { leftOvers } from '../left-overs.mjs'

it('finds in dist what no source makes, and nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'left-overs-'))
  const built = (name: string): string[] => [`${name}.js`, `${name}.js.map`, `${name}.d.ts`]
  const gone = built('dist/cbor/gone')
  const sources = ['src/index.ts', 'src/cbor/kept.ts']
  const kept = [...built('dist/index'), ...built('dist/cbor/kept'), 'dist/tsconfig.tsbuildinfo']
  for (const path of [...sources, ...kept, ...gone]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), '')
  }
  expect(leftOvers(folder).toSorted()).toEqual(gone.map((path) => join(folder, path)).toSorted())
  expect(leftOvers(join(folder, 'src'))).toEqual([])
  rmSync(folder, { recursive: true })
})
