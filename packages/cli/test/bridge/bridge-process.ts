// SPDX-License-Identifier: Apache-2.0
/**
 * `waxwing bridge` as a process that is killed and started again.
 *
 * @module
 */

import { Running } from '../transcripts/running.js'

export class BridgeProcess {
  readonly #args: readonly string[]
  readonly #folder: string
  #running: Running | undefined

  /** @param folder - Where it runs, and where archives are. */
  constructor(folder: string, ...args: readonly string[]) {
    this.#folder = folder
    this.#args = ['bridge', ...args]
  }

  /** Starts it, and waits until both sides have granted what it asks for. */
  async start(): Promise<void> {
    const running = new Running(this.#args, { cwd: this.#folder })
    this.#running = running
    await running.shows(/At work/)
  }

  /** As a crash does it. */
  async kill(): Promise<void> {
    this.#running?.process.kill('SIGKILL')
    await this.#running?.ended()
  }

  /** Ends it in order. @returns What it wrote. */
  async end(): Promise<string> {
    this.#running?.process.kill('SIGTERM')
    const ended = await this.#running?.ended()
    return `${ended?.stdout ?? ''}${ended?.stderr ?? ''}`
  }
}
