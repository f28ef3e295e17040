// SPDX-License-Identifier: Apache-2.0
/**
 * An identity, told to people and programs.
 *
 * @module
 */

import { decodeCredential, toBase64Url } from '@waxwing/core'
import type { Endpoint } from '@waxwing/client'
import type { Json } from './output.js'
import { formatTime } from './times.js'

export interface Told {
  readonly value: { readonly [key: string]: Json }
  readonly lines: readonly string[]
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
    },
    lines: [
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
