// SPDX-License-Identifier: Apache-2.0
/**
 * Running the built command in processes of its own.
 *
 * @module
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LanHost } from '@waxwing/testkit'

export const BIN: string = fileURLToPath(new URL('../../bin/waxwing.js', import.meta.url))

/** Most of a short command's time goes into loading it: what one process compiled serves the next. */
const COMPILED = fileURLToPath(new URL('../../../../build/compiled', import.meta.url))

/** What a command finds in its environment. */
export function environment(more: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv {
  return { ...process.env, NODE_COMPILE_CACHE: COMPILED, ...more }
}

/** On a machine that has other things to do. */
const PATIENCE_MS = 60_000

export interface RunOptions {
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string
  /** Where it runs. Default: on this machine itself. */
  readonly host?: Pick<LanHost, 'command'> | undefined
}

export interface Ended {
  readonly status: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export class Running {
  stdout = ''
  stderr = ''
  readonly process: ChildProcess
  readonly #closed: Promise<unknown>
  #isOver = false

  constructor(args: readonly string[], { cwd, env, stdin, host }: RunOptions) {
    const here = { program: process.execPath, args: [BIN, ...args] }
    const command = host?.command(here.program, here.args) ?? here
    const child = spawn(command.program, [...command.args], { cwd, env: environment(env) })
    this.process = child
    const kill = (): void => void child.kill('SIGKILL')
    process.once('exit', kill) // nothing outlives the tests, whatever ends them
    child.once('exit', () => process.off('exit', kill))
    this.#closed = once(child, 'close').then(() => (this.#isOver = true))
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    child.stdin.on('error', () => undefined) // it may have ended already
    if (stdin !== undefined) child.stdin.end(stdin)
  }

  async ended(): Promise<Ended> {
    await this.#closed
    const { exitCode: status, signalCode: signal } = this.process
    return { status, signal, stdout: this.stdout, stderr: this.stderr }
  }

  /** Waits until the output, standard error included, shows something. */
  async shows(pattern: RegExp): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    while (!pattern.test(this.stdout + this.stderr)) {
      if (performance.now() > until || this.#isOver) {
        throw new Error(`${String(pattern)} did not come, but:\n${this.stdout}${this.stderr}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
}

/** Runs a command to its end. */
export function run(args: readonly string[], options: RunOptions): Promise<Ended> {
  return new Running(args, { stdin: '', ...options }).ended()
}
