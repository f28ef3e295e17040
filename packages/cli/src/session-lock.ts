// SPDX-License-Identifier: Apache-2.0
/**
 * One long-running command of a kind at a time on a home: two would take the broker's session from
 * each other, again and again, and read from one store as one reader.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { UsageError } from './exit-codes.js'

/** With what stands before it, a name at a broker has 64 characters at the most. */
const MAX_CHARS = 39
const DIGEST_CHARS = 8

/**
 * A name that files and sessions at any broker can have, another one for each text: up to 39 letters,
 * digits, `_` and `-`.
 */
export function sessionName(command: string, text: string): string {
  const digest = createHash('sha256').update(text).digest('hex').slice(0, DIGEST_CHARS)
  const room = Math.min(24, MAX_CHARS - command.length - DIGEST_CHARS - 2)
  return `${command}-${text.replaceAll(/[^\w]+/g, '-').slice(0, room)}-${digest}`
}

/**
 * Claims a session for this process.
 *
 * @param path - The file that says who has it. One left by a process that is gone does not count.
 * @returns What gives it back.
 * @throws {UsageError} If another process has it.
 */
export function claimSession(path: string): () => void {
  for (;;) {
    try {
      writeFileSync(path, `${process.pid}\n`, { flag: 'wx', mode: 0o600 })
      return () => rmSync(path, { force: true })
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
    const owner = ownerOf(path)
    if (owner !== undefined && isAlive(owner)) {
      throw new UsageError(
        `the same command runs on this home already (process ${owner}); ` +
          'a reader of its own has another --name, an identity of its own another --home',
      )
    }
    rmSync(path, { force: true })
  }
}

function ownerOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'))
    return Number.isSafeInteger(pid) && pid > 0 && pid !== process.pid ? pid : undefined
  } catch {
    return undefined // it was given back meanwhile
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
