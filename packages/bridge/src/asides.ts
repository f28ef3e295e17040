// SPDX-License-Identifier: Apache-2.0
/**
 * Messages that cannot cross, until each is where such messages are kept. What fails, as on a disk that is
 * full, is tried again after a pause; what has found no place when the bridge is closed stays unacknowledged.
 *
 * @module
 */

export interface AsidesPort {
  /** The pause after so many failures in a row. */
  pauseMs(failureCount: number): number
  failed(error: unknown): void
  /** One is done with. */
  done(): void
}

export class Asides {
  readonly #port: AsidesPort
  readonly #pauses = new Set<() => void>()
  #count = 0
  #isClosing = false

  constructor(port: AsidesPort) {
    this.#port = port
  }

  /** How many have found no place yet. */
  get size(): number {
    return this.#count
  }

  /** Puts one aside. Resolves when that is done, or the bridge is closed. */
  async add(put: () => Promise<void>): Promise<void> {
    this.#count++
    await this.#putAgainAndAgain(put)
    this.#count--
    this.#port.done()
  }

  /** Begins nothing again. */
  close(): void {
    this.#isClosing = true
    for (const end of this.#pauses) end()
  }

  async #putAgainAndAgain(put: () => Promise<void>): Promise<void> {
    for (let failureCount = 0; ; failureCount++) {
      try {
        await put()
        return
      } catch (error) {
        this.#port.failed(error)
      }
      if (!this.#isClosing) await this.#pause(this.#port.pauseMs(failureCount))
      if (this.#isClosing) return
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#pauses.delete(end)
        resolve()
      }
      const timer = setTimeout(end, ms)
      this.#pauses.add(end)
    })
  }
}
