// SPDX-License-Identifier: Apache-2.0
/**
 * A terminal of a transcript: a shell that runs one command at a time, whose output comes in lines.
 *
 * @module
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { matchOutput, type Block } from './console-blocks.js'
import { environment } from './running.js'

const PATIENCE_MS = 60_000

export interface TerminalOptions {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

export class Terminal {
  readonly #options: TerminalOptions
  #process: ChildProcess | undefined
  #exit: Promise<number> = Promise.resolve(0)
  #lines: string[] = []
  #rest = ''
  #wake: () => void = () => undefined

  constructor(options: TerminalOptions) {
    this.#options = options
  }

  /** Everything that was shown and not matched yet. */
  get pending(): readonly string[] {
    return this.#lines
  }

  /** Lets go of what came and was not shown. */
  forget(): void {
    this.#lines = []
  }

  type(command: string): void {
    const { folder: cwd, env } = this.#options
    // The shell becomes the command, so that a signal reaches it.
    const text = command.startsWith('waxwing ') ? `exec ${command} 2>&1` : `{ ${command}; } 2>&1`
    const child = spawn('sh', ['-c', text], {
      cwd,
      env: environment(env),
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.#process = child
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => this.#take(chunk))
    this.#exit = once(child, 'close').then(([code]) => Number(code ?? -1))
  }

  interrupt(): void {
    this.#process?.kill('SIGINT')
  }

  /** Waits for the end of the command. Returns its exit status. */
  async ended(): Promise<number> {
    const status = await Promise.race([this.#exit, late<number>('the command did not end')])
    if (this.#rest !== '') this.#take('\n')
    return status
  }

  /** Waits until what is shown in the guide has come. */
  async shows(expected: readonly string[]): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      const used = matchOutput(expected, this.#lines)
      if (used !== undefined) {
        this.#lines.splice(0, used)
        return
      }
      if (performance.now() > until) {
        throw new Error(
          `the guide shows\n  ${expected.join('\n  ')}\nand all that came was\n  ` +
            this.#lines.join('\n  '),
        )
      }
      await Promise.race([
        new Promise<void>((resolve) => (this.#wake = resolve)),
        new Promise((resolve) => setTimeout(resolve, 500)),
      ])
    }
  }

  async close(): Promise<void> {
    this.#process?.kill('SIGKILL')
    await this.#exit
  }

  #take(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    this.#lines.push(...lines.map((line) => line.trimEnd()))
    this.#wake()
  }
}

/** Plays blocks, one after the other, each in its terminal. */
export class Play {
  readonly #options: TerminalOptions
  readonly #terminals = new Map<string, Terminal>()

  constructor(options: TerminalOptions) {
    this.#options = options
  }

  /** @throws {Error} Where something else happens than the block shows, naming its line. */
  async play(block: Block): Promise<void> {
    try {
      if (block.terminal === '') await this.#playHere(block)
      else await this.#playIn(this.#terminal(block.terminal), block)
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new Error(`line ${block.line}: ${why}`, { cause })
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#terminals.values()].map((terminal) => terminal.close()))
  }

  /** Commands that end: all that they say is shown. */
  async #playHere({ steps }: Block): Promise<void> {
    const terminal = new Terminal(this.#options)
    for (const [index, step] of steps.entries()) {
      if (step.kind !== 'command') continue
      terminal.type(step.text)
      const status = await terminal.ended()
      const next = steps[index + 1]
      const shown = next?.kind === 'output' ? next.lines : []
      const expected = shown.filter((line) => !/^\(exit \d+\)$/.test(line) && line !== '')
      const exit = Number(/^\(exit (\d+)\)$/m.exec(shown.join('\n'))?.[1] ?? 0)
      if (status !== exit) {
        throw new Error(`${step.text}\nended with ${status}:\n  ${terminal.pending.join('\n  ')}`)
      }
      await terminal.shows(expected)
      if (expected.at(-1) !== '…' && terminal.pending.length > 0) {
        throw new Error(`the guide does not show\n  ${terminal.pending.join('\n  ')}`)
      }
      terminal.forget()
    }
  }

  /** A command that stays; what it says may be shown later. */
  async #playIn(terminal: Terminal, { steps }: Block): Promise<void> {
    for (const step of steps) {
      if (step.kind === 'command') terminal.type(step.text)
      else if (step.kind === 'output') await terminal.shows(step.lines)
      else {
        terminal.interrupt()
        const status = await terminal.ended()
        if (status !== 0) throw new Error(`interrupted, it ended with ${status}`)
      }
    }
  }

  #terminal(name: string): Terminal {
    const known = this.#terminals.get(name) ?? new Terminal(this.#options)
    this.#terminals.set(name, known)
    return known
  }
}

function late<T>(message: string): Promise<T> {
  return new Promise((_, reject) => {
    setTimeout(() => reject(new Error(message)), PATIENCE_MS).unref()
  })
}
