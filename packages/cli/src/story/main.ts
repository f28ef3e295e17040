// SPDX-License-Identifier: Apache-2.0
/**
 * `npm start`: tells the story in this terminal. Status 0 if everything happened as told, 1 if
 * not, 2 if it was started with options that it has not.
 *
 * @module
 */

import { parseArgs } from 'node:util'
import { NotAsTold } from './claims.js'
import { Screen } from './screen.js'
import { tell } from './story.js'

const USAGE = `Tells what Waxwing does, as a story in the terminal, on a broker of its own.

  npm start                 with time to read
  npm start -- --fast       at once; also where the output is no terminal
`

/** Nothing in the story takes so long, if anything happens at all. */
const STALLED_MS = 20_000
/** Whatever a failure left open keeps the process no longer than this. */
const LEAVE_MS = 1_000

const OPTIONS = { fast: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } as const

/** The status of a command that was given wrongly. */
const WRONG = 2

async function main(): Promise<number> {
  let values: ReturnType<typeof optionsGiven>
  try {
    values = optionsGiven()
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`)
    return WRONG
  }
  if (values.help === true) {
    process.stdout.write(USAGE)
    return 0
  }
  const watch = new Watch()
  const screen = screenOf(process, values.fast === true, () => watch.touch())
  try {
    await Promise.race([tell(screen), watch.stalled])
    return 0
  } catch (error) {
    if (!(error instanceof NotAsTold)) throw error
    screen.failed(error.claim, error.found)
    return 1
  } finally {
    watch.stop()
  }
}

/** @throws {TypeError} If there is anything else on the command line. */
function optionsGiven(): { readonly fast?: boolean; readonly help?: boolean } {
  return parseArgs({ options: OPTIONS }).values
}

function screenOf({ stdout, env }: NodeJS.Process, fast: boolean, touch: () => void): Screen {
  const { isTTY } = stdout
  return new Screen({
    write(text) {
      touch()
      stdout.write(text)
    },
    columns: (isTTY ? stdout.columns : Number(env['COLUMNS'])) || 80,
    colours: isTTY && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    paced: isTTY && !fast,
  })
}

/** Notices when nothing happens any more. */
class Watch {
  /** Rejects if it was not touched for too long. */
  readonly stalled: Promise<never>
  readonly #timer: NodeJS.Timeout

  constructor() {
    const { promise, reject } = Promise.withResolvers<never>()
    const late = new NotAsTold('The story goes on by itself.', 'nothing happened for too long')
    this.stalled = promise
    this.#timer = setTimeout(() => reject(late), STALLED_MS)
  }

  touch(): void {
    this.#timer.refresh()
  }

  stop(): void {
    clearTimeout(this.#timer)
  }
}

// Whoever closes the output early, as `head` does, has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
  leave()
})

try {
  process.exitCode = await main()
} catch (error) {
  console.error(error)
  process.exitCode = 1
}
setInterval(() => {
  if (process.stdout.writableLength === 0) leave()
}, LEAVE_MS).unref()

function leave(): void {
  process.exit() // oxlint-disable-line unicorn/no-process-exit -- nobody waits for what is left
}
