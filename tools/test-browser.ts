// SPDX-License-Identifier: Apache-2.0
/**
 * Runs the portable tests of core in headless Chromium (`vitest.browser.config.ts`). Without
 * Chromium that is a failure in CI, and elsewhere a skip that says so.
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { chromiumPath } from './chromium.ts'
import { ROOT } from './workspaces.ts'

if (chromiumPath() === undefined) {
  console.error('test:browser skipped: no Chromium; install it or set CHROMIUM to its path')
  process.exitCode = process.env['CI'] === undefined ? 0 : 1
} else {
  const args = ['node_modules/vitest/vitest.mjs', 'run', '--config', 'vitest.browser.config.ts']
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: 'inherit' })
  process.exitCode = status ?? 1
}
