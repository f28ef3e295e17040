// SPDX-License-Identifier: Apache-2.0
/**
 * A server of the machine as a child process, with what such fixtures share: it is up once its log
 * says so, it is ended by its own process id, it can be started again, and it does not outlive the
 * process that started it, however that one ended.
 *
 * @module
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mortal } from './fixture-process.js'

/** How a server is ended: so that it saves what it wants to save, or as in a crash. */
export type StopSignal = 'SIGTERM' | 'SIGKILL'

export interface ServerCommand {
  readonly program: string
  readonly args: readonly string[]
  /** On top of this process's own. */
  readonly env?: Readonly<Record<string, string>>
  /** What it writes, to either output, once it takes connections. */
  readonly upWhen: string
}

export class ServerProcess {
  readonly #command: ServerCommand
  readonly #onNews = new Set<() => void>()
  #child: ChildProcess | undefined
  #log = ''

  constructor(command: ServerCommand) {
    this.#command = command
  }

  /** What it wrote so far, over all its runs. */
  log(): string {
    return this.#log
  }

  get isRunning(): boolean {
    const child = this.#child
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null
  }

  /** @throws {Error} If it ends before it is up; the message has its log. */
  async start(): Promise<void> {
    const { program, args, env, upWhen } = this.#command
    const command = mortal(program, args)
    const child = spawn(command.program, command.args, {
      stdio: 'pipe',
      env: { ...process.env, ...env },
    })
    this.#child = child
    const abandon = (): void => void child.kill('SIGKILL')
    process.once('exit', abandon)
    child.once('exit', () => process.off('exit', abandon))
    child.once('close', () => this.#hear(''))
    child.once('error', ({ message }) => this.#hear(message))
    child.stdin.on('error', () => undefined) // what it does not read is no news
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding('utf8').on('data', (text: string) => this.#hear(text))
    }
    await this.until(upWhen)
  }

  /** Ends it, and waits until it is gone. Does nothing where it does not run. */
  async stop(signal: StopSignal = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  /**
   * Gives it a line to read, and waits for what it writes then.
   *
   * @throws {Error} If it ends before, or does not run.
   */
  async tell(line: string, answer: string): Promise<void> {
    if (!this.isRunning) throw new Error(`${this.#command.program} has ended`)
    const answered = this.until(answer)
    this.#child?.stdin?.write(`${line}\n`)
    await answered
  }

  /**
   * Waits until it writes this text.
   *
   * @throws {Error} If it ends before.
   */
  async until(text: string): Promise<void> {
    const begin = this.#log.length
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const look = (): void => {
      const news = this.#log.slice(begin)
      if (news.includes(text)) resolve()
      else if (!this.isRunning) {
        reject(new Error(`${this.#command.program} ended without '${text}':\n${news}`))
      }
    }
    this.#onNews.add(look)
    try {
      await promise
    } finally {
      // Not for ever: to search what grows with every message takes longer and longer.
      this.#onNews.delete(look)
    }
  }

  #hear(text: string): void {
    this.#log += text
    for (const look of this.#onNews) look()
  }
}
