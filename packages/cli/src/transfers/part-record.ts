// SPDX-License-Identifier: Apache-2.0
/**
 * What is known of a file that is not complete, beside it on disk (`docs/spec/08-receiving.md` Section 8.7).
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fromBase64Url, toBase64Url, TransferProgress } from '@waxwing/core'
import { UsageError } from '../exit-codes.js'
import { saveFile } from './saved-file.js'

/** What stays the same of a transfer. */
export interface TransferFacts {
  /** Names the transfer among all of all producers, in hex. */
  readonly key: string
  /** As its producer named it, in hex. */
  readonly transfer: string
  readonly stream: string
  /** The producer's name, where the pieces are signed. */
  readonly sentBy: string | undefined
}

export interface PartRecord {
  readonly facts: TransferFacts
  readonly progress: TransferProgress
  /** What the sender calls the file; in the first piece. */
  name: string | undefined
  contentType: string | undefined
  /**
   * The last piece, where it came before anything said where it belongs, and where it lies: in the beginning,
   * until another piece is written.
   */
  tail: { readonly index: number; readonly bytes: number; readonly at: number } | undefined
  /** Pieces that came again. */
  doubled: number
  /** Once all is there: in hex. */
  sha256: string | undefined
  /** The name, without a folder, that the file is given or was given. */
  target: string | undefined
}

export function newRecord(facts: TransferFacts): PartRecord {
  const progress = new TransferProgress()
  return { facts, progress, doubled: 0, ...NOTHING }
}

const NOTHING = {
  name: undefined,
  contentType: undefined,
  tail: undefined,
  sha256: undefined,
  target: undefined,
} as const

/** On disk once this returns. */
export function saveRecord(path: string, record: PartRecord): void {
  const progress = toBase64Url(record.progress.serialize())
  saveFile(path, `${JSON.stringify({ ...record, progress })}\n`)
}

/** @throws {UsageError} If it is none. */
export function readRecord(path: string): PartRecord {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as Omit<PartRecord, 'progress'> & {
      progress: unknown
    }
    const bytes = typeof read.progress === 'string' ? fromBase64Url(read.progress) : undefined
    if (bytes === undefined) throw new TypeError('progress must be base64url')
    assertText(read.facts.key, read.facts.transfer, read.facts.stream)
    const { target } = read
    if (target !== undefined && target !== basename(target)) throw new TypeError('target')
    if (!Number.isSafeInteger(read.doubled)) throw new TypeError('doubled')
    return { ...NOTHING, ...read, progress: TransferProgress.restore(bytes) }
  } catch (cause) {
    const part = path.replace(/\.json$/, '')
    throw new UsageError(
      `${path} is damaged: remove it and ${part}, and have the file sent again`,
      {
        cause,
      },
    )
  }
}

function assertText(...values: readonly unknown[]): void {
  for (const value of values) if (typeof value !== 'string') throw new TypeError('no text')
}
