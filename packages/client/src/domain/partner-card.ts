// SPDX-License-Identifier: Apache-2.0
/**
 * Partner cards: what one domain gives to another, so that each can name the other in its trust
 * bundle. A card is a chain of trust bundles; it proves that its anchors follow from its domain id,
 * and the domain id is what people compare by another way.
 *
 * @module
 */

import {
  assertNamePattern,
  decodeTrustBundle,
  malformed,
  Trust,
  type CryptoProvider,
  type Partner,
} from '@waxwing/core'
import { decodeChain, followChain } from '../identity/bundle-chain.js'

const DOMAIN_ID_BYTES = 32
const MAX_ANCHORS = 16
const MAX_PATTERNS = 64

/** A domain and its anchors in use, without what it may name. */
export type PartnerCard = Omit<Partner, 'patterns'>

/**
 * Reads another domain's card and verifies it from its domain id on.
 *
 * @param now - Seconds since 1970.
 * @throws {WaxwingError} `ERR_NOT_TRUSTED`, `ERR_SIGNATURE`, `ERR_NOT_YET_VALID`, `ERR_MALFORMED`,
 *   `ERR_UNSUPPORTED` or `ERR_LIMIT`.
 */
export function readPartnerCard(
  crypto: CryptoProvider,
  card: Uint8Array,
  now: number,
): PartnerCard {
  const bundles = decodeChain(card)
  const [first] = bundles
  if (first === undefined) throw malformed('partner card', 'count')
  const { domainId } = decodeTrustBundle(crypto, first)
  const trust = new Trust({ crypto })
  followChain(crypto, trust, bundles, { domainId, now })
  const inUse = (trust.bundle?.anchors ?? []).filter(({ until }) => until === null)
  return { domainId, anchors: inUse.map(({ key }) => key) }
}

/**
 * Checks what is to be said of a partner.
 *
 * @throws {RangeError} If a length or count is out of its range.
 * @throws {TypeError} If one of the patterns is none.
 * @throws {WaxwingError} `ERR_KEY_INVALID` if an anchor is no acceptable key.
 */
export function checkPartner(crypto: CryptoProvider, partner: Partner): void {
  const { domainId, anchors, patterns } = partner
  if (domainId.length !== DOMAIN_ID_BYTES) {
    throw new RangeError(`domainId must be ${DOMAIN_ID_BYTES} bytes, got ${domainId.length}`)
  }
  if (anchors.length < 1 || anchors.length > MAX_ANCHORS) {
    throw new RangeError(`anchors must be 1 to ${MAX_ANCHORS}, got ${anchors.length}`)
  }
  if (patterns.length > MAX_PATTERNS) {
    throw new RangeError(`patterns must be at most ${MAX_PATTERNS}, got ${patterns.length}`)
  }
  for (const anchor of anchors) crypto.ed25519VerifyingKey(anchor)
  for (const pattern of patterns) assertNamePattern(pattern)
}
