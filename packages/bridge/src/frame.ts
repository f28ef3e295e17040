// SPDX-License-Identifier: Apache-2.0
/**
 * What may cross: payloads that have the form of Waxwing's objects and control messages
 * (`docs/spec/09-bindings.md` Section 9.4.2). Only the form is looked at. Nothing is opened and no signature is
 * verified, for which a bridge has neither keys nor anybody to believe.
 *
 * @module
 */

import {
  decodeClearProperties,
  decodeObject,
  decodePackedMessage,
  decodeStatement,
  isControlAddress,
  isPackedMessage,
  isSealedMessage,
  sealedKid,
  WaxwingError,
} from '@waxwing/core'

/** Data, or control messages: they are kept apart all the way, so that neither waits for the other. */
export type Kind = 'data' | 'control'

/** Why a payload is not one of this kind; `undefined` if it is. */
export function foreignness(kind: Kind, payload: Uint8Array): WaxwingError | undefined {
  try {
    if (kind === 'data') decodeObject(payload)
    else if (isSealedMessage(payload)) sealedKid(payload)
    else if (isPackedMessage(payload)) decodePackedMessage(payload)
    else decodeStatement(payload)
    return undefined
  } catch (error) {
    if (error instanceof WaxwingError) return error
    throw error
  }
}

/** Transports have names of their own there, by which they would take a message for something else. */
const RESERVED = /^waxwing-/i

/**
 * The properties in the clear part of an object, for the target to route by. They are its producer's word,
 * and nobody has verified them.
 */
export function clearPropertiesOf(
  payload: Uint8Array,
): Readonly<Record<string, string>> | undefined {
  if (foreignness('data', payload) !== undefined) return undefined
  const { clearPart } = decodeObject(payload)
  const properties = clearPart && decodeClearProperties(clearPart)
  const entries = Object.entries(properties ?? {}).filter(([name]) => !RESERVED.test(name))
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}

const KEPT = /^waxwing\/v1\/(?:trust\/|inbox\/[^/]+\/[0-9a-f]{16}-[\w-]{11}$)/

/** Whether what is sent to a control address is retained there (Section 9.2). */
export function isKeptAddress(address: string): boolean {
  return isControlAddress(address) && KEPT.test(address)
}
