// SPDX-License-Identifier: Apache-2.0
/**
 * Builds domains, principals and trust for tests. Every key follows from a name, so that a failing
 * test fails alike each time.
 *
 * @module
 */

import {
  issueCredential,
  principalId,
  signTrustBundle,
  Trust,
  utf8,
  type CredentialClaims,
  type Ed25519SigningKey,
  type TrustBundleFields,
  type TrustInputs,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'

const crypto = sodiumProvider

/** The moment at which tests take place, in seconds since 1970: the start of an hourly epoch. */
export const NOW = 1_800_000_000
export const HOUR = 3600
export const DAY = 86_400
/** The epoch of {@link NOW} where epochs last an hour. */
export const EPOCH: number = NOW / HOUR

export interface Member {
  readonly name: string
  readonly id: Uint8Array
  readonly key: Ed25519SigningKey
  /** `null` for whom no anchor vouches. */
  readonly credential: Uint8Array | null
}

/** 32 bytes that follow from a name. */
export function seedOf(name: string): Uint8Array {
  return crypto.sha256(utf8(`waxwing test: ${name}`))
}

/** A principal for whom no anchor vouches: an anchor itself, or one to be pinned. */
export function stranger(name: string): Member {
  const key = crypto.ed25519SigningKey(seedOf(name))
  return { name, id: principalId(crypto, key.publicKey), key, credential: null }
}

/** A principal with a credential by `anchor` that allows every stream name. */
export function enrolled(
  anchor: Member,
  name: string,
  claims: Partial<CredentialClaims> = {},
): Member {
  const member = stranger(name)
  const credential = issueCredential(
    crypto,
    {
      name,
      signingKey: member.key.publicKey,
      issued: NOW - 30 * DAY,
      expires: NOW + 300 * DAY,
      roles: [],
      attributes: new Map(),
      produces: ['#'],
      ...claims,
    },
    anchor.key,
  )
  return { ...member, credential }
}

/** The fields of a bundle in which `anchor` alone is trusted and nobody is revoked. */
export function bundleFields(
  anchor: Member,
  fields: Partial<TrustBundleFields> = {},
): TrustBundleFields {
  return {
    domainId: anchor.id,
    version: 1,
    issued: NOW - DAY,
    expires: NOW + 30 * DAY,
    anchors: [{ key: anchor.key.publicKey, from: 0, until: null }],
    keepers: [],
    recovery: null,
    partners: [],
    revoked: [],
    requireXWing: false,
    ...fields,
  }
}

/** A bundle signed by `anchor`. */
export function bundleOf(anchor: Member, fields: Partial<TrustBundleFields> = {}): Uint8Array {
  return signTrustBundle(crypto, bundleFields(anchor, fields), anchor.key)
}

/** What a member of the anchor's domain believes. */
export function trustOf(
  anchor: Member,
  fields: Partial<TrustBundleFields> = {},
  inputs: Omit<TrustInputs, 'crypto' | 'bundle'> = {},
): Trust {
  return new Trust({ crypto, bundle: bundleOf(anchor, fields), ...inputs })
}
