// SPDX-License-Identifier: Apache-2.0
/**
 * Files that came, and those of which something is missing, told to people and programs.
 *
 * @module
 */

import { basename } from 'node:path'
import { counted, type Output } from '../output.js'
import { PART } from './file-name.js'
import type { ReceivedFile } from './incoming-files.js'
import { byteSize } from './pace.js'
import type { PartFile } from './part-file.js'

/** Ranges that are named; more are counted. */
const SHOWN_RANGES = 8

/** What a file is called while it is not complete. */
export function nameOf({ record, path }: PartFile): string {
  return record.name ?? basename(path, PART)
}

export function tellReceived(output: Output, { path, part }: ReceivedFile): void {
  const { progress, facts, doubled, sha256, contentType } = part.record
  const { receivedBytes: byteCount, receivedCount: pieces } = progress
  const { transfer, stream, sentBy } = facts
  const value = { received: path, transfer, stream, sentBy, byteCount, pieces, doubled, sha256 }
  const again = doubled === 0 ? '' : `; ${counted(doubled, 'piece')} came twice`
  output.result({ ...value, contentType, name: part.record.name }, [
    `Received ${path}: ${byteSize(byteCount)} in ${counted(pieces, 'piece')} of ${stream}, ` +
      `from ${sentBy ?? 'unknown (NOT SIGNED)'}${again}`,
    `SHA-256 ${sha256 ?? ''}`,
  ])
}

export function tellIncomplete(output: Output, part: PartFile): void {
  const { progress, facts } = part.record
  const { transfer, stream } = facts
  const missing = progress.missing().map(({ first, last }) => [first, last])
  const { pieceCount, receivedBytes } = progress
  const value = { incomplete: part.path, transfer, stream, missing, pieceCount, receivedBytes }
  if (output.json) output.result(value, [])
  else output.note(`Not complete: ${nameOf(part)}, ${missingText(part)}`)
}

/** Which pieces are missing: `without pieces 3-5, 9 of 800`. */
export function missingText({ record: { progress } }: PartFile): string {
  const { pieceCount } = progress
  const missing = progress.missing()
  const have = `${counted(progress.receivedCount, 'piece')} of ${pieceCount ?? 'an unknown number'}`
  if (missing.length === 0) return have
  const shown = missing
    .slice(0, SHOWN_RANGES)
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
  const more = missing.length - shown.length
  const rest = more === 0 ? '' : ` and ${counted(more, 'range')} more`
  return `${have}; missing ${shown.join(', ')}${rest}`
}
