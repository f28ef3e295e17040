// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing help`: the help of any command, however deep it stands.
 *
 * @module
 */

import type { Command } from 'commander'
import { UsageError } from '../exit-codes.js'
import { teach } from '../teaching.js'

export function registerHelp(program: Command): void {
  program.helpCommand(false)
  teach(
    program
      .command('help')
      .description('show the help of a command, however deep it stands')
      .argument('[command...]', 'which one; default: all of them in a list')
      .action((path: readonly string[]) => commandAt(program, path).help()),
    {
      examples: ['help pub', 'help domain admit'],
      next: '`waxwing help` lists all commands.',
    },
  )
}

/** @throws {UsageError} If there is none. */
function commandAt(program: Command, path: readonly string[]): Command {
  let found = program
  for (const [index, name] of path.entries()) {
    const next = found.commands.find(
      (command) => command.name() === name || command.aliases().includes(name),
    )
    if (next === undefined) {
      const known = found.commands.map((command) => command.name()).join(', ')
      const typed = path.slice(0, index + 1).join(' ')
      const instead = known === '' ? 'it has no commands of its own' : `there are ${known}`
      throw new UsageError(`there is no command '${typed}'; ${instead}`)
    }
    found = next
  }
  return found
}
