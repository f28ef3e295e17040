// SPDX-License-Identifier: Apache-2.0
/**
 * The process: runs the command, and turns what it threw into a message and an exit status.
 *
 * @module
 */

import { CommanderError } from 'commander'
import { EXIT_CODES, UsageError } from './exit-codes.js'
import { hintFor } from './hints.js'
import { Output } from './output.js'
import { buildProgram, everyCommand } from './program.js'
import { markIds } from './wishes.js'

/** Whoever reads our output may stop at any time: that is no failure. */
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

const isJson = process.argv.includes('--json')

try {
  const program = buildProgram(isJson ? () => undefined : undefined)
  const options = everyCommand(program).flatMap((command) => command.options)
  const longs = new Set(options.flatMap(({ long }) => long ?? []))
  await program.parseAsync(markIds(process.argv.slice(2), longs), { from: 'user' })
} catch (error) {
  process.exitCode = statusOf(error)
}

function statusOf(error: unknown): number {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0 // the help that was asked for
    // Commander has said what was wrong, but not to a program.
    if (!isJson) return EXIT_CODES.usage.status
    return statusOf(new UsageError(messageOf(error)))
  }
  const { stdout, stderr } = process
  const output = new Output({ json: isJson, quiet: false, stdout, stderr })
  return output.failure(error, hintFor(error))
}

function messageOf({ code, message }: CommanderError): string {
  if (code === 'commander.help') return 'a command is missing: see waxwing help'
  return message.replace(/^error: /, '').replaceAll('\n', ' ')
}
