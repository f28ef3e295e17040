// SPDX-License-Identifier: Apache-2.0
/**
 * What a domain's owner changes about its trust bundle. Pure: each takes a bundle's content and gives
 * the new one, or `undefined` where nothing is to be changed.
 *
 * @module
 */

import {
  decodeCredential,
  equalBytes,
  type CryptoProvider,
  type Credential,
  type Partner,
  type TrustBundleFields,
} from '@waxwing/core'

export type BundleEdit = (fields: TrustBundleFields) => TrustBundleFields | undefined

/** Names a keeper, or replaces its credential by a newer one. */
export function withKeeper(crypto: CryptoProvider, { id, bytes }: Credential): BundleEdit {
  return (fields) => {
    const { keepers } = fields
    if (keepers.some((keeper) => equalBytes(keeper, bytes))) return undefined
    const others = keepers.filter((keeper) => !isOf(crypto, keeper, id))
    return { ...fields, keepers: [...others, bytes] }
  }
}

export function withoutKeeper(crypto: CryptoProvider, id: Uint8Array): BundleEdit {
  return (fields) => {
    const keepers = fields.keepers.filter((keeper) => !isOf(crypto, keeper, id))
    return keepers.length === fields.keepers.length ? undefined : { ...fields, keepers }
  }
}

/** Names a partner domain, or replaces what was said of it. */
export function withPartner(partner: Partner): BundleEdit {
  return (fields) => {
    const { partners } = fields
    if (partners.some((other) => isSamePartner(other, partner))) return undefined
    const others = partners.filter((other) => !equalBytes(other.domainId, partner.domainId))
    return { ...fields, partners: [...others, partner] }
  }
}

export function withoutPartner(domainId: Uint8Array): BundleEdit {
  return (fields) => {
    const partners = fields.partners.filter((other) => !equalBytes(other.domainId, domainId))
    return partners.length === fields.partners.length ? undefined : { ...fields, partners }
  }
}

export function withRequireXWing(requireXWing: boolean): BundleEdit {
  return (fields) =>
    fields.requireXWing === requireXWing ? undefined : { ...fields, requireXWing }
}

/**
 * Revokes a principal from a time on, in seconds since 1970; of several times the earliest counts. It
 * is keeper and recovery principal no more.
 */
export function withRevoked(crypto: CryptoProvider, id: Uint8Array, since: number): BundleEdit {
  return (fields) => {
    const earlier = revokedSince(fields, id)
    if (earlier !== undefined && earlier <= since) return undefined
    const others = fields.revoked.filter(({ principalId }) => !equalBytes(principalId, id))
    const { recovery } = fields
    return {
      ...fields,
      revoked: [...others, { principalId: id, since }],
      keepers: fields.keepers.filter((keeper) => !isOf(crypto, keeper, id)),
      recovery: recovery && isOf(crypto, recovery.credential, id) ? null : recovery,
    }
  }
}

/** Names a second anchor besides the one in use. */
export function withNewAnchor(
  fields: TrustBundleFields,
  key: Uint8Array,
  from: number,
): TrustBundleFields {
  return { ...fields, anchors: [...fields.anchors, { key, from, until: null }] }
}

/** Puts all anchors but one out of use; what they signed until now stays good. */
export function withOnlyAnchor(
  fields: TrustBundleFields,
  key: Uint8Array,
  until: number,
): TrustBundleFields {
  const anchors = fields.anchors.map((anchor) =>
    anchor.until === null && !equalBytes(anchor.key, key) ? { ...anchor, until } : anchor,
  )
  return { ...fields, anchors }
}

/** Since when a bundle revokes a principal. */
export function revokedSince(
  { revoked }: Pick<TrustBundleFields, 'revoked'>,
  id: Uint8Array,
): number | undefined {
  return revoked.find(({ principalId }) => equalBytes(principalId, id))?.since
}

/** Whether a bundle names a principal as keeper. */
export function isKeeper(
  crypto: CryptoProvider,
  { keepers }: Pick<TrustBundleFields, 'keepers'>,
  id: Uint8Array,
): boolean {
  return keepers.some((keeper) => isOf(crypto, keeper, id))
}

function isOf(crypto: CryptoProvider, credential: Uint8Array, id: Uint8Array): boolean {
  return equalBytes(decodeCredential(crypto, credential).id, id)
}

function isSamePartner(a: Partner, b: Partner): boolean {
  return (
    equalBytes(a.domainId, b.domainId) &&
    a.anchors.length === b.anchors.length &&
    a.anchors.every((anchor, i) => equalBytes(anchor, b.anchors[i] ?? EMPTY)) &&
    a.patterns.join('\n') === b.patterns.join('\n')
  )
}

const EMPTY = new Uint8Array()
