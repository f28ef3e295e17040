// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing version`: which version this is, and what it runs on.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { withContext } from '../context.js'
import { teach } from '../teaching.js'

export function registerVersion(program: Command): void {
  teach(
    program
      .command('version')
      .description('show the version')
      .action(
        withContext(async ({ output }) => {
          const version = ownVersion()
          const node = process.version
          output.result({ version, node }, `waxwing ${version} on Node.js ${node}`)
        }),
      ),
    { examples: ['version --json'], next: '`waxwing doctor` says whether all is well.' },
  )
}

/** The version of this package. */
export function ownVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(text) as { version: string }).version
}
