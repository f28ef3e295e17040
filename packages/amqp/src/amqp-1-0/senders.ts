// SPDX-License-Identifier: Apache-2.0
/**
 * The sending links of one connection: one for each node that something was sent to, and not more than
 * {@link MAX_LINKS}; then the one that rested longest is ended.
 *
 * @module
 */

import { limitError } from '@waxwing/transport-kit'
import type { Network } from './peer.js'
import { SenderLink } from './sender-link.js'

/** So many nodes are sent to at once. */
const MAX_LINKS = 128

export class Senders {
  readonly #network: Network
  /** The least recently used first. */
  readonly #links = new Map<string, SenderLink>()

  constructor(network: Network) {
    this.#network = network
  }

  /**
   * The link with a node; it may still be in the making.
   *
   * @throws {WaxwingError} `ERR_LIMIT` if too many links wait for their brokers; `ERR_TRANSPORT`.
   */
  to(node: string, isPresettled: boolean): SenderLink {
    const key = `${isPresettled ? 1 : 0}${node}`
    const link = this.#links.get(key) ?? this.#open(key, node, isPresettled)
    this.#links.delete(key)
    this.#links.set(key, link)
    return link
  }

  #open(key: string, node: string, isPresettled: boolean): SenderLink {
    if (this.#links.size >= MAX_LINKS) this.#makeRoom()
    const link = new SenderLink(this.#network, node, isPresettled, () => {
      if (this.#links.get(key) === link) this.#links.delete(key)
    })
    return link
  }

  #makeRoom(): void {
    for (const [key, link] of this.#links) {
      if (!link.isIdle) continue
      this.#links.delete(key)
      link.close()
      return
    }
    throw limitError(`${MAX_LINKS} nodes are being sent to at once`, 'links')
  }
}
