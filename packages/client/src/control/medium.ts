// SPDX-License-Identifier: Apache-2.0
/**
 * What a transport says of its answers and of its bytes, as those need it who send something again for want
 * of an answer (`docs/spec/07-granting.md` Sections 7.3.2 and 7.7), or who choose what to send (Section 7.2.6).
 *
 * @module
 */

import type { Transport } from '@waxwing/core'

export interface Medium {
  /** How soon an answer may come, in milliseconds; 0: at once. */
  readonly answerMs: number
  /** Each byte costs. */
  readonly isCostly: boolean
}

/** How long to wait before something is sent again: at first, and at the most. */
export interface Pauses {
  readonly firstMs: number
  readonly lastMs: number
}

/** In the time of so many answers, something is sent again once at least. */
const LAST_ANSWERS = 24

/** What is known of a transport, or of messages that the application carries. */
export function mediumOf(transport: Pick<Transport, 'limits'> | undefined): Medium {
  const { answerSeconds = 0, costly = false } = transport?.limits ?? {}
  return { answerMs: answerSeconds * 1000, isCostly: costly }
}

/** The usual pauses, or those of the medium where these are longer. */
export function pausesOver({ answerMs }: Medium, { firstMs, lastMs }: Pauses): Pauses {
  return {
    firstMs: Math.max(firstMs, answerMs),
    lastMs: Math.max(lastMs, LAST_ANSWERS * answerMs),
  }
}

/** How long a message that is to be answered lives, in seconds: it may be on its way for as long. */
export function lifeOver({ answerMs }: Medium, usualSeconds: number): number {
  return Math.max(usualSeconds, Math.ceil((LAST_ANSWERS * answerMs) / 1000))
}
