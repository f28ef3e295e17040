// SPDX-License-Identifier: Apache-2.0
/**
 * Checks the packages as their users will get them: packed by npm, then looked at by publint and by
 * "are the types wrong?". It needs the build, and no file in it that no source made.
 *
 * @module
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { leftOvers } from './left-overs.mjs'
import { ROOT, readWorkspaces, type Workspace } from './workspaces.ts'

const TIMEOUT_MS = 120_000

function checkPackages(packages: readonly Workspace[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-pack-'))
  try {
    const named = packages.flatMap(({ folder: path }) => ['-w', path])
    run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, ...named])
    const tarballs = readdirSync(folder).map((name) => join(folder, name))
    if (tarballs.length !== packages.length) return ['npm pack did not pack every package']
    return tarballs.flatMap((tarball) => [
      ...complaint(join(ROOT, 'node_modules/.bin/publint'), ['run', tarball, '--strict']),
      ...complaint(join(ROOT, 'node_modules/.bin/attw'), [tarball, '--profile', 'esm-only']),
    ])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function complaint(command: string, args: readonly string[]): string[] {
  try {
    run(command, args)
    return []
  } catch (error) {
    if (!(error instanceof Error && 'stdout' in error && 'stderr' in error)) throw error
    return [`${command} ${args.join(' ')}\n${String(error.stdout)}${String(error.stderr)}`]
  }
}

function run(command: string, args: readonly string[]): void {
  execFileSync(command, args, { cwd: ROOT, timeout: TIMEOUT_MS, stdio: 'pipe' })
}

function buildProblems({ folder }: Workspace): string[] {
  if (!existsSync(join(ROOT, folder, 'dist'))) return [`${folder}/dist is missing: build first`]
  const strange = leftOvers(join(ROOT, folder))
  return strange.map((path) => `${path} has no source: npm run set-up removes it`)
}

const packages = readWorkspaces().filter(({ manifest }) => manifest.private !== true)
const problems = [...packages.flatMap(buildProblems), ...checkPackages(packages)]
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1
