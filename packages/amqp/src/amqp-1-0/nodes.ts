// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses and filters as nodes of a broker (`docs/spec/09-bindings.md` Section 9.6.6). AMQP 1.0 does
 * not say how nodes are named nor how they come to be: each kind of broker has its own way.
 *
 * @module
 */

import { CONTROL_PREFIX, WaxwingError } from '@waxwing/core'
import { filterMatches, isControlFilter, unshared, type Parcel } from '@waxwing/transport-kit'
import type { Incoming } from './message.js'
import type { AmqpNodes } from './options.js'

/** Where a message goes, and what it says of where. */
export interface Destination {
  readonly node: string
  readonly to?: string
  readonly subject?: string
}

/**
 * What becomes of a message that is rejected, and of the reason: both go with the outcome; there is no
 * place for them; or a copy is made first.
 */
export type Rejection = 'outcome' | 'none' | ((parcel: Parcel, reason: string) => Promise<void>)

/** How one kind of broker is spoken to. */
export interface Naming {
  /** @throws {TypeError} If this kind of broker has no such address. */
  destination(address: string): Destination
  /** Makes ready what must be there before something is sent to this address; mostly nothing. */
  prepare(address: string): Promise<void> | undefined
  /**
   * Makes the node ready that has what matches a filter.
   *
   * @throws {TypeError | WaxwingError} If there can be none: not to be tried again.
   * @throws {Error} If it failed for now.
   */
  source(filter: string): Promise<string>
  /** Where a message that came for this filter was sent; `undefined`: it does not say, or does not match. */
  addressOf(filter: string, message: Incoming): string | undefined
  wasDelivered(message: Incoming): boolean
  readonly rejection: Rejection
  /** @throws {WaxwingError} `ERR_TRANSPORT` If this broker is of another kind. */
  check(product: string, version: string): void
  /** Nobody wants what matches this filter any more. */
  release(filter: string): Promise<void>
  close(): Promise<void>
}

/** What the two kinds share that need nothing to be made ready. */
abstract class NamedNodes implements Naming {
  readonly rejection: Rejection = 'outcome'
  abstract destination(address: string): Destination
  abstract source(filter: string): Promise<string>

  prepare(): undefined {
    return undefined
  }

  addressOf(filter: string, { to }: Incoming): string | undefined {
    const wanted = unshared(filter)
    if (!/[+#]/.test(wanted)) return wanted
    return to !== undefined && filterMatches(wanted, to) ? to : undefined
  }

  wasDelivered({ deliveryCount }: Incoming): boolean {
    return deliveryCount > 0
  }

  abstract check(product: string): void

  release(): Promise<void> {
    return Promise.resolve()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}

/**
 * A node is a queue and named as the address. All of an inbox, and all of a domain's trust, is one node:
 * `waxwing/v1/<kind>/<id>`, which `waxwing/v1/<kind>/<id>/#` asks for.
 */
export class PlainNodes extends NamedNodes {
  destination(address: string): Destination {
    return { node: controlNode(address) ?? address, to: address }
  }

  source(filter: string): Promise<string> {
    const wanted = unshared(filter)
    const node = wanted.replace(/\/#$/, '')
    if (isControlFilter(wanted) && controlNode(node) === node) return Promise.resolve(node)
    if (!/[+#]/.test(wanted)) return Promise.resolve(wanted)
    return Promise.reject(unsupported(filter))
  }

  check(product: string): void {
    if (product === 'RabbitMQ') throw otherBroker("this is RabbitMQ: set nodes to 'rabbitmq'")
  }
}

/** As the application says. */
export class GivenNodes extends NamedNodes {
  readonly #nodes: AmqpNodes

  constructor(nodes: AmqpNodes) {
    super()
    this.#nodes = nodes
  }

  destination(address: string): Destination {
    return { node: this.#nodes.target(address), to: address }
  }

  async source(filter: string): Promise<string> {
    return this.#nodes.source(unshared(filter))
  }

  check(): void {
    // The application knows.
  }
}

/** The error of a broker of another kind than the options say. */
export function otherBroker(message: string): WaxwingError {
  const cause = { condition: 'amqp:not-allowed', description: message }
  return new WaxwingError('ERR_TRANSPORT', message, {}, { cause })
}

/** `waxwing/v1/<kind>/<id>` of an address that begins with it. */
function controlNode(address: string): string | undefined {
  if (!address.startsWith(CONTROL_PREFIX)) return undefined
  return /^[^/]+\/[^/]+\/[^/+#]+\/[^/+#]+/.exec(address)?.[0]
}

function unsupported(filter: string): WaxwingError {
  return new WaxwingError('ERR_UNSUPPORTED', `these nodes are queues, without wildcards: ${filter}`)
}
