// SPDX-License-Identifier: Apache-2.0
/**
 * Ending on demand: the first SIGINT or SIGTERM, or a pipe that nobody reads any more, asks the
 * command to finish; a second signal ends it at once.
 *
 * @module
 */

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

export class Shutdown {
  readonly #controller = new AbortController()
  readonly #onSignal = (signal: NodeJS.Signals): void => {
    if (this.isAsked) {
      this.release()
      process.kill(process.pid, signal)
    }
    this.ask()
  }

  constructor() {
    for (const signal of SIGNALS) process.on(signal, this.#onSignal)
  }

  get isAsked(): boolean {
    return this.#controller.signal.aborted
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** Resolves when the command is to end. */
  get asked(): Promise<void> {
    const { signal } = this.#controller
    if (signal.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  ask(): void {
    this.#controller.abort()
  }

  /** Signals mean again what they mean to every process. */
  release(): void {
    for (const signal of SIGNALS) process.off(signal, this.#onSignal)
  }
}
