// SPDX-License-Identifier: Apache-2.0
/**
 * What `waxwing receive` does with the pieces of one run, and what it says of them in the end.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import type { Message } from '@waxwing/client'
import { IncompleteError } from '../exit-codes.js'
import { counted, type Output } from '../output.js'
import type { IncomingFiles } from './incoming-files.js'
import { Pace } from './pace.js'
import type { PartFile } from './part-file.js'
import { missingText, nameOf, tellIncomplete, tellReceived } from './telling-files.js'

/** What is received in one run. */
export class Receiving {
  /** So long nothing has come. */
  gaveUpAfter: string | undefined
  readonly #output: Output
  readonly #files: IncomingFiles
  readonly #isOnce: boolean
  readonly #paces = new WeakMap<PartFile, Pace>()
  #doneCount = 0
  #lateCount = 0
  readonly #skipped = new Map<string, number>()
  #lastRefusal = ''

  /** @param isOnce - One file is all that is wanted. */
  constructor(output: Output, files: IncomingFiles, isOnce: boolean) {
    this.#output = output
    this.#files = files
    this.#isOnce = isOnce
  }

  /** Whether all is there that was wanted. */
  get isDone(): boolean {
    return this.#isOnce && this.#doneCount > 0
  }

  get hasGroup(): boolean {
    return this.#files.hasGroup
  }

  /** Writes a piece, and makes safe and finishes what it completes. */
  async take(message: Message): Promise<void> {
    const taken = await this.#files.take(message)
    if (taken.kind === 'late') this.#lateCount++
    if (taken.kind === 'no-file')
      this.noteSkipped('messages, which are no files: waxwing sub reads them')
    if (taken.kind === 'refused') this.#tellRefusal(message, taken.reason)
    if (taken.kind === 'kept') {
      this.#show(taken.part)
      if (taken.part.isComplete) await this.finish()
    }
    if (this.#files.isGroupFull) await this.flush()
  }

  async flush(): Promise<void> {
    await this.#files.flush()
  }

  /** Gives files their names that are complete. */
  async finish(): Promise<void> {
    for (const file of await this.#files.finish()) {
      this.#doneCount++
      tellReceived(this.#output, file)
    }
  }

  noteSkipped(reason: string): void {
    this.#skipped.set(reason, (this.#skipped.get(reason) ?? 0) + 1)
  }

  /** @throws {Error} If it is not what was wanted. */
  conclude(isPast: boolean): void {
    const output = this.#output
    if (this.#lateCount > 0) {
      output.note(`${counted(this.#lateCount, 'piece')} came again of files that are there.`)
    }
    for (const [reason, count] of this.#skipped) {
      output.note(`Not taken: ${count} (${reason})`)
    }
    const { incomplete } = this.#files
    for (const part of incomplete) tellIncomplete(output, part)
    if (this.isDone) return
    const [first] = incomplete
    const isFailure = this.#isOnce || isPast || this.gaveUpAfter !== undefined
    if (first !== undefined && isFailure) {
      const others = incomplete.length === 1 ? '' : `, and ${incomplete.length - 1} more`
      throw new IncompleteError(`${nameOf(first)} is not complete: ${missingText(first)}${others}`)
    }
    if (this.gaveUpAfter !== undefined && this.#doneCount === 0) {
      throw new WaxwingError('ERR_TIMEOUT', `nothing came for ${this.gaveUpAfter}`)
    }
    if (this.#doneCount === 0 && (isPast || this.#isOnce)) {
      throw new IncompleteError('no file came')
    }
  }

  #show(part: PartFile): void {
    const { progress } = part.record
    let pace = this.#paces.get(part)
    if (pace === undefined) {
      pace = new Pace(this.#output, nameOf(part))
      this.#paces.set(part, pace)
    }
    pace.show(progress.receivedBytes, progress.size)
  }

  #tellRefusal({ stream }: Message, reason: string): void {
    const text = `Not taken: a piece of ${stream} (${reason})`
    if (text !== this.#lastRefusal) this.#output.warn(text)
    this.#lastRefusal = text
  }
}
