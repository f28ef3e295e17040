// SPDX-License-Identifier: Apache-2.0
/**
 * An identity, told to people and programs.
 *
 * @module
 */

import { decodeCredential, toBase64Url, WaxwingError } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import type { Json } from './output.js'
import { formatTime } from './times.js'

export interface Told {
  readonly value: { readonly [key: string]: Json }
  readonly lines: readonly string[]
}

/** When this home's own identity was revoked, as far as the bundle that it holds says. */
export function ownRevocation(endpoint: Endpoint): Date | undefined {
  const { identity, trustBook } = endpoint.parts
  const { id, domainId } = identity
  const since = trustBook.trust.revokedSince({ id, domainId })
  return since === undefined ? undefined : new Date(since * 1000)
}

/** @throws {WaxwingError} `ERR_REVOKED` where nobody believes this home any more. */
export function assertNotRevoked(endpoint: Endpoint): void {
  const since = ownRevocation(endpoint)
  if (since === undefined || since.getTime() > Date.now()) return
  throw new WaxwingError(
    'ERR_REVOKED',
    `${endpoint.name} was revoked since ${formatTime(since)}: nobody is to believe what it says`,
    { rule: 'revoked' },
  )
}

export function describeIdentity(endpoint: Endpoint): Told {
  const { identity, runtime } = endpoint.parts
  const { credential: bytes, card, signingKey } = identity
  const credential = bytes === null ? undefined : decodeCredential(runtime.crypto, bytes)
  const { name, id, domain } = endpoint
  const key = toBase64Url(signingKey.publicKey)
  const cardExpires = new Date(card.expires * 1000)
  const expires = credential && new Date(credential.expires * 1000)
  const { roles = [], produces = [], unit } = credential ?? {}
  const revokedSince = ownRevocation(endpoint)
  return {
    value: {
      id,
      name,
      domain,
      unit,
      roles,
      produces,
      publicKey: key,
      credentialExpires: expires?.toISOString(),
      keyCardExpires: cardExpires.toISOString(),
      revokedSince: revokedSince?.toISOString(),
    },
    lines: [
      ...(revokedSince === undefined ? [] : [`REVOKED     since ${formatTime(revokedSince)}`]),
      `name        ${name}`,
      `id          ${id}`,
      `domain      ${domain ?? 'none yet'}`,
      ...(unit === undefined ? [] : [`unit        ${unit}`]),
      ...(roles.length === 0 ? [] : [`roles       ${roles.join(', ')}`]),
      ...(produces.length === 0 ? [] : [`produces    ${produces.join(', ')}`]),
      `public key  ${key}`,
      ...(expires === undefined ? [] : [`credential  until ${formatTime(expires)}`]),
      `key card    until ${formatTime(cardExpires)}`,
    ],
  }
}
