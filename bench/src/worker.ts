// SPDX-License-Identifier: Apache-2.0
/**
 * Processes of their own that are told what to do: commands go out and results come back over the
 * channel that Node gives a forked process. A worker dies with who started it.
 *
 * @module
 */

import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'

type Command = (...args: never[]) => unknown
export type Commands = Readonly<Record<string, Command>>

interface Call {
  readonly id: number
  readonly name: string
  readonly args: readonly unknown[]
}

interface Answer {
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

interface Waiting {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

/** A process that was started here. */
export class Worker {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, Waiting>()
  #nextId = 0

  /** @param script - Runs {@link serve}. */
  constructor(script: URL) {
    // It loads the built packages, whatever loaded this.
    this.#child = fork(script, { serialization: 'advanced', execArgv: [] })
    this.#child.on('message', (answer: Answer) => this.#settle(answer))
    this.#child.on('error', (error) => this.#fail(error)) // nobody is there any more to be told
    this.#child.once('exit', (code, signal) => {
      this.#fail(new Error(`${script.pathname} ended by ${signal ?? `status ${code}`}`))
    })
  }

  /** Runs a command in the worker. The caller says what it gives. */
  call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#waiting.set(id, { resolve: (result) => resolve(result as T), reject })
    this.#child.send({ id, name, args } satisfies Call)
    return promise
  }

  /** Ends it at once, whatever it does, and waits until it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  #fail(error: Error): void {
    for (const waiting of this.#waiting.values()) waiting.reject(error)
    this.#waiting.clear()
  }

  #settle({ id, result, error }: Answer): void {
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiting?.resolve(result)
    else waiting?.reject(new Error(error))
  }
}

/** In a worker: carries out what it is told, until whoever told it is gone. */
export function serve(commands: Commands): void {
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.on('message', (call: Call) => void carryOut(commands, call))
}

async function carryOut(commands: Commands, { id, name, args }: Call): Promise<void> {
  let answer: Answer
  try {
    const command = commands[name]
    if (command === undefined) throw new RangeError(`there is no command ${name}`)
    answer = { id, result: await command(...(args as never[])) }
  } catch (error) {
    answer = { id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) }
  }
  process.send?.(answer)
}
