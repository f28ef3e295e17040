// SPDX-License-Identifier: Apache-2.0
/**
 * What an application may want to know of its security, and to log: nothing in it is secret.
 *
 * @module
 */

import type { Peer } from '../handler.js'

/** Something that happened to keys, or was refused. */
export type CoapSecurityEvent =
  /** New keys are in use. */
  | {
      readonly kind: 'established'
      readonly side: 'client' | 'server'
      /** Whom they are shared with. */
      readonly name: string
      readonly by: 'edhoc' | 'rederivation'
    }
  /** A request was refused at the server, and not acted upon. */
  | { readonly kind: 'refused'; readonly peer: Peer; readonly error: Error }
  /** Too many: the keys that were not used for the longest time were forgotten. */
  | { readonly kind: 'evicted'; readonly name: string }
  /** What nobody waits for failed: a handler, or the store. */
  | { readonly kind: 'failed'; readonly error: Error }

/** Takes events. What it throws is ignored. */
export type SecurityListener = (event: CoapSecurityEvent) => void

/** Tells a listener, if there is one, whatever it does. */
export function tell(listener: SecurityListener | undefined, event: CoapSecurityEvent): void {
  try {
    listener?.(event)
  } catch {
    // Events are told, not asked.
  }
}

/** An error that was thrown, as an error whatever it was. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown))
}
