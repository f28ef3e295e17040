// SPDX-License-Identifier: Apache-2.0
/**
 * Checks that the lock file works for everyone: it names every dependency, those of other operating
 * systems as well (npm leaves out what its registry did not have, and `npm ci` then fails), each
 * with its digest and none with an address.
 *
 * @module
 */

import { join } from 'node:path'
import { ROOT, readJson } from './workspaces.ts'

export interface LockEntry {
  readonly version?: string
  readonly integrity?: string
  readonly resolved?: string
  readonly link?: boolean
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** The entries of a lock file by their folders, as npm writes them; the root's is `''`. */
export type LockEntries = Readonly<Record<string, LockEntry>>

/** What is wrong with the lock file, as `folder: what`. */
export function lockProblems(entries: LockEntries): string[] {
  return Object.entries(entries).flatMap(([folder, entry]) => [
    ...missing(entries, folder, entry),
    ...(isInstalled(folder, entry) ? entryProblems(folder, entry) : []),
  ])
}

function isInstalled(folder: string, { link }: LockEntry): boolean {
  return folder.includes('node_modules/') && link !== true
}

function entryProblems(folder: string, { integrity, resolved }: LockEntry): string[] {
  const problems: string[] = []
  if (integrity === undefined) problems.push(`${folder}: no digest`)
  if (resolved !== undefined) problems.push(`${folder}: the address it came from`)
  return problems
}

function missing(entries: LockEntries, folder: string, entry: LockEntry): string[] {
  return Object.keys({ ...entry.dependencies, ...entry.optionalDependencies })
    .filter((name) => !isResolvable(entries, folder, name))
    .map(
      (name) => `${folder}: its dependency ${name} is missing; choose a version that is complete`,
    )
}

/** Looks where Node looks: in the `node_modules` of the folder, then of those around it. */
function isResolvable(entries: LockEntries, folder: string, name: string): boolean {
  const parts = folder.split('/')
  return [...parts.keys(), parts.length].some((depth) => {
    const around = parts.slice(0, depth).join('/')
    return `${around === '' ? '' : `${around}/`}node_modules/${name}` in entries
  })
}

if (import.meta.main) {
  const { packages } = readJson<{ packages: LockEntries }>(join(ROOT, 'package-lock.json'))
  const problems = lockProblems(packages)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
