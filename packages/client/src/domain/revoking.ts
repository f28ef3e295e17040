// SPDX-License-Identifier: Apache-2.0
/**
 * Revocation messages of the anchor (`docs/spec/07-granting.md` Section 7.8): an order to all who
 * grant, for everything that they granted.
 *
 * @module
 */

import {
  decodeMessage,
  equalBytes,
  principalId,
  signMessage,
  type CryptoProvider,
  type Ed25519SigningKey,
} from '@waxwing/core'

/** How long a revocation is worth sending: a year. */
const LIFE_SECONDS = 31_536_000
const MESSAGE_ID_BYTES = 16
/** A message that has less than this to live is signed anew: a quarter. */
const SPARE_SECONDS = LIFE_SECONDS / 4

export interface RevocationOrder {
  /** Who is revoked. */
  readonly principalId: Uint8Array
  /** Seconds since 1970. */
  readonly since: number
}

/** Signs a revocation for everyone who grants, valid for a year. */
export function signRevocation(
  crypto: CryptoProvider,
  { principalId: id, since }: RevocationOrder,
  anchor: Ed25519SigningKey,
  now: number,
): Uint8Array {
  const envelope = {
    id: crypto.randomBytes(MESSAGE_ID_BYTES),
    issued: now,
    expires: now + LIFE_SECONDS,
  }
  return signMessage({
    type: 'revocation',
    envelope,
    body: { principalId: id, since, generationId: null },
    author: principalId(crypto, anchor.publicKey),
    key: anchor,
    recipient: null,
  })
}

/** Whether a message signed before still serves: by the anchor in use, alike, and long to live. */
export function stillServes(
  crypto: CryptoProvider,
  bytes: Uint8Array,
  order: RevocationOrder,
  by: { readonly anchor: Ed25519SigningKey; readonly now: number },
): boolean {
  const message = decodeMessage(crypto, bytes)
  return (
    message.type === 'revocation' &&
    message.body.since === order.since &&
    equalBytes(message.author, principalId(crypto, by.anchor.publicKey)) &&
    message.envelope.expires > by.now + SPARE_SECONDS
  )
}
