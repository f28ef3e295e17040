// SPDX-License-Identifier: Apache-2.0
/**
 * Which subscriptions an item is for: by its address; or, where that was lost on the way or never there,
 * by what it is. An object without an address is for whoever reads data, a control message for the own
 * inbox: both are told apart and checked by the endpoint, whatever the mail said.
 *
 * @module
 */

import { decodeObject } from '@waxwing/core'
import { filterMatcher, inboxOf, isControlFilter } from '@waxwing/transport-kit'
import type { MailItem } from '../letter.js'

/** The address of what has none. */
const UNNAMED = 'mail/unnamed'

/** How control messages begin: tag 18, and tag 16 as objects do. */
const [STATEMENT, SEALED] = [0xd2, 0xd0]

export class ItemFilter {
  readonly filter: string
  /** The inbox that it is in. */
  readonly inbox: string | undefined
  readonly #matches: (address: string) => boolean
  readonly isControl: boolean

  constructor(filter: string) {
    this.filter = filter
    this.inbox = inboxOf(filter)
    this.#matches = filterMatcher(filter)
    this.isControl = isControlFilter(filter)
  }

  /** Whether mails with these addresses may hold something for it. */
  mayWant(addresses: readonly string[] | undefined): boolean {
    return addresses === undefined || addresses.some((address) => this.#matches(address))
  }

  /** The address under which the item is for this filter; `undefined`: it is not. */
  addressFor({ address, payload }: MailItem): string | undefined {
    if (address !== undefined) return this.#matches(address) ? address : undefined
    if (!isControlMessage(payload)) {
      return this.isControl ? undefined : UNNAMED
    }
    return this.inbox
  }
}

/** Whether it has the form of a control message (`docs/spec/09-bindings.md` Section 9.4.2). */
function isControlMessage(payload: Uint8Array): boolean {
  if (payload[0] === STATEMENT) return true
  if (payload[0] !== SEALED) return false
  try {
    decodeObject(payload)
    return false
  } catch {
    return true
  }
}
