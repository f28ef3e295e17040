// SPDX-License-Identifier: Apache-2.0
/**
 * The files that come in pieces, several at a time: each piece goes where it belongs as it comes, and is
 * acknowledged when it is on disk (`docs/spec/08-receiving.md` Section 8.7).
 *
 * Pieces are made safe in groups. Whatever fails, nothing is acknowledged that is not safe.
 *
 * @module
 */

import { createHash } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { formatReceipt, type Message } from '@waxwing/client'
import { cleanFileName, FILE_NAME, PART, RECORD } from './file-name.js'
import { PartFile, type PiecePayload } from './part-file.js'
import type { TransferFacts } from './part-record.js'
import type { ReceivedList } from './received-list.js'

/** Pieces that are made safe together, at most. */
const GROUP_PIECES = 16
const GROUP_BYTES = 8_388_608
/** Transfers that are incomplete at once, at most. */
const MAX_PARTS = 1024
const MIB = 1_048_576

export interface IncomingOptions {
  /** A file, or a folder for whatever comes. */
  readonly path: string
  readonly isFolder: boolean
  /** Take the place of files that are there. */
  readonly overwrite: boolean
  /** Larger files are refused. */
  readonly maxBytes: number
  /** What was received before is let go. Left out: it is received again. */
  readonly received?: ReceivedList | undefined
}

/** A file that is complete and has its name. */
export interface ReceivedFile {
  readonly path: string
  readonly part: PartFile
}

/** What became of a piece. */
export type Taken =
  | { readonly kind: 'kept'; readonly part: PartFile }
  | { readonly kind: 'refused'; readonly reason: string }
  /** Of a file that was received before. */
  | { readonly kind: 'late' }
  /** A message, and no file. */
  | { readonly kind: 'no-file' }

export class IncomingFiles {
  readonly #options: IncomingOptions
  readonly #parts = new Map<string, PartFile>()
  #group: Message[] = []
  #groupBytes = 0

  /** Finds what earlier runs left. @throws {UsageError} If something of it is damaged. */
  constructor(options: IncomingOptions) {
    this.#options = options
    for (const name of readdirSync(this.#folder)) {
      if (!this.#isOurs(name)) continue
      const part = PartFile.resume(join(this.#folder, name))
      this.#parts.set(part.record.facts.key, part)
    }
  }

  /** Files that are not complete. */
  get incomplete(): readonly PartFile[] {
    return [...this.#parts.values()].filter(({ isComplete }) => !isComplete)
  }

  /** Whether there are pieces that wait for others to be made safe with them. */
  get hasGroup(): boolean {
    return this.#group.length > 0
  }

  /** Whether it is time to make them safe. */
  get isGroupFull(): boolean {
    return this.#group.length >= GROUP_PIECES || this.#groupBytes >= GROUP_BYTES
  }

  /**
   * Writes a piece. It is acknowledged with its group, by {@link flush}.
   *
   * @throws {Error} What the file system refuses.
   */
  async take(message: Message): Promise<Taken> {
    if (!isOfFile(message)) {
      await message.acknowledge() // by this reader, which is there for files alone
      return { kind: 'no-file' }
    }
    const piece = pieceOf(message)
    const facts = factsOf(message)
    const { received, maxBytes } = this.#options
    if (received?.has(facts.key) === true && !this.#parts.has(facts.key)) {
      await message.acknowledge()
      return { kind: 'late' }
    }
    if (leastBytes(message, piece) > maxBytes) return await refuse(message, 'too large')
    const part = this.#parts.get(facts.key) ?? this.#begin(facts)
    const verdict = await part.add(piece)
    if (verdict !== 'new' && verdict !== 'duplicate') {
      return await refuse(message, `contradicts other pieces: ${verdict}`)
    }
    if (verdict === 'duplicate' && !message.redelivered) part.noteDoubled()
    if (verdict === 'new' && piece.index === 0) {
      part.describe(message.headers.get(FILE_NAME), message.contentType)
    }
    this.#group.push(message)
    this.#groupBytes += piece.payload.length
    return { kind: 'kept', part }
  }

  /** Makes safe what was taken, and acknowledges it. */
  async flush(): Promise<void> {
    const group = this.#group
    this.#group = []
    this.#groupBytes = 0
    for (const part of this.#parts.values()) await part.flush()
    await Promise.all(group.map((message) => message.acknowledge()))
  }

  /** Gives complete files their names. */
  async finish(): Promise<readonly ReceivedFile[]> {
    const done: ReceivedFile[] = []
    for (const [key, part] of this.#parts) {
      if (!part.isComplete) continue
      await this.flush()
      const { overwrite, received } = this.#options
      const path = await part.finish(this.#wantedPath(part), overwrite)
      received?.add(key)
      part.forget()
      this.#parts.delete(key)
      done.push({ path, part })
    }
    return done
  }

  /** Frees all files. What was not flushed comes again. */
  async close(): Promise<void> {
    for (const part of this.#parts.values()) await part.release()
  }

  get #folder(): string {
    const { path, isFolder } = this.#options
    return isFolder ? path : dirname(path)
  }

  #isOurs(name: string): boolean {
    if (!name.endsWith(RECORD)) return false
    const stem = name.slice(0, -RECORD.length)
    const { path, isFolder } = this.#options
    if (isFolder) return /^[0-9a-f]{32}$/.test(stem)
    const file = basename(path)
    return stem === file || (stem.startsWith(`${file}.`) && /\.[0-9a-f]{32}$/.test(stem))
  }

  #begin(facts: TransferFacts): PartFile {
    if (this.#parts.size >= MAX_PARTS) {
      throw new RangeError(`more than ${MAX_PARTS} files are incomplete in ${this.#folder}`)
    }
    const part = PartFile.begin(this.#partPath(facts), facts)
    this.#parts.set(facts.key, part)
    return part
  }

  /** In a folder by the transfer, since the name comes with the first piece; else beside the file. */
  #partPath({ key }: TransferFacts): string {
    const { path, isFolder } = this.#options
    if (isFolder) return join(path, `${key}${PART}`)
    const isTaken = [...this.#parts.values()].some((part) => part.path === `${path}${PART}`)
    return isTaken ? `${path}.${key}${PART}` : `${path}${PART}`
  }

  #wantedPath({ record }: PartFile): string {
    const { path, isFolder } = this.#options
    if (!isFolder) return path
    const { key } = record.facts
    return join(path, cleanFileName(record.name ?? '', key))
  }
}

/** What is no folder yet is one if its name ends like one. */
export function isFolderPath(path: string): boolean {
  return path.endsWith('/') || statSync(path, { throwIfNoEntry: false })?.isDirectory() === true
}

/** What a whole file has, at the least, if this is a piece of it. */
function leastBytes({ piece }: Message, { index, size, payload }: PiecePayload): number {
  const before = index * (piece?.pieceBytes ?? 1)
  return Math.max(size ?? 0, before + payload.length)
}

/** A file comes in pieces, if only one; or as a message that says what the file is called. */
export function isOfFile({ piece, headers }: Message): boolean {
  return piece !== undefined || headers.has(FILE_NAME)
}

/** A message that was small enough to come as one is a file of one piece. */
function pieceOf({ piece, plaintext: payload }: Message): PiecePayload {
  if (piece === undefined) return { index: 0, last: true, size: payload.length, payload }
  const { index, last, size } = piece
  return { index, last, size, payload }
}

/** Nobody can put a piece into a transfer of somebody else, nor an unsigned one among those signed. */
function factsOf({ stream, piece, receipt, protection }: Message): TransferFacts {
  const transfer = piece?.transfer ?? shortDigest(formatReceipt(receipt))
  const sentBy = protection.signed ? protection.signedBy : undefined
  const parts = [stream, sentBy?.id ?? null, piece === undefined, transfer]
  return { key: shortDigest(JSON.stringify(parts)), transfer, stream, sentBy: sentBy?.name }
}

function shortDigest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

async function refuse(message: Message, reason: string): Promise<Taken> {
  await message.reject(reason)
  return { kind: 'refused', reason }
}

/** The largest file that is taken where nobody says otherwise: 64 GiB. */
export const DEFAULT_MAX_BYTES: number = 65_536 * MIB
