// SPDX-License-Identifier: Apache-2.0
/**
 * A few sends under way at once, started in order, and how far all before the first that is not done
 * have come.
 *
 * @module
 */

export class SendWindow {
  readonly #limit: number
  readonly #onTaken: (count: number) => void
  /** Whether each send is done, from the first that is not. */
  #line: { isDone: boolean }[] = []
  #taken = 0
  #failure: { readonly error: unknown } | undefined
  #wake: () => void = () => undefined

  /**
   * @param limit - Sends under way at the most.
   * @param onTaken - Called with the number of sends that are done, without a hole, each time it grows.
   */
  constructor(limit: number, onTaken: (count: number) => void) {
    this.#limit = limit
    this.#onTaken = onTaken
  }

  /** Waits until one more may start. @throws {unknown} What a send failed with, or `fail` said. */
  room(): Promise<void> {
    return this.#until(() => this.#line.length < this.#limit)
  }

  /** Waits until all are done. @throws {unknown} As {@link room}. */
  done(): Promise<void> {
    return this.#until(() => this.#line.length === 0)
  }

  /** Waits for other work as well. @throws {unknown} What that throws, and at once as {@link room}. */
  unlessFailed<T>(work: Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    this.#wake = () => {
      if (this.#failure !== undefined) reject(this.#failure.error)
    }
    this.#wake()
    work.then(resolve, reject)
    return promise
  }

  add(send: Promise<void>): void {
    const place = { isDone: false }
    this.#line.push(place)
    send.then(() => this.#finish(place)).catch((error: unknown) => this.fail(error))
  }

  /** Ends the waiting, and nothing is called any more. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.#wake()
  }

  #finish(place: { isDone: boolean }): void {
    place.isDone = true
    const open = this.#line.findIndex(({ isDone }) => !isDone)
    const count = open === -1 ? this.#line.length : open
    if (count === 0 || this.#failure !== undefined) return
    this.#line.splice(0, count)
    this.#taken += count
    this.#onTaken(this.#taken)
    this.#wake()
  }

  async #until(isTime: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (isTime()) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
