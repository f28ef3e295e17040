// SPDX-License-Identifier: Apache-2.0
/**
 * What the broker is told of a message, over the channel on which it came, and never over another: there
 * its number means something else.
 *
 * @module
 */

import type { Channel, ChannelModel, ConsumeMessage } from 'amqplib'
import { lostError, type Settlement } from '@waxwing/transport-kit'
import type { Acknowledgements, Tagged } from './acknowledgements.js'

/** One channel with a consumer, as long as it lasts. */
export interface Reading {
  readonly model: ChannelModel
  readonly channel: Channel
  readonly acknowledgements: Acknowledgements
  isOver: boolean
}

/** Puts a copy of a message where dead letters are. */
export type Bury = (message: ConsumeMessage, reason: string) => Promise<void>

export function settlementOf(
  reading: Reading,
  message: ConsumeMessage,
  bury: Bury | undefined,
): Settlement {
  return bury === undefined
    ? new PlainSettlement(reading, message)
    : new RejectingSettlement(reading, message, bury)
}

/** What is given back comes at once: without a pause it would go round as fast as it can. */
const RETURN_PAUSE_MS = 1_000

/** Gives a message back that could not be set aside; it keeps its place among the unsettled until then. */
export function giveBackLater(settlement: Pick<Settlement, 'giveBack'>): void {
  setTimeout(() => settlement.giveBack(), RETURN_PAUSE_MS).unref()
}

class PlainSettlement implements Settlement {
  protected readonly reading: Reading
  /** Without the body, of which the handler has a copy. */
  readonly #delivery: Tagged

  constructor(reading: Reading, { fields }: Tagged) {
    this.reading = reading
    this.#delivery = { fields }
  }

  acknowledge(): Promise<void> | undefined {
    if (this.reading.isOver) return Promise.reject(lostError())
    this.reading.acknowledgements.acknowledge(this.#delivery)
    return undefined
  }

  giveBack(): void {
    if (!this.reading.isOver) this.reading.acknowledgements.refuse(this.#delivery, true)
  }
}

class RejectingSettlement extends PlainSettlement {
  readonly #message: ConsumeMessage
  readonly #bury: Bury

  constructor(reading: Reading, message: ConsumeMessage, bury: Bury) {
    super(reading, message)
    this.#message = message
    this.#bury = bury
  }

  /** The copy with the reason first: a crash in between makes two of it, and loses none. */
  async reject(reason: string): Promise<void> {
    try {
      await this.#bury(this.#message, reason)
    } catch (error) {
      giveBackLater(this)
      throw error
    }
    await this.acknowledge()
  }
}
