// SPDX-License-Identifier: Apache-2.0
/**
 * Takes what had waited in the home for grants, once they are there, and knows when that is all.
 *
 * @module
 */

import type { Endpoint, Message, Reader } from '@waxwing/client'
import type { AskedList } from './asked.js'
import type { OpenedMail } from './opened-mail.js'

/** Longer than it takes a busy machine to read a few hundred objects from its disk. */
const PATIENCE_MS = 30_000
/** Nothing more has come for so long. */
const QUIET_MS = 300

export class WaitingGrants {
  /** Kids of which something that waited has to open. */
  readonly #expected = new Set<string>()
  readonly #drained = new Set<string>()
  readonly #reader: Reader
  readonly #undo: (() => void)[]
  readonly #reading: Promise<void>
  #lastMs = performance.now()
  #failure: { readonly error: unknown } | undefined

  constructor(inputs: {
    readonly endpoint: Endpoint
    readonly reader: Reader
    readonly asked: AskedList
    readonly opened: OpenedMail
  }) {
    const { endpoint, reader, asked, opened } = inputs
    this.#reader = reader
    this.#undo = [
      endpoint.on('event', (event) => {
        if (event.type !== 'grant') return
        this.#lastMs = performance.now()
        const missing = asked.all.find(({ kid }) => kid === event.kid)
        if (missing === undefined || this.#drained.has(event.kid)) return
        const { first, last } = event.span
        if (missing.epoch >= first && missing.epoch <= last) this.#expected.add(event.kid)
      }),
      reader.on('event', (event) => {
        if (event.type !== 'drained') return
        this.#lastMs = performance.now()
        this.#drained.add(event.kid)
        this.#expected.delete(event.kid)
      }),
    ]
    this.#reading = this.#read(reader, opened)
  }

  /** Resolves when all that could be opened was taken. @throws What taking it threw. */
  async settled(signal: AbortSignal): Promise<void> {
    const until = performance.now() + PATIENCE_MS
    while (!signal.aborted && this.#failure === undefined && performance.now() < until) {
      const isQuiet = performance.now() - this.#lastMs >= QUIET_MS
      if (isQuiet && !(await this.#isExpecting())) break
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    this.assertNotFailed()
  }

  /** @throws What taking something threw. */
  assertNotFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Once the reader is closed. */
  async close(): Promise<void> {
    for (const undo of this.#undo) undo()
    await this.#reading
  }

  /** What does not wait any more was opened before. */
  async #isExpecting(): Promise<boolean> {
    if (this.#expected.size === 0) return false
    const parked = await this.#reader.parked()
    return parked.some(({ kid }) => this.#expected.has(kid))
  }

  async #read(messages: AsyncIterable<Message>, opened: OpenedMail): Promise<void> {
    try {
      for await (const message of messages) {
        this.#lastMs = performance.now()
        await opened.take(message)
        await opened.flush()
        this.#lastMs = performance.now()
      }
    } catch (error) {
      this.#failure = { error }
    }
  }
}
