// SPDX-License-Identifier: Apache-2.0
/**
 * The console blocks of a guide, as a script: so that what the guide shows is what was tested.
 *
 * A block is fenced as `console`, with a name behind it where it is a terminal of its own:
 *
 * - `$ command` is typed in; in a terminal with a name it stays, and its output goes on in later
 *   blocks of that name;
 * - `^C` interrupts what runs in the terminal;
 * - `(exit 8)` says how the command ended, where not well;
 * - every other line is output. `…` in it stands for anything, and alone for any lines.
 *
 * @module
 */

export interface Command {
  readonly kind: 'command'
  readonly text: string
}

export type Step = Command | { readonly kind: 'interrupt' } | ExpectedOutput

export interface ExpectedOutput {
  readonly kind: 'output'
  readonly lines: readonly string[]
}

export interface Block {
  /** The name of its terminal; empty for the one whose commands end. */
  readonly terminal: string
  readonly steps: readonly Step[]
  /** Line of the page on which it begins. */
  readonly line: number
}

/** Finds the console blocks of a page of Markdown. */
export function consoleBlocks(page: string): readonly Block[] {
  const blocks: Block[] = []
  let open: { terminal: string; lines: string[]; line: number } | undefined
  for (const [index, line] of page.split('\n').entries()) {
    if (open === undefined) {
      const fence = /^```console *(\w*)$/.exec(line)
      if (fence !== null) open = { terminal: fence[1] ?? '', lines: [], line: index + 1 }
    } else if (line === '```') {
      const { terminal, lines, line: start } = open
      blocks.push({ terminal, steps: stepsOf(lines), line: start })
      open = undefined
    } else {
      open.lines.push(line)
    }
  }
  return blocks
}

function stepsOf(lines: readonly string[]): readonly Step[] {
  const steps: Step[] = []
  let output: string[] | undefined
  for (const line of lines) {
    const command = /^\$ (.*)$/.exec(line)?.[1]
    if (command === undefined && line !== '^C') {
      if (output === undefined) {
        output = []
        steps.push({ kind: 'output', lines: output })
      }
      output.push(line)
      continue
    }
    output = undefined
    steps.push(command === undefined ? { kind: 'interrupt' } : { kind: 'command', text: command })
  }
  return steps
}

/** Whether a line of output is what the guide shows. */
export function lineMatches(expected: string, line: string): boolean {
  const parts = expected.split('…').map((part) => RegExp.escape(part))
  return new RegExp(`^${parts.join('.*')}$`, 'u').test(line)
}

/**
 * Matches output against what the guide shows.
 *
 * @returns How many lines of output were used up; `undefined` while more has to come.
 * @throws {Error} If a line can be nothing that is shown.
 */
export function matchOutput(
  expected: readonly string[],
  lines: readonly string[],
): number | undefined {
  let used = 0
  let isOpen = false
  for (const shown of expected) {
    if (shown === '…') {
      isOpen = true
      continue
    }
    for (;;) {
      const line = lines[used]
      if (line === undefined) return undefined
      used++
      if (lineMatches(shown, line)) break
      if (!isOpen) throw new Error(`the guide shows\n  ${shown}\nand what came was\n  ${line}`)
    }
    isOpen = false
  }
  return used
}
