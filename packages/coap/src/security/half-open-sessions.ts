// SPDX-License-Identifier: Apache-2.0
/**
 * Exchanges of EDHOC that wait for message_3. Anybody can begin as many as they like, which is why
 * they are few, and short-lived.
 *
 * Invariant: an address that begins many displaces its own first; what is displaced or late is overwritten.
 *
 * @module
 */

import { toHex } from '@waxwing/core'
import type { AwaitingMessage3 } from '@waxwing/oscore'

interface HalfOpen {
  readonly waiting: AwaitingMessage3
  readonly address: string
  readonly deadline: number
}

export interface HalfOpenOptions {
  readonly maxCount: number
  readonly timeoutMs: number
  readonly monotonic: () => number
}

/** By C_R, the oldest first. */
export class HalfOpenSessions {
  readonly #options: HalfOpenOptions
  readonly #sessions = new Map<string, HalfOpen>()
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(options: HalfOpenOptions) {
    this.#options = options
  }

  /** Whether only those should begin another one who prove their address. */
  get isCrowded(): boolean {
    return 2 * this.#sessions.size >= this.#options.maxCount
  }

  has(connectionId: Uint8Array): boolean {
    return this.#sessions.has(toHex(connectionId))
  }

  /** Makes room, and keeps a session for the one message_3 that it takes. */
  add(waiting: AwaitingMessage3, address: string): void {
    const { maxCount, timeoutMs, monotonic } = this.#options
    if (this.#sessions.size >= maxCount) this.#drop(this.#displaced())
    const deadline = monotonic() + timeoutMs
    this.#sessions.set(toHex(waiting.connectionId), { waiting, address, deadline })
    this.#timer ??= this.#sweepLater()
  }

  /** Takes a session out: its message_3 has come. */
  take(connectionId: Uint8Array): AwaitingMessage3 | undefined {
    const key = toHex(connectionId)
    const found = this.#sessions.get(key)
    this.#sessions.delete(key)
    return found?.waiting
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    for (const key of this.#sessions.keys()) this.#drop(key)
  }

  /** The oldest of the address that has the most. */
  #displaced(): string {
    const counts = new Map<string, number>()
    for (const { address } of this.#sessions.values()) {
      counts.set(address, (counts.get(address) ?? 0) + 1)
    }
    let [displaced, most] = ['', 0]
    for (const [key, { address }] of this.#sessions) {
      const count = counts.get(address) ?? 0
      if (count > most) [displaced, most] = [key, count]
    }
    return displaced
  }

  #drop(key: string): void {
    this.#sessions.get(key)?.waiting.close()
    this.#sessions.delete(key)
  }

  #sweepLater(): ReturnType<typeof setTimeout> {
    const timer = setTimeout(() => this.#sweep(), this.#options.timeoutMs)
    timer.unref()
    return timer
  }

  #sweep(): void {
    const now = this.#options.monotonic()
    for (const [key, { deadline }] of this.#sessions) {
      if (deadline <= now) this.#drop(key)
    }
    this.#timer = this.#sessions.size === 0 ? undefined : this.#sweepLater()
  }
}
