// SPDX-License-Identifier: Apache-2.0
/**
 * The process: runs the command, and turns what it threw into a message and an exit status.
 *
 * @module
 */

import { CommanderError } from 'commander'
import { EXIT_CODES } from './exit-codes.js'
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

try {
  const program = buildProgram()
  const options = everyCommand(program).flatMap((command) => command.options)
  const longs = new Set(options.flatMap(({ long }) => long ?? []))
  await program.parseAsync(markIds(process.argv.slice(2), longs), { from: 'user' })
} catch (error) {
  process.exitCode = statusOf(error)
}

function statusOf(error: unknown): number {
  // Commander has said what was wrong, or shown the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_CODES.usage.status
  const { stdout, stderr } = process
  const json = process.argv.includes('--json')
  return new Output({ json, quiet: false, stdout, stderr }).failure(error, hintFor(error))
}
