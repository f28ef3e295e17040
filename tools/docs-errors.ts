// SPDX-License-Identifier: Apache-2.0
/**
 * Writes `docs/reference/errors.md` from the codes in core's `errors.ts`, or with `--check` fails
 * where the two differ.
 *
 * @module
 */

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { ERROR_CODES } from '../packages/core/src/errors.ts'
import { ROOT } from './workspaces.ts'

const PATH = join(ROOT, 'docs/reference/errors.md')

/** The page, as Markdown. */
export function errorsPage(codes: Readonly<Record<string, string>>): string {
  const rows = Object.entries(codes).map(([code, meaning]) => `| \`${code}\` | ${meaning} |`)
  return `<!-- Written by tools/docs-errors.ts from packages/core/src/errors.ts. Do not edit. -->

# Errors

Waxwing fails in three ways:

- a **\`TypeError\` or \`RangeError\`** that names an argument: the calling code is wrong;
- a **\`WaxwingError\`** with one of the codes below: the data, a key, the policy or the
  surroundings said no. Branch on \`error.code\`; messages are for people and may change.
  \`error.details\` is safe to log, \`error.cause\` keeps what lay beneath;
- **\`undefined\`**, where something is merely not for you.

A new code is a minor release, a renamed one a major release.

| code | meaning |
| --- | --- |
${rows.join('\n')}
`
}

if (import.meta.main) {
  const page = errorsPage(ERROR_CODES)
  if (!process.argv.includes('--check')) {
    mkdirSync(dirname(PATH), { recursive: true })
    writeFileSync(PATH, page)
  } else if (!existsSync(PATH) || readFileSync(PATH, 'utf8') !== page) {
    console.error('docs/reference/errors.md is out of date: run `npm run docs:errors`')
    process.exitCode = 1
  }
}
