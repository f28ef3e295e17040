// SPDX-License-Identifier: Apache-2.0
/**
 * Everything that a machine can hold against a change, apart from the tests. All steps run, each
 * gets one line, and a step that fails shows what it said. `npm run check:run -- lint layers` runs
 * only those named.
 *
 * @module
 */

import { spawn } from 'node:child_process'
import { text } from 'node:stream/consumers'
import { ROOT } from './workspaces.ts'

interface Step {
  readonly name: string
  /** What it promises, in a few words. */
  readonly promise: string
  readonly command: readonly [string, ...string[]]
}

const STEPS: readonly Step[] = [
  {
    name: 'format',
    promise: 'the code looks alike',
    command: ['prettier', '--check', '--cache', '--log-level', 'warn', '.'],
  },
  {
    name: 'lint',
    promise: 'no known mistake, types considered',
    command: ['oxlint', '--type-aware'],
  },
  { name: 'types', promise: 'packages, tests and tools compile', command: ['tsc', '-b'] },
  {
    name: 'layers',
    promise: 'imports point down; core is portable',
    command: ['node', 'tools/check-layers.ts'],
  },
  {
    name: 'unused',
    promise: 'no file, export or dependency is idle',
    command: ['knip', '--no-progress', '--no-config-hints'],
  },
  {
    name: 'errors',
    promise: 'the page of error codes is up to date',
    command: ['node', 'tools/docs-errors.ts', '--check'],
  },
  {
    name: 'docs',
    promise: 'examples compile and run; links lead somewhere',
    command: ['node', 'tools/check-docs.ts'],
  },
  {
    name: 'citations',
    promise: 'what is cited of the specification is there',
    command: ['node', 'tools/check-citations.ts'],
  },
  {
    name: 'packages',
    promise: 'what would be published is sound',
    command: ['node', 'tools/check-packages.ts'],
  },
  {
    name: 'lock',
    promise: 'the lock file is complete on every machine',
    command: ['node', 'tools/check-lock.ts'],
  },
  {
    name: 'leaks',
    promise: 'no registry, private path or secret in a file',
    command: ['node', 'tools/check-leaks.ts'],
  },
]

async function passes({ name, promise, command }: Step): Promise<boolean> {
  const started = performance.now()
  const [program, ...args] = command
  const env = { ...process.env, NO_COLOR: '1' }
  const child = spawn(program, args, { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = new Promise<boolean>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code === 0))
  })
  const [passed, ...said] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  const seconds = ((performance.now() - started) / 1_000).toFixed(1)
  const verdict = passed ? 'ok  ' : 'FAIL'
  console.log(`${verdict} ${name.padEnd(9)} ${promise.padEnd(48)} ${seconds.padStart(5)} s`)
  if (!passed) console.log(said.join('').trimEnd().replaceAll(/^/gm, '     '))
  return passed
}

const wanted = process.argv.slice(2)
const unknown = wanted.find((word) => !STEPS.some(({ name }) => name === word))
if (unknown !== undefined) throw new RangeError(`there is no step "${unknown}"`)

const failed: string[] = []
for (const step of STEPS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
  if (!(await passes(step))) failed.push(step.name)
}
console.log(failed.length === 0 ? 'Check: all passed' : `Check: failed: ${failed.join(', ')}`)
process.exitCode = failed.length === 0 ? 0 : 1
