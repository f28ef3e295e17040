// SPDX-License-Identifier: Apache-2.0
/**
 * Security contexts by the names that requests give them (RFC 8613 Sections 3.3 and 5.1).
 *
 * @module
 */

import { equalBytes, toHex } from '@waxwing/core'
import type { SecurityContext } from './context.js'

/** The contexts of an endpoint, by Recipient ID. Several may share one. */
export class ContextBook {
  readonly #byRecipientId = new Map<string, readonly SecurityContext[]>()

  /** Adds a context; one that is there already stays once. */
  add(context: SecurityContext): void {
    const others = this.#without(context)
    this.#byRecipientId.set(keyOf(context), [...others, context])
  }

  /** Forgets a context. Does nothing if it is not there. */
  delete(context: SecurityContext): void {
    const others = this.#without(context)
    if (others.length === 0) this.#byRecipientId.delete(keyOf(context))
    else this.#byRecipientId.set(keyOf(context), others)
  }

  /** The contexts that a request names: for `unprotectRequest`. */
  readonly find = (
    kid: Uint8Array,
    kidContext: Uint8Array | undefined,
  ): readonly SecurityContext[] => {
    const contexts = this.#byRecipientId.get(toHex(kid)) ?? []
    return contexts.filter((context) => isNamed(context, kid, kidContext))
  }

  #without(context: SecurityContext): readonly SecurityContext[] {
    const contexts = this.#byRecipientId.get(keyOf(context)) ?? []
    return contexts.filter((each) => each !== context)
  }
}

/** Whether 'kid' and 'kid context' name the context. Without the latter, any ID Context is meant. */
export function isNamed(
  { common, recipient }: SecurityContext,
  kid: Uint8Array,
  kidContext: Uint8Array | undefined,
): boolean {
  if (!equalBytes(kid, recipient.recipientId)) return false
  if (kidContext === undefined) return true
  return common.kidContext !== undefined && equalBytes(kidContext, common.kidContext)
}

function keyOf({ recipient }: SecurityContext): string {
  return toHex(recipient.recipientId)
}
