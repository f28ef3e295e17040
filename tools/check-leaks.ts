// SPDX-License-Identifier: Apache-2.0
/**
 * Fails where a file of the repository tells what it should not: where packages came from, the
 * paths of somebody's machine, or a secret.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { repositoryFiles } from './repository-files.ts'
import { ROOT } from './workspaces.ts'

interface Rule {
  readonly what: string
  readonly pattern: RegExp
  /** Only these files; all where absent. */
  readonly files?: RegExp
}

const RULES: readonly Rule[] = [
  {
    what: 'the address of a package registry',
    pattern: /\b(?:registry|npm|packages)\.[a-z0-9.-]+\.(?:org|com|net|io|dev|internal|local)\b/i,
  },
  {
    what: 'the setting of a registry',
    pattern: /^\s*(?:@[\w-]+:)?registry\s*=/m,
    files: /(?:^|\/)\.npmrc$/,
  },
  {
    what: "a path of somebody's machine",
    pattern:
      /(?<![\w.:/)}\]*])\/(?:home|Users|root|work|workspaces?|builds|mnt)\/[\w.-]|\b[A-Z]:\\+Users\\/,
  },
  {
    what: 'a private key',
    pattern: /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----\s+[A-Za-z0-9+/]{16}/,
  },
  {
    what: 'an access token',
    pattern: /\b(?:npm_[A-Za-z0-9]{36}|gh[opsu]_[A-Za-z0-9]{36}|AKIA[A-Z0-9]{16})\b|_authToken\s*=/,
  },
]

/** What a file tells that it should not, as `path:line: what`. */
export function leaksIn(path: string, text: string): string[] {
  return RULES.filter(({ files }) => files === undefined || files.test(path)).flatMap(
    ({ what, pattern }) => {
      const match = pattern.exec(text)
      if (match === null) return []
      const line = text.slice(0, match.index).split('\n').length
      return [`${path}:${line}: ${what}`]
    },
  )
}

if (import.meta.main) {
  const problems = repositoryFiles(/./).flatMap((path) =>
    leaksIn(path, readFileSync(join(ROOT, path), 'utf8')),
  )
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
