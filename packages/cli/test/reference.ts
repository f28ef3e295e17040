// SPDX-License-Identifier: Apache-2.0
/**
 * The reference page of all commands, from their help.
 *
 * @module
 */

import type { Command } from 'commander'
import { everyCommand } from '../src/program.js'

/** The page, as Markdown. */
export function commandsPage(program: Command): string {
  const leaves = everyCommand(program).filter(({ commands }) => commands.length === 0)
  const sections = leaves.map((command) => `## ${pathOf(command)}\n\n${fenced(helpOf(command))}`)
  return `<!-- Made from the help of the commands by packages/cli/test/wishes.test.ts. Do not edit. -->

# Reference of \`waxwing\`

What it is good for is told in [the tour](../guide/02-command-line.md); how it ends, in
[exit codes](exit-codes.md).

${fenced(helpOf(program))}

${sections.join('\n\n')}
`
}

function helpOf(command: Command): string {
  let help = ''
  command.configureOutput({ writeOut: (text) => (help += text) }).outputHelp()
  return help.trimEnd()
}

function fenced(text: string): string {
  return `\`\`\`text\n${text}\n\`\`\``
}

/** A command as it is typed: `waxwing domain admit`. */
export function pathOf(command: Command): string {
  const { parent } = command
  return parent === null ? command.name() : `${pathOf(parent)} ${command.name()}`
}
