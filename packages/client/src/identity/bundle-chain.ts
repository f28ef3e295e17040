// SPDX-License-Identifier: Apache-2.0
/**
 * Following a domain from its id to its newest trust bundle (`docs/spec/06-identity.md`
 * Section 6.5).
 *
 * The domain id is the thumbprint of the first anchor. Where anchors were replaced since, the
 * bundles that *introduced* each next one lead there: each is signed by an anchor that was in use
 * before. A **chain** is these bundles, oldest first, and the newest one last; most often it is that
 * one alone. Whoever knows a domain id by a way of its own needs to believe nothing else.
 *
 * @module
 */

import {
  ArchiveReader,
  decodeStatement,
  decodeTrustBundle,
  encodeArchiveItem,
  concatBytes,
  equalBytes,
  malformed,
  MAX_STATEMENT_BYTES,
  CLOCK_SKEW_SECONDS,
  WaxwingError,
  type CryptoProvider,
  type Trust,
  type TrustBundle,
} from '@waxwing/core'

/** More bundles than anchors fit into one are no chain. */
const MAX_CHAIN = 17

/** What the anchor gives to a principal that it admits. Nothing in it is verified. */
export interface Admission {
  readonly credential: Uint8Array
  /** A chain: never empty. */
  readonly bundles: readonly Uint8Array[]
}

export interface ChainOptions {
  /** Where the chain begins: the thumbprint of the first anchor. */
  readonly domainId: Uint8Array
  /** Seconds since 1970, or `undefined` where the time is unknown. */
  readonly now: number | undefined
}

/** Encodes an admission: an archive of the credential and the chain. */
export function encodeAdmission({ credential, bundles }: Admission): Uint8Array {
  return encodeChain([credential, ...bundles])
}

/** Encodes a chain as an archive; where it is one bundle alone, these are the bundle's bytes. */
export function encodeChain(bundles: readonly Uint8Array[]): Uint8Array {
  return concatBytes(...bundles.map((bundle) => encodeArchiveItem(bundle)))
}

/** Decodes an admission. @throws {WaxwingError} `ERR_MALFORMED`, `ERR_UNSUPPORTED`, `ERR_LIMIT`. */
export function decodeAdmission(bytes: Uint8Array): Admission {
  const items = splitItems(bytes, 'admission', MAX_CHAIN + 1).map((item) => decodeStatement(item))
  const credentials = items.filter(({ type }) => type === 'credential')
  const bundles = items.filter(({ type }) => type === 'trust-bundle')
  const [credential] = credentials
  if (credential === undefined || credentials.length > 1) throw malformed('admission', 'credential')
  if (bundles.length === 0) throw malformed('admission', 'trust bundle')
  if (items.length > 1 + bundles.length) throw malformed('admission', 'item')
  return { credential: credential.bytes, bundles: bundles.map((bundle) => bundle.bytes) }
}

/** Decodes a chain. @throws {WaxwingError} `ERR_MALFORMED`, `ERR_UNSUPPORTED` or `ERR_LIMIT`. */
export function decodeChain(bytes: Uint8Array): readonly Uint8Array[] {
  const items = splitItems(bytes, 'chain of trust bundles', MAX_CHAIN)
  for (const item of items) {
    if (decodeStatement(item).type !== 'trust-bundle')
      throw malformed('chain of trust bundles', 'typ')
  }
  return items
}

/**
 * Has a trust follow a chain of its own domain: it starts with the first bundle, under the anchor
 * whose thumbprint is the domain id, and accepts the others. What it holds already, or newer, it
 * leaves out.
 *
 * @returns The bundles that it accepted, in order.
 * @throws {WaxwingError} `ERR_NOT_TRUSTED`, `ERR_SIGNATURE`, `ERR_NOT_YET_VALID`, `ERR_CONFLICT`,
 *   `ERR_MALFORMED`.
 */
export function followChain(
  crypto: CryptoProvider,
  trust: Trust,
  bundles: readonly Uint8Array[],
  options: ChainOptions,
): readonly TrustBundle[] {
  const { domainId, now } = options
  const accepted: TrustBundle[] = []
  for (const bytes of bundles) {
    const bundle = decodeTrustBundle(crypto, bytes)
    if (!equalBytes(bundle.domainId, domainId)) throw notTrusted('a bundle is of another domain')
    const held = trust.bundle
    if (held !== undefined && bundle.version < held.version) continue
    if (held === undefined) startAt(trust, bundle, options)
    else if (trust.accept(bytes, now) === 'known') continue
    accepted.push(bundle)
  }
  return accepted
}

/**
 * Has a trust start with a first bundle.
 *
 * @throws {WaxwingError} As `Trust.start`; `ERR_NOT_YET_VALID` if it is dated in the future.
 */
export function startAt(trust: Trust, bundle: TrustBundle, { domainId, now }: ChainOptions): void {
  if (now !== undefined && bundle.issued > now + CLOCK_SKEW_SECONDS) {
    throw new WaxwingError('ERR_NOT_YET_VALID', 'the trust bundle is dated in the future')
  }
  trust.start(bundle.bytes, domainId)
}

/** Whether a bundle names an anchor that the one before does not. */
export function introducesAnchor(before: TrustBundle | undefined, bundle: TrustBundle): boolean {
  if (before === undefined) return false
  return bundle.anchors.some(({ key }) => !before.anchors.some((a) => equalBytes(a.key, key)))
}

function splitItems(bytes: Uint8Array, what: string, max: number): Uint8Array[] {
  const reader = new ArchiveReader({ maxItemBytes: MAX_STATEMENT_BYTES })
  const items = reader.push(bytes)
  reader.end()
  if (items.length === 0 || items.length > max) throw malformed(what, 'count')
  return items
}

function notTrusted(why: string): WaxwingError {
  return new WaxwingError('ERR_NOT_TRUSTED', why)
}
