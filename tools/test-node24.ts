// SPDX-License-Identifier: Apache-2.0
/**
 * Runs tests on Node 24, the oldest that Waxwing supports: those named, or those of what touches
 * cryptography and storage, and the client's stories. Node 24 comes from npm, on Linux x64; elsewhere that is a
 * failure in CI, and on a desk a skip that says so.
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { ROOT } from './workspaces.ts'

const FOLDER = join(ROOT, 'node_modules/node24/bin')
const TESTS = ['packages/core/', 'packages/store-sqlite/', 'packages/client/test/stories.test.ts']

if (existsSync(join(FOLDER, 'node'))) {
  const named = process.argv.slice(2)
  const filters = named.length > 0 ? named : TESTS
  // First in PATH as well: what the tests start by the name of node must be the same one.
  const env = { ...process.env, PATH: `${FOLDER}${delimiter}${process.env['PATH'] ?? ''}` }
  const args = ['node_modules/vitest/vitest.mjs', 'run', ...filters]
  const { status } = spawnSync(join(FOLDER, 'node'), args, { cwd: ROOT, stdio: 'inherit', env })
  process.exitCode = status ?? 1
} else {
  console.error('test:node24 skipped: Node 24 comes from npm on Linux x64 only')
  process.exitCode = process.env['CI'] === undefined ? 0 : 1
}
