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

/** What the compiler left behind when its source was removed would be published for ever. */
function leftOvers({ folder }: Workspace): string[] {
  const dist = join(ROOT, folder, 'dist')
  if (!existsSync(dist)) return [`${folder}/dist is missing: build first`]
  const built = readdirSync(dist, { recursive: true, encoding: 'utf8' })
  return built
    .filter((path) => path.endsWith('.js'))
    .filter((path) => !existsSync(join(ROOT, folder, 'src', path.replace(/\.js$/, '.ts'))))
    .map((path) => `${folder}/dist/${path} has no source: remove dist and build again`)
}

const packages = readWorkspaces().filter(({ manifest }) => manifest.private !== true)
const problems = [...packages.flatMap(leftOvers), ...checkPackages(packages)]
for (const problem of problems) console.error(problem)
process.exitCode = problems.length === 0 ? 0 : 1
