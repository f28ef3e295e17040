// SPDX-License-Identifier: Apache-2.0
/**
 * What the command says. Results go to standard output, as text or, with `--json`, as one JSON object
 * a line; progress, hints and failures go to standard error.
 *
 * Names, reasons and messages come from others. What reaches a terminal has no control characters in
 * it: nobody's name may move the cursor or turn the text around.
 *
 * @module
 */

import { toBase64Url, WaxwingError } from '@waxwing/core'
import { errorCodeOf, EXIT_CODES, exitKindOf } from './exit-codes.js'

export type Json =
  string | number | boolean | null | undefined | readonly Json[] | { readonly [key: string]: Json }

export interface TextSink {
  write(text: string | Uint8Array): unknown
  readonly isTTY?: boolean
}

export interface OutputOptions {
  readonly json: boolean
  /** Without hints and progress. */
  readonly quiet: boolean
  /** The home as it was typed, where it was: hints name it too. */
  readonly home?: string | undefined
  readonly stdout: TextSink
  readonly stderr: TextSink
}

// Control characters, and those that change the direction of text.
const UNSAFE = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu
const PROGRESS_WIDTH = 24

/** Makes text safe to be shown: what could act on a terminal is written as an escape. */
export function printable(text: string): string {
  return text.replace(UNSAFE, (char) => {
    if (char === '\n') return String.raw`\n`
    if (char === '\t') return '  '
    return `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`
  })
}

export class Output {
  readonly json: boolean
  readonly #options: OutputOptions
  #progressShown = false

  constructor(options: OutputOptions) {
    this.json = options.json
    this.#options = options
  }

  /** A result: an object for programs, lines for people. */
  result(value: { readonly [key: string]: Json }, lines: string | readonly string[]): void {
    if (this.json) this.#print(JSON.stringify(value))
    else for (const line of asLines(lines)) this.#print(printable(line))
  }

  /** Bytes as they are: the content of a message. On a terminal each begins on a line of its own. */
  raw(bytes: Uint8Array): void {
    const { stdout } = this.#options
    stdout.write(bytes)
    if (stdout.isTTY === true) stdout.write('\n')
  }

  /** Says what happens, to people. */
  note(lines: string | readonly string[]): void {
    if (this.#options.quiet) return
    this.#clearProgress()
    for (const line of asLines(lines)) this.#options.stderr.write(`${printable(line)}\n`)
  }

  /** Says what people may want to do now: a command of ours in the home that they chose. */
  next(...steps: readonly string[]): void {
    if (this.json) return
    const { home } = this.#options
    const at = home === undefined ? '' : `--home ${home} `
    const here = steps.map((step) => step.replace(/^waxwing /, `waxwing ${at}`))
    this.note(here.map((step, index) => (index === 0 ? `Next: ${step}` : `      ${step}`)))
  }

  /** Says what somebody should know, although it is no failure. Never silenced. */
  warn(line: string): void {
    this.#clearProgress()
    this.#options.stderr.write(`${printable(line)}\n`)
  }

  /** Shows how far a long work is, where somebody looks. */
  progress(label: string, share: number): void {
    const full = Math.round(Math.min(1, share) * PROGRESS_WIDTH)
    const bar = '█'.repeat(full) + '░'.repeat(PROGRESS_WIDTH - full)
    const percent = String(Math.floor(share * 100)).padStart(3)
    this.status(`${bar} ${percent} %  ${label}`)
  }

  /** Whether somebody may look at a {@link Output.status}. */
  get showsStatus(): boolean {
    const { stderr, quiet } = this.#options
    return !quiet && !this.json && stderr.isTTY === true
  }

  /** A line that the next one replaces, where somebody looks. */
  status(line: string): void {
    if (!this.showsStatus) return
    const { stderr } = this.#options
    stderr.write(`\r${printable(line)}\u001B[K`)
    this.#progressShown = true
  }

  /** Takes the progress bar or status away. */
  progressDone(): void {
    this.#clearProgress()
  }

  /** Reports a failure. Returns the exit status. */
  failure(error: unknown, hint?: string): number {
    this.#clearProgress()
    const { status } = EXIT_CODES[exitKindOf(error)]
    const message = messageOf(error)
    const code = error instanceof WaxwingError ? error.code : undefined
    const { stderr } = this.#options
    if (this.json) {
      stderr.write(
        `${JSON.stringify({ error: errorCodeOf(error), message, hint, exit: status })}\n`,
      )
      return status
    }
    stderr.write(`waxwing: ${printable(message)}${code === undefined ? '' : ` (${code})`}\n`)
    if (hint !== undefined) for (const line of hint.split('\n')) stderr.write(`${line}\n`)
    return status
  }

  #print(line: string): void {
    this.#clearProgress()
    this.#options.stdout.write(`${line}\n`)
  }

  #clearProgress(): void {
    if (!this.#progressShown) return
    this.#progressShown = false
    this.#options.stderr.write('\r\u001B[K')
  }
}

/** An id as people see it. */
export function shortId(id: Uint8Array | string): string {
  return (typeof id === 'string' ? id : toBase64Url(id)).slice(0, 12)
}

/** A count with its noun: `1 message`, `2 messages`. */
export function counted(count: number, noun: string, plural = `${noun}s`): string {
  return `${count.toLocaleString('en')} ${count === 1 ? noun : plural}`
}

/** What an error says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function asLines(lines: string | readonly string[]): readonly string[] {
  return typeof lines === 'string' ? [lines] : lines
}
