// SPDX-License-Identifier: Apache-2.0
/**
 * A disk that can be filled to the last byte: a small file system in memory, mounted for a test. Only
 * who administers the machine may mount; elsewhere there is none, and its caller says so.
 *
 * @module
 */

import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'

export interface SmallDisk {
  /** Takes all room that is left. */
  fill(): void
  /** Gives the room back that {@link SmallDisk.fill} took. */
  free(): void
  /** Unmounts it; what is on it is gone. */
  close(): void
}

/** Sizes of what is written until no more of it fits: the largest first. */
const PORTIONS: readonly number[] = [65_536, 4096, 1]

/**
 * Mounts a disk of `mebibytes` at `folder`, which is made.
 *
 * @returns `undefined` where nothing can be mounted.
 */
export function mountSmallDisk(folder: string, mebibytes: number): SmallDisk | undefined {
  mkdirSync(folder, { recursive: true })
  const options = `size=${mebibytes}m,mode=0700`
  if (!runs('mount', '-t', 'tmpfs', '-o', options, 'waxwing-test', folder)) return undefined
  const ballast = join(folder, 'ballast')
  const close = (): void => {
    process.off('exit', close)
    runs('umount', '-l', folder)
  }
  process.once('exit', close) // nothing outlives the tests, whatever ends them
  return { fill: () => fillWith(ballast), free: () => rmSync(ballast, { force: true }), close }
}

function fillWith(path: string): void {
  const file = openSync(path, 'a')
  for (const bytes of PORTIONS) while (fits(file, bytes));
  closeSync(file)
}

function fits(file: number, bytes: number): boolean {
  try {
    return writeSync(file, new Uint8Array(bytes)) > 0
  } catch {
    return false
  }
}

function runs(command: string, ...parameters: readonly string[]): boolean {
  try {
    execFileSync(command, parameters, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
