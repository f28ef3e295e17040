// SPDX-License-Identifier: Apache-2.0
/**
 * The mark beside a store: a small file that no backup holds, which says how far the store has come.
 * A database that does not know its mark, or is not where the mark is, was put back or is a copy.
 *
 * The database knows the mark by its time of change as well, which the kernel sets and nobody else: so
 * a copy is not the mark, and neither is a former content that was written back into it. It is
 * overwritten in place. A write that a loss of power tears leaves a mark that fits or does not, and either
 * is right, since the database follows it. What puts back a whole file system, or a disk, puts back
 * both: nothing here notices that.
 *
 * @module
 */

import * as fs from 'node:fs'
import { dirname } from 'node:path'
import { fromHex, toHex } from '@waxwing/core'
import { isCode } from './new-file.js'

export interface Mark {
  /** 16 bytes. */
  readonly life: Uint8Array
  /** How many writes were made in this life. */
  readonly step: number
}

/** A mark as it lies on the disk. */
export interface PlacedMark extends Mark {
  /** When its file was changed last, in nanoseconds since 1970. */
  readonly changedNs: bigint
}

const STEP_DIGITS = 16
const MAX_MARK_BYTES = 256
const LINE = /^waxwing-mark 1 ([0-9a-f]{32}) ([0-9]{16})\n$/

export class ContinuityMark {
  readonly #path: string

  /** @param storePath - Of the store that the mark is of. */
  constructor(storePath: string) {
    this.#path = `${storePath}-mark`
  }

  /** `undefined` where there is none, or something else. */
  read(): PlacedMark | undefined {
    const file = this.#open('r')
    if (file === undefined) return undefined
    try {
      const buffer = Buffer.alloc(MAX_MARK_BYTES)
      const text = buffer.toString('latin1', 0, fs.readSync(file, buffer, 0, MAX_MARK_BYTES, 0))
      const [, life, step] = LINE.exec(text) ?? []
      if (life === undefined) return undefined
      return { life: fromHex(life), step: Number(step), changedNs: changedNs(file) }
    } finally {
      fs.closeSync(file)
    }
  }

  /** Puts a mark into the place of whatever stands there. Durable when it returns. */
  write(mark: Mark): PlacedMark {
    const known = this.#open('r+')
    const file = known ?? fs.openSync(this.#path, 'wx', 0o600)
    try {
      const line = lineOf(mark)
      fs.writeSync(file, line, 0)
      fs.ftruncateSync(file, line.length)
      fs.fsyncSync(file)
      if (known === undefined && process.platform !== 'win32') syncFolder(dirname(this.#path))
      return { ...mark, changedNs: changedNs(file) }
    } finally {
      fs.closeSync(file)
    }
  }

  #open(flags: 'r' | 'r+'): number | undefined {
    try {
      return fs.openSync(this.#path, flags)
    } catch (error) {
      if (isCode(error, 'ENOENT')) return undefined
      throw error
    }
  }
}

/** Always as long, so that a full disk has room for it. */
function lineOf({ life, step }: Mark): string {
  return `waxwing-mark 1 ${toHex(life)} ${String(step).padStart(STEP_DIGITS, '0')}\n`
}

function changedNs(file: number): bigint {
  return fs.fstatSync(file, { bigint: true }).ctimeNs
}

function syncFolder(path: string): void {
  const folder = fs.openSync(path, 'r')
  try {
    fs.fsyncSync(folder)
  } finally {
    fs.closeSync(folder)
  }
}
