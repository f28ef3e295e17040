// SPDX-License-Identifier: Apache-2.0
/**
 * A file that comes in pieces: `NAME.part`, with a record beside it, until all are there.
 *
 * The invariant: what the record says is there was on disk before the record was. So whatever is
 * acknowledged after {@link PartFile.flush} survives a crash, and a crash before it leaves pieces that come
 * again. A part is given its name when all of it is there, and never takes the place of another file unless
 * that is wanted.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { constants, createReadStream, existsSync, renameSync, rmSync } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { equalBytes, type PieceFacts, type PieceVerdict } from '@waxwing/core'
import { UsageError } from '../exit-codes.js'
import { candidates, linkIfFree, RECORD } from './file-name.js'
import {
  newRecord,
  readRecord,
  saveRecord,
  type PartRecord,
  type TransferFacts,
} from './part-record.js'
import { syncFolder } from './saved-file.js'

/** A piece with its payload. */
export interface PiecePayload {
  readonly index: number
  readonly last: boolean
  readonly size: number | undefined
  readonly payload: Uint8Array
}

export class PartFile {
  /** Ends in `.part`. */
  readonly path: string
  readonly record: PartRecord
  #handle: FileHandle | undefined
  #isChanged = false

  private constructor(path: string, record: PartRecord) {
    this.path = path
    this.record = record
  }

  /** @throws {UsageError} If a file of that name is there, which is none of ours. */
  static begin(path: string, facts: TransferFacts): PartFile {
    if (existsSync(path)) {
      throw new UsageError(`${path} is there, and nothing says what of: remove it`)
    }
    const part = new PartFile(path, newRecord(facts))
    part.#save()
    return part
  }

  /**
   * What an earlier run left.
   *
   * @param recordPath - Ends in `.part.json`.
   * @throws {UsageError} If it is damaged, or the part is gone.
   */
  static resume(recordPath: string): PartFile {
    const path = recordPath.replace(/\.json$/, '')
    const part = new PartFile(path, readRecord(recordPath))
    const { progress } = part.record
    if (progress.receivedCount > 0 && !existsSync(path) && part.record.target === undefined) {
      throw new UsageError(`${path} is gone: remove ${recordPath}, and have the file sent again`)
    }
    return part
  }

  /** Whether all of it is there. */
  get isComplete(): boolean {
    return this.record.progress.isComplete
  }

  /**
   * Writes a piece, unless it is there or contradicts the others. Not safe before {@link flush}.
   *
   * @throws {Error} What the file system refuses; nothing is noted then.
   */
  async add(piece: PiecePayload): Promise<PieceVerdict | 'content'> {
    const { progress } = this.record
    const facts = factsOf(piece)
    const verdict = progress.check(facts)
    if (verdict === 'duplicate') return (await this.#holds(piece)) ? 'duplicate' : 'content'
    if (verdict !== 'new') return verdict
    if (!piece.last) await this.#placeTail(piece.payload.length)
    if (piece.last && progress.offsetOf(piece.index) === undefined) {
      this.record.tail = { index: piece.index, bytes: piece.payload.length, at: 0 }
    }
    await this.#write(piece.payload, this.#offsetOf(piece))
    this.#isChanged = true
    return progress.add(facts)
  }

  /** Notes what the first piece says of the whole. */
  describe(name: string | undefined, contentType: string | undefined): void {
    this.record.name = name
    this.record.contentType = contentType
    this.#isChanged = true
  }

  noteDoubled(): void {
    this.record.doubled++
    this.#isChanged = true
  }

  /** Everything that was added is on disk, and known to be, once this resolves. */
  async flush(): Promise<void> {
    if (!this.#isChanged) return
    await this.#handle?.datasync()
    await this.release()
    this.#save()
    this.#isChanged = false
  }

  /** Frees the file, without making anything safe. */
  async release(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  /**
   * Gives the complete file its name. A run after a crash goes on where it was.
   *
   * @param wanted - The path. If something is there, it gets a number.
   * @param overwrite - Take the place of what is there.
   * @returns Where it is now. The record stays, until {@link forget}.
   */
  async finish(wanted: string, overwrite: boolean): Promise<string> {
    await this.flush()
    const folder = dirname(this.path)
    const { target } = this.record
    if (target !== undefined && !existsSync(this.path)) return join(folder, target)
    this.record.sha256 ??= await digestOf(this.path)
    for (const path of overwrite ? [wanted] : candidates(wanted)) {
      this.record.target = basename(path)
      this.#save()
      if (overwrite) renameSync(this.path, path)
      else if (!linkIfFree(this.path, path)) continue
      syncFolder(folder)
      rmSync(this.path, { force: true })
      return path
    }
    throw new UsageError(`there are too many files called ${wanted}`)
  }

  /** Removes the record of a file that has its name. */
  forget(): void {
    rmSync(this.#recordPath, { force: true })
  }

  get #recordPath(): string {
    return `${this.path.slice(0, -'.part'.length)}${RECORD}`
  }

  #save(): void {
    saveRecord(this.#recordPath, this.record)
  }

  /** Where a piece belongs, or where the last one lies while that is not known. */
  #offsetOf({ index, last, payload }: PiecePayload): number {
    const { progress, tail } = this.record
    return progress.offsetOf(index) ?? (last ? (tail?.at ?? 0) : index * payload.length)
  }

  /** Puts the last piece where it belongs, now that the length of the others is known. */
  async #placeTail(pieceBytes: number): Promise<void> {
    const { tail } = this.record
    const at = (tail?.index ?? 0) * pieceBytes
    if (tail === undefined || tail.at === at) return
    const handle = await this.#open()
    await this.#write(await readAt(handle, tail.at, tail.bytes), at)
    await handle.datasync()
    // Only once that is known on disk may another piece take the beginning.
    this.record.tail = { ...tail, at }
    this.#save()
  }

  /** Whether what is there is what came again. */
  async #holds(piece: PiecePayload): Promise<boolean> {
    const handle = await this.#open()
    const there = await readAt(handle, this.#offsetOf(piece), piece.payload.length)
    return equalBytes(there, piece.payload)
  }

  async #write(bytes: Uint8Array, at: number): Promise<void> {
    const handle = await this.#open()
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, at + done)
      done += bytesWritten
    }
  }

  /** Never through a link that somebody else put there. */
  async #open(): Promise<FileHandle> {
    const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants
    this.#handle ??= await open(this.path, O_RDWR | O_CREAT | (O_NOFOLLOW ?? 0), 0o600)
    return this.#handle
  }
}

function factsOf({ index, last, size, payload }: PiecePayload): PieceFacts {
  return { index, last, bytes: payload.length, ...(size === undefined ? {} : { size }) }
}

async function readAt(handle: FileHandle, at: number, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length)
  let done = 0
  while (done < length) {
    const { bytesRead } = await handle.read(bytes, done, length - done, at + done)
    if (bytesRead === 0) break
    done += bytesRead
  }
  return bytes.subarray(0, done)
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(chunk)
  return hash.digest('hex')
}
