// SPDX-License-Identifier: Apache-2.0
/**
 * Where notifications wait for whoever takes them, one at a time: the newest replaces what nobody took.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import type { NotificationListener } from '../handler.js'

/** A notification that was taken. */
export interface Taken {
  readonly message: CoapMessage
  /** Says that the work on it is done, upon which it is acknowledged. */
  readonly done: () => void
}

/** Why there is nothing to take: nothing came in time, or nothing will. */
export type Nothing =
  { readonly isSilent: true } | { readonly isSilent: false; readonly error: Error | undefined }

/** The notifications of one registration. */
export class Mailbox implements NotificationListener {
  #newest: Taken | undefined
  #end: { readonly isSilent: false; readonly error: Error | undefined } | undefined
  #wake: () => void = () => {}

  next(message: CoapMessage): Promise<void> {
    return new Promise((done) => {
      this.#newest?.done() // passed over
      this.#newest = { message, done }
      this.#wake()
    })
  }

  end(error?: Error): void {
    this.#end ??= { isSilent: false, error }
    this.#wake()
  }

  /**
   * The newest notification, once there is one.
   *
   * @throws The reason of the signal.
   */
  async take(timeoutMs: number, signal: AbortSignal): Promise<Taken | Nothing> {
    signal.throwIfAborted()
    const isSilent = this.#isEmpty && !(await this.#woken(timeoutMs, signal))
    signal.throwIfAborted()
    const taken = this.#newest ?? this.#end
    this.#newest = undefined
    return isSilent || taken === undefined ? { isSilent: true } : taken
  }

  get #isEmpty(): boolean {
    return this.#newest === undefined && this.#end === undefined
  }

  /** @returns Whether something came. */
  async #woken(timeoutMs: number, signal: AbortSignal): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<undefined>()
    const wake = (): void => resolve(undefined)
    this.#wake = wake
    const timer = setTimeout(wake, timeoutMs)
    signal.addEventListener('abort', wake)
    await promise
    clearTimeout(timer)
    signal.removeEventListener('abort', wake)
    return !this.#isEmpty
  }
}
