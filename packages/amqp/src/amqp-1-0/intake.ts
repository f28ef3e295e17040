// SPDX-License-Identifier: Apache-2.0
/**
 * What comes for one filter: its handlers, and the link that brings it, made again after each
 * reconnection, and with pauses when the broker ends it.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import {
  Handlers,
  Pauses,
  transportError,
  type HandlingTerms,
  type Parcel,
  type Settlement,
} from '@waxwing/transport-kit'
import { giveBackLater } from '../amqp-0-9-1/settlement.js'
import { decodeMessage, type Incoming } from './message.js'
import type { Rejection } from './nodes.js'
import type { Network } from './peer.js'
import { ReceiverLink, type ReceiverTerms } from './receiver-link.js'
import { UnreadableError } from './value-reader.js'

export interface IntakeTerms extends HandlingTerms, Omit<ReceiverTerms, 'node'> {
  readonly maxPayloadBytes: number
  readonly reconnectMinMs: number
  readonly reconnectMaxMs: number
  readonly closeTimeoutMs: number
  /** Makes the node ready; `undefined` stands for one that the broker makes. */
  source(): Promise<string | undefined>
  addressOf(message: Incoming): string | undefined
  wasDelivered(message: Incoming): boolean
  readonly rejection: Rejection
  /** A message is about to be handed over. */
  seen(message: Incoming): void
  /** The link is there (again). */
  opened(node: string): void
}

export class Intake {
  readonly handlers: Handlers
  readonly #terms: IntakeTerms
  readonly #pauses: Pauses
  readonly #attached = Promise.withResolvers<void>()
  #network: Network | undefined
  #link: ReceiverLink | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #wasAttached = false
  #isClosed = false

  constructor(terms: IntakeTerms) {
    this.#terms = terms
    this.handlers = new Handlers(terms)
    this.#pauses = new Pauses(terms.reconnectMinMs, terms.reconnectMaxMs)
    this.#attached.promise.catch(() => undefined)
  }

  /** Resolves when the link was there once; rejects if the broker refused the first one. */
  get attached(): Promise<void> {
    return this.#attached.promise
  }

  connected(network: Network): void {
    this.#network = network
    void this.#attach(network)
  }

  /** The connection is gone. */
  lost(): void {
    clearTimeout(this.#timer)
    this.#network = undefined
    this.#link?.lost()
    this.#link = undefined
    this.handlers.lost()
  }

  /** Ends the link and gives back what is unsettled. */
  async close(error: WaxwingError): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#timer)
    this.#attached.reject(error)
    this.handlers.close()
    const link = this.#link
    this.#link = undefined
    await link?.close(this.#terms.closeTimeoutMs)
  }

  async #attach(network: Network): Promise<void> {
    try {
      const node = await this.#terms.source()
      if (this.#isClosed || network !== this.#network) return
      const link: ReceiverLink = new ReceiverLink(
        network,
        { ...this.#terms, node },
        {
          opened: (own) => this.#opened(own),
          ended: (error) => this.#ended(link, error),
          arrived: (bytes, settlement) => this.#arrived(bytes, settlement),
        },
      )
      this.#link = link
    } catch (error) {
      if (!this.#isClosed && network === this.#network) this.#failed(error)
    }
  }

  #opened(node: string): void {
    this.#wasAttached = true
    this.#pauses.reset()
    this.#attached.resolve()
    this.#terms.opened(node)
  }

  #ended(link: ReceiverLink, error: unknown): void {
    if (link !== this.#link) return
    this.#link = undefined
    this.handlers.lost()
    this.#failed(error)
  }

  /** The first refusal is an answer to who subscribes; what comes later is reported, and tried again. */
  #failed(error: unknown): void {
    const isRefusal = error instanceof WaxwingError || error instanceof TypeError
    if (!this.#wasAttached && isRefusal) {
      this.#isClosed = true
      this.#attached.reject(error)
      return
    }
    this.#terms.report(error)
    const network = this.#network
    if (network === undefined) return
    this.#timer = setTimeout(() => void this.#attach(network), this.#pauses.next())
  }

  #arrived(bytes: Buffer | undefined, settlement: Settlement): void {
    try {
      const message = this.#read(bytes)
      const address = this.#terms.addressOf(message)
      if (address === undefined) throw new UnreadableError('where it was sent does not match')
      this.#terms.seen(message)
      const { payload, properties } = message
      const redelivered = this.#terms.wasDelivered(message)
      const parcel = { address, payload, properties, retained: false, redelivered }
      this.handlers.offer(parcel, rejecting(parcel, settlement, this.#terms.rejection))
    } catch (error) {
      this.#terms.report(transportError(`a message is of no use: ${String(error)}`, error))
      if (settlement.reject === undefined) void settlement.acknowledge()
      else void settlement.reject(error instanceof Error ? error.message : 'unreadable')
    }
  }

  #read(bytes: Buffer | undefined): Incoming {
    const { maxPayloadBytes } = this.#terms
    const message = bytes === undefined ? undefined : decodeMessage(bytes)
    if (message === undefined || message.payload.length > maxPayloadBytes) {
      throw new UnreadableError(`it is longer than ${maxPayloadBytes} bytes (maxPayloadBytes)`)
    }
    return message
  }
}

/** The settlement as this kind of broker has it for messages that are rejected. */
function rejecting(parcel: Parcel, settlement: Settlement, rejection: Rejection): Settlement {
  if (settlement.reject === undefined || rejection === 'outcome') return settlement
  const others: Settlement = {
    acknowledge: () => settlement.acknowledge(),
    giveBack: () => settlement.giveBack(),
  }
  if (rejection === 'none') return others
  return { ...others, reject: (reason) => rejectByCopy(parcel, settlement, rejection, reason) }
}

/** The copy with the reason first: a crash in between makes two of it, and loses none. */
async function rejectByCopy(
  parcel: Parcel,
  settlement: Settlement,
  copy: (parcel: Parcel, reason: string) => Promise<void>,
  reason: string,
): Promise<void> {
  try {
    await copy(parcel, reason)
  } catch (error) {
    giveBackLater(settlement)
    throw error
  }
  await settlement.acknowledge()
}
