// SPDX-License-Identifier: Apache-2.0
import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { readStatus } from './status.js'

const PACKAGES = new URL('../../../', import.meta.url)

it('docs/status.md names every RFC and draft that the code cites', () => {
  const files = globSync('{core,oscore,client,store-sqlite,mqtt,cli}/src/**/*.ts', {
    cwd: PACKAGES,
  })
  expect(files.length).toBeGreaterThan(100)
  const cited = files.flatMap((file) =>
    [
      ...readFileSync(new URL(file, PACKAGES), 'utf8').matchAll(/RFC \d{4,}|draft-[a-z-]+[a-z]/g),
    ].map(([document]) => document),
  )
  const status = readStatus()
  const missing = [...new Set(cited)].filter((document) => !status.includes(document))
  expect(missing).toStrictEqual([])
})
