// SPDX-License-Identifier: Apache-2.0
/**
 * What a power cut may leave behind the last commit of SQLite's write-ahead log
 * (https://sqlite.org/fileformat2.html#walformat): a transaction was being written, and of what was not
 * synced any bytes may have reached the disk, or none. Everything up to that commit was synced and
 * stays as it is.
 *
 * @module
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'

export type Tear = (typeof TEARS)[number]

/**
 * - `cut`: the file ends somewhere behind the commit, with whatever an older log left there;
 * - `garbage`: random bytes;
 * - `partial`: frames of the next transaction, the last of them cut;
 * - `uncommitted`: whole frames of the next transaction, and no commit;
 * - `mixed`: a commit of which a part of the page is missing.
 */
export const TEARS = ['cut', 'garbage', 'partial', 'uncommitted', 'mixed'] as const

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
/** With this the checksums are of little-endian words; with the next number, big-endian. */
const MAGIC = 0x377f0682
const MAX_PAGES = 3

type Sums = readonly [number, number]

/** Where a log stands: everything behind `end` does not count. */
interface Commit {
  readonly end: number
  readonly sums: Sums
}

/** Tells how many bytes of a log count: header and frames up to its last commit. 0: none. */
export function committedBytes(log: Uint8Array): number {
  return log.length < HEADER_BYTES ? 0 : lastCommit(viewOf(log)).end
}

/**
 * Writes behind the last commit of a database's log what a power cut may leave there.
 *
 * @param database - Its path. Nobody may have it open.
 * @param random - From 0 to below 1.
 * @returns How many bytes of the log count. 0: there is no log, or none with a commit; nothing was
 *   changed then, but for the beginning of a header where the log is empty.
 */
export function tearJournal(database: string, tear: Tear, random: () => number): number {
  const path = `${database}-wal`
  if (!existsSync(path)) return 0
  const log = new Uint8Array(readFileSync(path))
  const end = committedBytes(log)
  if (end > 0) writeFileSync(path, torn(log, tear, random))
  else if (log.length === 0) writeFileSync(path, randomBytes(below(random, HEADER_BYTES), random))
  return end
}

function torn(log: Uint8Array, tear: Tear, random: () => number): Uint8Array {
  const view = viewOf(log)
  const { end, sums } = lastCommit(view)
  const kept = log.subarray(0, end)
  if (tear === 'cut') return log.slice(0, end + below(random, log.length - end + 1))
  const pageBytes = view.getUint32(8)
  const frameBytes = FRAME_HEADER_BYTES + pageBytes
  if (tear === 'garbage') {
    return over(log, kept, randomBytes(1 + below(random, 2 * frameBytes), random))
  }
  const count = 1 + below(random, MAX_PAGES)
  const frames = framesOf(view, { sums, count, isCommit: tear === 'mixed', random })
  if (tear === 'partial') frames.fill(0, frames.length - below(random, frameBytes))
  if (tear === 'mixed') frames.fill(0, frames.length - 1 - below(random, pageBytes))
  return over(log, kept, frames)
}

/** What stood behind the new bytes is still there: a log is used again from its start. */
function over(log: Uint8Array, kept: Uint8Array, added: Uint8Array): Uint8Array {
  const rest = log.subarray(Math.min(log.length, kept.length + added.length))
  return new Uint8Array(Buffer.concat([kept, added, rest]))
}

/** Frames as the next transaction would write them, with pages of random bytes. */
function framesOf(
  log: DataView,
  inputs: { sums: Sums; count: number; isCommit: boolean; random: () => number },
): Uint8Array {
  const pageBytes = log.getUint32(8)
  const frames: Uint8Array[] = []
  let { sums } = inputs
  for (let i = 0; i < inputs.count; i++) {
    const frame = new Uint8Array(FRAME_HEADER_BYTES + pageBytes)
    frame.set(randomBytes(pageBytes, inputs.random), FRAME_HEADER_BYTES)
    const view = viewOf(frame)
    view.setUint32(0, 2 + i)
    view.setUint32(4, inputs.isCommit && i === inputs.count - 1 ? 2 + i : 0)
    view.setUint32(8, log.getUint32(16))
    view.setUint32(12, log.getUint32(20))
    sums = sumOfFrame(view, isLittleEndian(log), sums)
    view.setUint32(16, sums[0])
    view.setUint32(20, sums[1])
    frames.push(frame)
  }
  return new Uint8Array(Buffer.concat(frames))
}

function lastCommit(log: DataView): Commit {
  const little = isLittleEndian(log)
  let sums = sum(log, { from: 0, to: 24 }, little, [0, 0])
  let commit: Commit = { end: 0, sums }
  if (sums[0] !== log.getUint32(24) || sums[1] !== log.getUint32(28)) return commit
  const frameBytes = FRAME_HEADER_BYTES + log.getUint32(8)
  for (let at = HEADER_BYTES; at + frameBytes <= log.byteLength; at += frameBytes) {
    const frame = new DataView(log.buffer, log.byteOffset + at, frameBytes)
    const isOfThis =
      frame.getUint32(8) === log.getUint32(16) && frame.getUint32(12) === log.getUint32(20)
    sums = sumOfFrame(frame, little, sums)
    const isWhole = sums[0] === frame.getUint32(16) && sums[1] === frame.getUint32(20)
    if (!isOfThis || !isWhole) break
    if (frame.getUint32(4) > 0) commit = { end: at + frameBytes, sums }
  }
  return commit
}

function isLittleEndian(log: DataView): boolean {
  return log.getUint32(0) === MAGIC
}

/** The running checksum behind a frame: of the first eight bytes of its header, and of its page. */
function sumOfFrame(frame: DataView, little: boolean, before: Sums): Sums {
  const headed = sum(frame, { from: 0, to: 8 }, little, before)
  return sum(frame, { from: FRAME_HEADER_BYTES, to: frame.byteLength }, little, headed)
}

function sum(
  log: DataView,
  span: { from: number; to: number },
  little: boolean,
  start: Sums,
): Sums {
  let [one, two] = start
  for (let at = span.from; at < span.to; at += 8) {
    one = (one + log.getUint32(at, little) + two) >>> 0
    two = (two + log.getUint32(at + 4, little) + one) >>> 0
  }
  return [one, two]
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength)
}

function randomBytes(count: number, random: () => number): Uint8Array {
  return Uint8Array.from({ length: count }, () => below(random, 256))
}

function below(random: () => number, limit: number): number {
  return Math.floor(random() * limit)
}
