// SPDX-License-Identifier: Apache-2.0
/**
 * One connection with what comes over it. A transport has one for data, opened by the first subscription
 * to data, and one for everything else.
 *
 * @module
 */

import type { MessageHandler, Subscription, WaxwingError } from '@waxwing/core'
import { closedError, inboxOf } from '@waxwing/transport-kit'
import { Intake } from './intake.js'
import type { Incoming } from './message.js'
import type { Naming } from './nodes.js'
import type { ResolvedOptions } from './options.js'
import { Peer, type Network } from './peer.js'

/** What a channel tells the transport. */
export interface ChannelEvents {
  connected(network: Network): void
  disconnected(): void
  refused(error: WaxwingError): void
  report(error: unknown): void
  /** The broker made a node for the own inbox. */
  ownNode(inbox: string, node: string): void
  seen(message: Incoming): void
}

/** What a message may take around its payload, for the broker's eyes. */
const AROUND_PAYLOAD_BYTES = 131_072

export class Channel {
  readonly peer: Peer
  readonly #options: ResolvedOptions
  readonly #role: 'data' | 'control'
  readonly #naming: Naming
  readonly #events: ChannelEvents
  /** By filter; two where the broker makes a node for an inbox. */
  readonly #intakes = new Map<string, readonly Intake[]>()
  readonly #closing = new Map<string, Promise<void>>()

  constructor(
    options: ResolvedOptions,
    role: 'data' | 'control',
    naming: Naming,
    events: ChannelEvents,
  ) {
    this.#options = options
    this.#role = role
    this.#naming = naming
    this.#events = events
    this.peer = new Peer(options, role, {
      ready: (network) => this.#ready(network),
      lost: () => {
        for (const intake of this.#all) intake.lost()
        events.disconnected()
      },
      refused: (error) => events.refused(error),
      report: (error) => events.report(error),
    })
  }

  /** Resolves when the broker has made the link. The handler may be called before. */
  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    await this.#closing.get(filter)
    const intakes = this.#intakes.get(filter) ?? this.#open(filter)
    const removers = intakes.map(({ handlers }) => handlers.add(handler))
    const remove = (): void => {
      for (const removeOne of removers) removeOne()
    }
    try {
      await intakes[0]?.attached
    } catch (error) {
      remove()
      if (this.#intakes.get(filter) === intakes) this.#intakes.delete(filter)
      for (const intake of intakes) await intake.close(closedError())
      throw error
    }
    return { close: () => this.#unsubscribe(filter, intakes, remove) }
  }

  /** Calls no handler any more, and gives back what is unsettled. */
  async stop(reason: WaxwingError): Promise<void> {
    const intakes = [...this.#all]
    this.#intakes.clear()
    const stopped = [...this.#closing.values()]
    for (const intake of intakes) stopped.push(intake.close(reason))
    await Promise.all(stopped)
  }

  get #all(): readonly Intake[] {
    return [...this.#intakes.values()].flat()
  }

  #ready(network: Network): void {
    const { product, version } = Object(network.connection.properties ?? {}) as Record<
      string,
      unknown
    >
    this.#naming.check(textOf(product), textOf(version))
    for (const intake of this.#all) intake.connected(network)
    this.#events.connected(network)
  }

  #open(filter: string): readonly Intake[] {
    const inbox = this.#options.inbox === 'dynamic' ? inboxOf(filter) : undefined
    const intakes = [this.#intake(filter, undefined)]
    if (inbox !== undefined) intakes.push(this.#intake(filter, inbox))
    this.#intakes.set(filter, intakes)
    const { network } = this.peer
    if (network !== undefined) for (const intake of intakes) intake.connected(network)
    return intakes
  }

  /** @param inbox - Asks the broker for a node of its own making, for this inbox. */
  #intake(filter: string, inbox: string | undefined): Intake {
    const { options, naming, events } = this.#parts
    const isPresettled = this.#role === 'data' && options.settlement === 'at-most-once'
    return new Intake({
      ...options,
      maxUnsettled: options.maxUnacknowledged,
      maxMessageBytes: options.maxPayloadBytes + AROUND_PAYLOAD_BYTES,
      isPresettled,
      report: (error) => events.report(error),
      source: () => (inbox === undefined ? naming.source(filter) : Promise.resolve(undefined)),
      addressOf: (message) => naming.addressOf(filter, message),
      wasDelivered: (message) => naming.wasDelivered(message),
      rejection: naming.rejection,
      seen: (message) => events.seen(message),
      opened: (node) => {
        if (inbox !== undefined) events.ownNode(inbox, node)
      },
    })
  }

  get #parts(): { options: ResolvedOptions; naming: Naming; events: ChannelEvents } {
    return { options: this.#options, naming: this.#naming, events: this.#events }
  }

  async #unsubscribe(
    filter: string,
    intakes: readonly Intake[],
    remove: () => void,
  ): Promise<void> {
    remove()
    const isWanted = intakes.some(({ handlers }) => handlers.size > 0)
    if (!isWanted && this.#intakes.get(filter) === intakes) {
      this.#intakes.delete(filter)
      this.#closing.set(filter, this.#end(filter, intakes))
    }
    await this.#closing.get(filter)
  }

  async #end(filter: string, intakes: readonly Intake[]): Promise<void> {
    try {
      await Promise.all(intakes.map((intake) => intake.close(closedError())))
      await this.#naming.release(filter)
    } catch (error) {
      this.#events.report(error)
    } finally {
      this.#closing.delete(filter)
    }
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
