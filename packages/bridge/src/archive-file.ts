// SPDX-License-Identifier: Apache-2.0
/**
 * Writing an archive so that a crash costs nothing that was acknowledged: items are appended whole,
 * on disk before anybody is told, many at a time; a torn end is cut off before going on.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import {
  ArchiveReader,
  concatBytes,
  encodeArchiveItem,
  malformed,
  WaxwingError,
} from '@waxwing/core'

interface Waiting {
  readonly item: Uint8Array
  readonly done: () => void
  readonly failed: (error: unknown) => void
}

export class ArchiveFile {
  readonly #file: FileHandle
  /** Bytes of an item that a crash had torn, now gone. */
  readonly cutBytes: number
  #waiting: Waiting[] = []
  #writing: Promise<void> | undefined
  #byteCount: number
  /** A write failed: what it left behind the last whole item is cut off before the next one. */
  #isTorn = false

  /**
   * Opens an archive to append to, or begins one.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` if the file is no archive; nothing was changed then.
   */
  static async open(path: string): Promise<ArchiveFile> {
    const file = await open(path, 'a+', 0o600)
    try {
      const { size } = await file.stat()
      const end = await wholeBytes(path)
      if (end < size) await file.truncate(end)
      return new ArchiveFile(file, end, size - end)
    } catch (error) {
      await file.close()
      throw error
    }
  }

  private constructor(file: FileHandle, byteCount: number, cutBytes: number) {
    this.#file = file
    this.#byteCount = byteCount
    this.cutBytes = cutBytes
  }

  /** Length of the archive in bytes. */
  get byteCount(): number {
    return this.#byteCount
  }

  /**
   * Appends an item. Resolves when it would survive the loss of power.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT` if it is none.
   */
  append(item: Uint8Array): Promise<void> {
    encodeArchiveItem(item)
    if (!mayBegin(item[0])) throw malformed('archive item', 'tag')
    return new Promise((done, failed) => {
      this.#waiting.push({ item, done, failed })
      this.#writing ??= this.#writeAll()
    })
  }

  async close(): Promise<void> {
    await this.#writing
    if (this.#isTorn) await this.#file.truncate(this.#byteCount)
    await this.#file.close()
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#write(concatBytes(...batch.map(({ item }) => item)))
        for (const { done } of batch) done()
      } catch (error) {
        for (const { failed } of batch) failed(error)
      }
    }
    this.#writing = undefined
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#isTorn) await this.#file.truncate(this.#byteCount)
    this.#isTorn = true
    await this.#file.appendFile(bytes)
    await this.#file.datasync()
    this.#isTorn = false
    this.#byteCount += bytes.length
  }
}

/** Where the last whole item ends. */
async function wholeBytes(path: string): Promise<number> {
  const reader = new ArchiveReader()
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    for (const item of reader.push(chunk)) {
      if (!mayBegin(item[0])) throw malformed('archive', 'item')
    }
  }
  try {
    reader.end()
  } catch (error) {
    const isTorn = error instanceof WaxwingError && error.details.field === 'end'
    if (!isTorn || !mayBegin(await byteAt(path, reader.offset))) throw error
  }
  return reader.offset
}

/** Whether a byte begins an object or control message: COSE_Encrypt0 or COSE_Sign1, with its tag. */
function mayBegin(byte: number | undefined): boolean {
  return byte === 0xd0 || byte === 0xd2
}

async function byteAt(path: string, offset: number): Promise<number | undefined> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(new Uint8Array(1), 0, 1, offset)
    return bytesRead === 1 ? buffer[0] : undefined
  } finally {
    await file.close()
  }
}
