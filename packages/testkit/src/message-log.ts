// SPDX-License-Identifier: Apache-2.0
/**
 * Collects what a subscription receives, so that a test waits for events and never for time.
 *
 * @module
 */

import type { MessageHandler, Received } from '@waxwing/core'

interface Waiter {
  readonly met: () => boolean
  readonly resolve: () => void
}

export class MessageLog {
  /** Everything received so far, in the order of arrival. */
  readonly messages: Received[] = []
  readonly #waiters = new Set<Waiter>()

  /** A handler that records and acknowledges. */
  readonly acknowledge: MessageHandler = async (message) => {
    await message.acknowledge()
    this.record(message)
  }

  /** A handler that records, and acknowledges where that is still possible; else it comes again. */
  readonly tolerant: MessageHandler = async (message) => {
    this.record(message)
    await message.acknowledge().catch(() => undefined)
  }

  /** A handler that records and leaves the message unacknowledged. */
  readonly hold: MessageHandler = async (message) => {
    await Promise.resolve()
    this.record(message)
  }

  /** Records one message, for handlers that do something of their own. */
  record(message: Received): void {
    this.messages.push(message)
    for (const waiter of this.#waiters) {
      if (!waiter.met()) continue
      this.#waiters.delete(waiter)
      waiter.resolve()
    }
  }

  /** The payloads so far, as hex. */
  payloads(): readonly string[] {
    return this.messages.map((message) => Buffer.from(message.payload).toString('hex'))
  }

  /** Resolves once the condition holds; the test's own time limit ends a vain wait. */
  async until(met: (messages: readonly Received[]) => boolean): Promise<readonly Received[]> {
    if (!met(this.messages)) {
      await new Promise<void>((resolve) => {
        this.#waiters.add({ met: () => met(this.messages), resolve })
      })
    }
    return this.messages
  }

  /** Resolves with the message at this position, counted from 0. */
  async at(position: number): Promise<Received> {
    const messages = await this.until((all) => all.length > position)
    return messages[position] as Received
  }

  /** Resolves with the first message that has these bytes. */
  async containing(payload: Uint8Array): Promise<Received> {
    const wanted = Buffer.from(payload)
    const is = (message: Received): boolean => wanted.equals(message.payload)
    const messages = await this.until((all) => all.some(is))
    return messages.find(is) as Received
  }
}

/** Asserts that each of these payloads comes, in any order and any number of times. */
export async function expectReceived(
  log: MessageLog,
  ...payloads: readonly Uint8Array[]
): Promise<void> {
  for (const payload of payloads) await log.containing(payload)
}
