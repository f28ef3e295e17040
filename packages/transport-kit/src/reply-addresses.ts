// SPDX-License-Identifier: Apache-2.0
/**
 * Where else the owner of an inbox can be reached, as it says itself in what it sends: a node or a
 * subject that lives as long as its connection (`docs/spec/09-bindings.md` Sections 9.6.9 and 9.7.8).
 *
 * Hints of anyone, and so bounded and short-lived. What goes there is sealed for the inbox's owner.
 *
 * @module
 */

import { CONTROL_PREFIX } from '@waxwing/core'

export interface ReplyAddressTerms {
  /** Tells whether the intermediary has such nodes for inboxes: a hint must not lead anywhere else. */
  readonly isNode: (node: string) => boolean
  /** A clock that never goes back, in milliseconds. */
  readonly nowMs?: () => number
}

const MAX_HINTS = 1_000
const LIFETIME_MS = 600_000
const MAX_NODE_LENGTH = 512
const INBOX = new RegExp(`^${CONTROL_PREFIX}inbox/([^/+#]+)`)

interface Hint {
  readonly node: string
  readonly validUntilMs: number
}

/** The inbox that an address or a filter is in: `waxwing/v1/inbox/<principal>`. */
export function inboxOf(address: string): string | undefined {
  return INBOX.exec(address)?.[0]
}

export class ReplyAddresses {
  readonly #isNode: (node: string) => boolean
  readonly #nowMs: () => number
  /** By inbox, the oldest first. */
  readonly #hints = new Map<string, Hint>()

  constructor({ isNode, nowMs = () => performance.now() }: ReplyAddressTerms) {
    this.#isNode = isNode
    this.#nowMs = nowMs
  }

  /** Remembers what a message said. */
  learn(inboxAddress: string | undefined, node: string | undefined): void {
    if (inboxAddress === undefined || node === undefined) return
    if (inboxOf(inboxAddress) !== inboxAddress) return
    if (node.length > MAX_NODE_LENGTH || !this.#isNode(node)) return
    this.#hints.delete(inboxAddress)
    if (this.#hints.size >= MAX_HINTS) this.#forgetOldest()
    this.#hints.set(inboxAddress, { node, validUntilMs: this.#nowMs() + LIFETIME_MS })
  }

  /** The node for what is sent to this address, where one is known. */
  nodeFor(address: string): string | undefined {
    const inbox = inboxOf(address)
    const hint = inbox === undefined ? undefined : this.#hints.get(inbox)
    return hint !== undefined && hint.validUntilMs > this.#nowMs() ? hint.node : undefined
  }

  /** The node refused. */
  forget(address: string, node: string): void {
    const inbox = inboxOf(address)
    if (inbox !== undefined && this.#hints.get(inbox)?.node === node) this.#hints.delete(inbox)
  }

  #forgetOldest(): void {
    for (const inbox of this.#hints.keys()) {
      this.#hints.delete(inbox)
      return
    }
  }
}
