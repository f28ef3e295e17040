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

/** Paths relative to the root, with `/`, of the files whose paths match. */
export function repositoryFiles(pattern: RegExp): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard']
  const output = execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' })
  const paths = output.split('\0').filter((path) => path !== '' && pattern.test(path))
  return paths.filter((path) => existsSync(join(ROOT, path)))
}
