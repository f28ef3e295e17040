// SPDX-License-Identifier: Apache-2.0
/**
 * Noticing what others wrote: SQLite's `data_version` changes when another connection commits, and
 * never for one's own commits. Asked at intervals, only while somebody listens, by a timer that
 * does not keep the process alive.
 *
 * @module
 */

import type { DatabaseSync } from 'node:sqlite'
import { readPragma } from './schema.js'

export class ForeignChanges {
  readonly #db: DatabaseSync
  readonly #pollMs: number
  readonly #listeners: Set<() => void> = new Set()
  #timer: NodeJS.Timeout | undefined
  #version = 0

  constructor(db: DatabaseSync, pollMs: number) {
    this.#db = db
    this.#pollMs = pollMs
  }

  /** Adds a listener. Returns a function that removes it. */
  listen(listener: () => void): () => void {
    const own = (): void => listener()
    this.#listeners.add(own)
    if (this.#timer === undefined) this.#start()
    return () => {
      this.#listeners.delete(own)
      if (this.#listeners.size === 0) this.stop()
    }
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #start(): void {
    this.#version = readPragma(this.#db, 'data_version')
    this.#timer = setInterval(() => this.#poll(), this.#pollMs)
    this.#timer.unref()
  }

  #poll(): void {
    const version = this.#read()
    if (version === undefined || version === this.#version) return
    this.#version = version
    for (const listener of this.#listeners) listener()
  }

  #read(): number | undefined {
    try {
      return readPragma(this.#db, 'data_version')
    } catch {
      return undefined // the next read or write meets the same and tells its caller
    }
  }
}
