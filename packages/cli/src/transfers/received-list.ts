// SPDX-License-Identifier: Apache-2.0
/**
 * The transfers that were received to their end, the latest of them, kept in the home: a sender that goes
 * on after a crash may send pieces again, which must not begin a file anew.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs'
import { saveFile } from './saved-file.js'

const MAX_KEYS = 4096

export class ReceivedList {
  readonly #path: string
  #keys: readonly string[]

  /** @param path - The file. One that is damaged counts as empty. */
  constructor(path: string) {
    this.#path = path
    this.#keys = readKeys(path)
  }

  has(key: string): boolean {
    return this.#keys.includes(key)
  }

  /** On disk once this returns. */
  add(key: string): void {
    if (this.has(key)) return
    this.#keys = [...readKeys(this.#path), key].slice(-MAX_KEYS)
    saveFile(this.#path, `${JSON.stringify(this.#keys)}\n`)
  }
}

function readKeys(path: string): readonly string[] {
  if (!existsSync(path)) return []
  try {
    const read: unknown = JSON.parse(readFileSync(path, 'utf8'))
    return Array.isArray(read) ? read.filter((key) => typeof key === 'string') : []
  } catch {
    return []
  }
}
