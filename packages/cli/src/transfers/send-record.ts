// SPDX-License-Identifier: Apache-2.0
/**
 * How far a file was sent, kept in the home, so that the same command goes on after whatever stopped it.
 *
 * Invariant: a record is of one content of one file, by its size and time of change, on its way to one
 * stream at one broker. What it says was taken by the broker was taken; more may have been.
 *
 * @module
 */

import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { saveFile } from './saved-file.js'

/** What is sent where: another one of these is another transfer. */
export interface Sending {
  /** Absolute. */
  readonly path: string
  readonly size: number
  readonly modifiedMs: number
  readonly stream: string
  readonly broker: string
  readonly name: string
  readonly contentType: string
}

/** How far it came. */
export interface SendState {
  /** In hex. */
  readonly transfer: string
  /** Known once the first piece was taken. */
  readonly pieceBytes?: number | undefined
  /** From the first on, taken by the broker. */
  readonly pieces: number
}

const SAVE_EVERY_MS = 500
const TRANSFER = /^[0-9a-f]{32}$/

export class SendRecord {
  readonly #path: string
  readonly #sending: Sending
  #state: SendState
  #savedMs = -Infinity

  /** @param folder - Where records lie. */
  constructor(folder: string, sending: Sending) {
    this.#sending = sending
    this.#path = join(folder, `${keyOf(sending)}.json`)
    this.#state = readState(this.#path, sending) ?? freshState()
  }

  /** Where a file says that somebody is at it. */
  get claimPath(): string {
    return `${this.#path}.pid`
  }

  get state(): SendState {
    return this.#state
  }

  /** Forgets how far it came: what comes next is another transfer. */
  restart(): void {
    this.#state = freshState()
  }

  /** The first piece that is still to be sent. The last one at most, so that there is one. */
  get from(): number {
    const { pieceBytes, pieces } = this.#state
    if (pieceBytes === undefined) return 0
    return Math.max(0, Math.min(pieces, Math.ceil(this.#sending.size / pieceBytes) - 1))
  }

  /** The broker has taken more. Saved now and then. */
  note(pieces: number, bytes: number): void {
    const isWhole = bytes < this.#sending.size
    const pieceBytes =
      this.#state.pieceBytes ?? (isWhole && pieces > 0 ? bytes / pieces : undefined)
    this.#state = { ...this.#state, pieceBytes, pieces }
    if (performance.now() - this.#savedMs >= SAVE_EVERY_MS) this.save()
  }

  save(): void {
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 })
    saveFile(this.#path, `${JSON.stringify({ sending: this.#sending, state: this.#state })}\n`)
    this.#savedMs = performance.now()
  }

  remove(): void {
    rmSync(this.#path, { force: true })
  }
}

/** One record for each file and place to go: a changed file takes the place of what it was. */
function keyOf({ path, stream, broker }: Sending): string {
  const text = JSON.stringify([path, stream, broker])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

function freshState(): SendState {
  return { transfer: randomBytes(16).toString('hex'), pieces: 0 }
}

/** @returns `undefined` if there is none, or not of this content: then it begins anew. */
function readState(path: string, sending: Sending): SendState | undefined {
  try {
    const read = JSON.parse(readFileSync(path, 'utf8')) as { sending: unknown; state: SendState }
    if (JSON.stringify(read.sending) !== JSON.stringify(sending)) return undefined
    const { transfer, pieces, pieceBytes } = read.state
    const isSound =
      TRANSFER.test(transfer) &&
      Number.isSafeInteger(pieces) &&
      pieces >= 0 &&
      (pieceBytes === undefined || (Number.isSafeInteger(pieceBytes) && pieceBytes > 0))
    return isSound ? { transfer, pieces, pieceBytes } : undefined
  } catch {
    return undefined
  }
}
