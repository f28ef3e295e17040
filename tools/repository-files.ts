// SPDX-License-Identifier: Apache-2.0
/**
 * The files that belong to the repository: tracked, or new and not ignored.
 *
 * @module
 */

import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from './workspaces.ts'

/** Paths relative to the root, with `/`. Patterns are git's. */
export function repositoryFiles(...patterns: readonly string[]): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...patterns]
  const output = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  return output.split('\0').filter((path) => path !== '' && existsSync(join(ROOT, path)))
}
