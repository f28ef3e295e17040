// SPDX-License-Identifier: Apache-2.0
/**
 * Names of files that come from others. A sender says how its file is called; where it lies here, and what
 * it takes the place of, it does not say.
 *
 * Invariant: what comes out is one name without a folder, not hidden, no name of a part or its record,
 * and not longer than file systems take.
 *
 * @module
 */

import { linkSync, renameSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'

/** The header in which a sender says how its file is called. */
export const FILE_NAME = 'file-name'
/** At the end of the name of a file that is not complete. */
export const PART = '.part'
/** At the end of the name of the record beside it. */
export const RECORD = '.part.json'

/** Room for a number and for the ends above, of the 255 bytes that file systems take. */
const MAX_NAME_BYTES = 200
const MAX_EXTENSION_BYTES = 20
const MAX_NUMBER = 10_000
const FORBIDDEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}<>:"|?*]/gu
const DEVICE = /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/i
const OWN = /\.part(?:\.json)?$/i

/**
 * Makes a name that can be used of one that somebody else chose.
 *
 * @param fallback - Where nothing is left of it.
 */
export function cleanFileName(text: string, fallback: string): string {
  const last = text.toWellFormed().normalize('NFC').split(/[/\\]/).at(-1) ?? ''
  const bare = last.replaceAll(FORBIDDEN, '').replace(/^[.\s]+/, '')
  const short = shortened(bare.replace(/[.\s]+$/, ''))
  if (short === '') return fallback
  const free = DEVICE.test(short) ? `_${short}` : short
  return OWN.test(free) ? `${free}_` : free
}

/** Cuts a name in the middle, between characters: its extension stays. */
function shortened(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name
  const extension = extname(name)
  const kept = Buffer.byteLength(extension) <= MAX_EXTENSION_BYTES ? extension : ''
  let room = MAX_NAME_BYTES - Buffer.byteLength(kept)
  let stem = ''
  for (const char of name) {
    room -= Buffer.byteLength(char)
    if (room < 0) break
    stem += char
  }
  return `${stem.trimEnd()}${kept}`
}

/** The path itself, then the same with numbers: `a.txt`, `a (1).txt`. */
export function* candidates(path: string): Generator<string, void> {
  yield path
  const extension = extname(path)
  const stem = join(dirname(path), basename(path, extension))
  for (let number = 1; number < MAX_NUMBER; number++) yield `${stem} (${number})${extension}`
}

/**
 * Gives a file another name, if nothing is there that has it.
 *
 * @returns `false` if something is. A link that an earlier run has made counts as made.
 */
export function linkIfFree(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EEXIST') return isSameFile(from, to)
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'EOPNOTSUPP') throw error
  }
  // A file system without links: what is made there meanwhile would be replaced.
  if (statSync(to, { throwIfNoEntry: false }) !== undefined) return false
  renameSync(from, to)
  return true
}

function isSameFile(one: string, other: string): boolean {
  const [a, b] = [statSync(one, { bigint: true }), statSync(other, { bigint: true })]
  return a.ino === b.ino && a.dev === b.dev
}
