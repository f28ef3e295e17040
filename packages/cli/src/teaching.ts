// SPDX-License-Identifier: Apache-2.0
/**
 * Help that teaches: after the options of each command an example, and what comes next.
 *
 * @module
 */

import type { Command } from 'commander'

export interface Lesson {
  /** Commands as somebody would type them; the `waxwing` in front of simple ones is added. */
  readonly examples: readonly string[]
  /** What one does afterwards, in a sentence. */
  readonly next: string
  /** What one has to know before, in lines. */
  readonly notes?: readonly string[]
}

/** Adds a lesson to the help of a command. */
export function teach(command: Command, { examples, next, notes = [] }: Lesson): Command {
  const lines = examples.map((example) =>
    example.includes('waxwing ') ? `  $ ${example}` : `  $ waxwing ${example}`,
  )
  const title = examples.length === 1 ? 'Example:' : 'Examples:'
  const also = 'All commands take --home, --broker, --json and --quiet too: see waxwing --help'
  const before = notes.length === 0 ? [] : [...notes, '']
  const text = [...before, also, `\n${title}`, ...lines, `\nNext: ${next}`].join('\n')
  return command.addHelpText('after', `\n${text}`)
}
