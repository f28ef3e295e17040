// SPDX-License-Identifier: Apache-2.0
/**
 * Where the parts of a record stand: in memory, or in a folder, one file each, that is only ever added
 * to. A file that could not be written to the end is added to no more; the next item begins another.
 *
 * @module
 */

import { type FileHandle, mkdir, open, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { WaxwingError } from '@waxwing/core'
import { limitError } from '@waxwing/transport-kit'
import { FileSegment, MemorySegment, type Segment } from './segment.js'

export interface Shelf {
  /** What was there when it was opened, oldest first. */
  readonly segments: readonly Segment[]
  /** Begins a part. */
  begin(number: number): Segment
  /** Adds an item to the part that was begun last. @returns `false` if that takes no more now. */
  add(encoded: Uint8Array): boolean
  /** Takes a part away. */
  remove(segment: Segment): void
  /** Resolves when what was added can be read. */
  settled(): Promise<void>
  /** Calls the listener when a part is not to be added to any more, with what is really in it. */
  onBroken(listener: (segment: Segment, bytes: number) => void): void
  close(): Promise<void>
}

const FILE_NAME = /^([0-9]{10})\.cbor$/
const MAX_UNWRITTEN_BYTES = 4 * 1024 * 1024

/** In memory. */
export class MemoryShelf implements Shelf {
  readonly segments: readonly Segment[] = []
  #last: MemorySegment | undefined

  begin(number: number): Segment {
    this.#last = new MemorySegment(number)
    return this.#last
  }

  add(encoded: Uint8Array): boolean {
    this.#last?.add(encoded)
    return true
  }

  remove(): void {}

  async settled(): Promise<void> {}

  onBroken(): void {}

  async close(): Promise<void> {}
}

/** In a folder. */
export class FolderShelf implements Shelf {
  readonly segments: readonly Segment[]
  readonly #folder: string
  readonly #report: (error: unknown) => void
  /** The part that is written to. */
  #segment: FileSegment | undefined
  #file: FileHandle | undefined
  /** What waits to be written to the part that was begun last. */
  #batch: Uint8Array[] | undefined
  #unwrittenBytes = 0
  #isTooSlow = false
  #writing: Promise<void> = Promise.resolve()
  #isFailing = false
  #broken: Parameters<Shelf['onBroken']>[0] = () => undefined

  private constructor(
    folder: string,
    segments: readonly Segment[],
    report: (error: unknown) => void,
  ) {
    this.#folder = folder
    this.segments = segments
    this.#report = report
  }

  /** @throws {WaxwingError} `ERR_TRANSPORT` if the folder cannot be read or made. */
  static async open(folder: string, report: (error: unknown) => void): Promise<FolderShelf> {
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const names = (await readdir(folder)).filter((name) => FILE_NAME.test(name)).toSorted()
      const segments = await Promise.all(
        names.map(async (name) => {
          const path = join(folder, name)
          return new FileSegment(Number(name.slice(0, 10)), path, await stat(path))
        }),
      )
      return new FolderShelf(folder, segments, report)
    } catch (cause) {
      throw recordError(`the record in ${folder} cannot be opened`, cause)
    }
  }

  begin(number: number): Segment {
    const path = join(this.#folder, `${String(number).padStart(10, '0')}.cbor`)
    const segment = new FileSegment(number, path)
    this.#batch = undefined
    this.#enqueue(async () => {
      await this.#end()
      this.#segment = segment
      this.#file = await open(path, 'ax', 0o600)
    })
    return segment
  }

  add(encoded: Uint8Array): boolean {
    if (this.#unwrittenBytes + encoded.length > MAX_UNWRITTEN_BYTES) {
      const message = 'the disk is too slow for the record'
      if (!this.#isTooSlow) this.#report(limitError(message, 'maxUnwrittenBytes'))
      this.#isTooSlow = true
      return false
    }
    this.#unwrittenBytes += encoded.length
    if (this.#batch !== undefined) {
      this.#batch.push(encoded)
      return true
    }
    const batch = [encoded]
    this.#batch = batch
    this.#enqueue(() => this.#write(batch))
    return true
  }

  remove(segment: Segment): void {
    this.#writing = this.#writing
      .then(() => segment.remove())
      .catch((error: unknown) => this.#report(error))
  }

  async settled(): Promise<void> {
    await this.#writing
  }

  onBroken(listener: Parameters<Shelf['onBroken']>[0]): void {
    this.#broken = listener
  }

  async close(): Promise<void> {
    await this.#writing
    await this.#end()
  }

  async #write(batch: readonly Uint8Array[]): Promise<void> {
    if (this.#batch === batch) this.#batch = undefined
    const bytes = Buffer.concat(batch)
    this.#unwrittenBytes -= bytes.length
    if (this.#file === undefined) return // nothing goes behind what could not be written, as was said
    await this.#file.appendFile(bytes)
    this.#isFailing = false
    this.#isTooSlow = false
  }

  #enqueue(work: () => Promise<void>): void {
    this.#writing = this.#writing.then(work).catch((cause: unknown) => this.#failed(cause))
  }

  async #failed(cause: unknown): Promise<void> {
    const segment = this.#segment
    // A full disk is said once, not with every message.
    if (!this.#isFailing)
      this.#report(recordError(`the record ${segment?.path} lacks messages`, cause))
    this.#isFailing = true
    const isOurs = this.#file !== undefined // else somebody else has made it, or nobody
    const bytes = await this.#file?.stat().then(
      ({ size }) => size,
      () => segment?.bytes, // nobody knows: it stays
    )
    await this.#end()
    if (isOurs && bytes === 0)
      await segment?.remove().catch((error: unknown) => this.#report(error))
    if (segment !== undefined) this.#broken(segment, bytes ?? 0)
  }

  async #end(): Promise<void> {
    const file = this.#file
    this.#file = undefined
    await file?.close().catch((error: unknown) => this.#report(error))
  }
}

/** Without room, `ERR_STORE_FULL`. */
function recordError(message: string, cause: unknown): WaxwingError {
  const code = (cause as NodeJS.ErrnoException).code ?? ''
  const isFull = code === 'ENOSPC' || code === 'EDQUOT'
  return new WaxwingError(isFull ? 'ERR_STORE_FULL' : 'ERR_TRANSPORT', message, {}, { cause })
}
