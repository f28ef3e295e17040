// SPDX-License-Identifier: Apache-2.0
/**
 * The queues of inboxes that a sender has seen to (`docs/spec/09-bindings.md` Section 9.6.3): whoever
 * sends to an inbox declares its queue first, so that grants wait for readers that never connected.
 *
 * @module
 */

import type { ChannelModel } from 'amqplib'
import { onChannelOfItsOwn } from './channels.js'
import type { Resolved091 } from './options.js'
import { inboxPlan } from './queues.js'
import { refusalCode, topologyFailed } from './refusals.js'

/** Principals that are remembered; the one declared longest ago is forgotten. */
const MAX_KNOWN = 4_096

export class Inboxes {
  readonly #options: Resolved091
  readonly #report: (error: unknown) => void
  readonly #known = new Set<string>()
  readonly #underWay = new Map<string, Promise<void>>()

  constructor(options: Resolved091, report: (error: unknown) => void) {
    this.#options = options
    this.#report = report
  }

  /** Whether the queue of this principal was declared. */
  isKnown(principal: string): boolean {
    return this.#known.has(principal)
  }

  /** Its queue is gone. */
  forget(principal: string): void {
    this.#known.delete(principal)
  }

  /**
   * Declares a queue, or joins who does. Where the broker does not let us, that is reported once and its
   * owner has to: a mandatory send tells whether it has.
   *
   * @throws If the connection breaks.
   */
  declare(model: ChannelModel, principal: string): Promise<void> {
    let declared = this.#underWay.get(principal)
    if (declared === undefined) {
      declared = this.#declare(model, principal).finally(() => this.#underWay.delete(principal))
      this.#underWay.set(principal, declared)
    }
    return declared
  }

  async #declare(model: ChannelModel, principal: string): Promise<void> {
    const { queue, declaration, exchange, bindingKey } = inboxPlan(principal, this.#options)
    try {
      await onChannelOfItsOwn(model, async (channel) => {
        await channel.assertQueue(queue, declaration)
        await channel.bindQueue(queue, exchange, bindingKey)
      })
    } catch (error) {
      if (refusalCode(error) === undefined) throw error
      this.#report(topologyFailed(`the queue ${queue}`, '', error))
    }
    this.#remember(principal)
  }

  #remember(principal: string): void {
    const [oldest] = this.#known
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    this.#known.add(principal)
  }
}
