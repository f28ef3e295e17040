// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin of `Trust` (`docs/spec/06-identity.md` Section 6.6): it holds the bundles as they are
 * and looks through all of them at every question.
 *
 * @module
 */

import { hex, thumbprint } from '../../../../tools/vectors/frozen/primitives.ts'
import type { CborValue } from '@waxwing/core'
import type { CborMap } from './cbor.ts'
import { matches } from './names.ts'
import { insist, Refusal, refuse } from './refusal.ts'
import { CREDENTIAL, mapObeying, TRUST_BUNDLE } from './rules.ts'
import { checkSignature, importKey, readStatement } from './statements.ts'

/** Seconds by which two honest clocks may differ (Section 6.2). */
export const SKEW = 300

export interface Pinned {
  readonly publicKey: Uint8Array
  readonly name: string
  readonly produces: readonly string[]
}

/** Whom one believes; bundles were verified when they were stored. */
export interface Held {
  readonly bundle: Uint8Array | undefined
  /** At most one of each partner. */
  readonly partnerBundles: readonly Uint8Array[]
  readonly pinned: readonly Pinned[]
}

/** A principal that is trusted (Section 6.6.1). Ids are hex. */
export interface Principal {
  readonly id: string
  readonly key: Uint8Array
  readonly domain: string | null
  readonly name: string
  readonly produces: readonly string[]
  readonly partnerPatterns: readonly string[] | undefined
  readonly issued: number
  readonly expires: number
}

interface Anchor {
  readonly key: Uint8Array
  readonly from: number
  readonly until: number | null
}

interface Partner {
  readonly domain: string
  readonly anchors: readonly Uint8Array[]
  readonly patterns: readonly string[]
}

interface Bundle {
  readonly domain: string
  readonly anchors: readonly Anchor[]
  readonly partners: readonly Partner[]
  readonly revoked: readonly (readonly [id: string, since: number])[]
}

/** The id of whoever has a signing key. */
function idOf(key: Uint8Array): string {
  return hex(thumbprint('ed25519', key))
}

/** What was read of the same bytes before. */
const read = new WeakMap<Uint8Array, Bundle>()

/** Decodes a bundle. @throws {Refusal} */
export function readBundle(bytes: Uint8Array): Bundle {
  const known = read.get(bytes)
  if (known !== undefined) return known
  const map = mapObeying(TRUST_BUNDLE, readStatement(bytes, 'trust-bundle').payload)
  const listOf = (key: number): readonly (readonly CborValue[])[] =>
    map.get(key) as readonly (readonly CborValue[])[]
  const bundle: Bundle = {
    domain: hex(map.get(1) as Uint8Array),
    anchors: listOf(5).map(([key, from, until]) => {
      return { key: publicKeyOf(key!), from: from as number, until: until as number | null }
    }),
    partners: listOf(8).map(([id, anchors, patterns]) => {
      const keys = (anchors as readonly CborValue[]).map(publicKeyOf)
      return { domain: hex(id as Uint8Array), anchors: keys, patterns: patterns as string[] }
    }),
    revoked: listOf(9).map(([id, since]) => [hex(id as Uint8Array), since as number] as const),
  }
  read.set(bytes, bundle)
  return bundle
}

/** What a credential says. */
export interface Claims {
  readonly anchorId: string
  readonly name: string
  readonly key: Uint8Array
  readonly issued: number
  readonly expires: number
  readonly produces: readonly string[]
}

/** Decodes a credential. @throws {Refusal} */
export function readClaims(bytes: Uint8Array): Claims {
  const statement = readStatement(bytes, 'credential')
  const map = mapObeying(CREDENTIAL, statement.payload)
  const own = map.get(-65537) as CborMap
  return {
    anchorId: hex(statement.author),
    name: map.get(2) as string,
    key: publicKeyOf((map.get(8) as CborMap).get(1)!),
    issued: map.get(6) as number,
    expires: map.get(4) as number,
    produces: (own.get(4) as readonly string[] | undefined) ?? [],
  }
}

function publicKeyOf(coseKey: CborValue): Uint8Array {
  return (coseKey as CborMap).get(-2) as Uint8Array
}

/** Resolves who is meant (Section 6.6.2). @throws {Refusal} */
export function resolve(held: Held, id: string, credential: Uint8Array | null): Principal {
  const pinned = held.pinned.findLast(({ publicKey }) => idOf(publicKey) === id)
  try {
    if (credential === null) return refuse('ERR_NOT_TRUSTED')
    const principal = resolveCredential(held, credential)
    insist(principal.id === id, 'ERR_NOT_TRUSTED')
    return principal
  } catch (error) {
    const isStranger = error instanceof Refusal && error.codes.has('ERR_NOT_TRUSTED')
    if (!isStranger || pinned === undefined) throw error
    return pinnedPrincipal(pinned)
  }
}

/** Steps 3 to 7. */
function resolveCredential(held: Held, bytes: Uint8Array): Principal {
  const claims = readClaims(bytes)
  const { anchorId, key, name, issued, expires, produces } = claims
  const { anchor, domain, partnerPatterns } = issuerOf(held, anchorId) ?? refuse('ERR_NOT_TRUSTED')
  const isInUse = issued >= anchor.from && (anchor.until === null || issued <= anchor.until)
  insist(isInUse, 'ERR_NOT_TRUSTED')
  checkSignature(readStatement(bytes, 'credential'), importKey(anchor.key))
  importKey(key)
  return { id: idOf(key), key, domain, name, produces, partnerPatterns, issued, expires }
}

function pinnedPrincipal({ publicKey, name, produces }: Pinned): Principal {
  return {
    id: idOf(publicKey),
    key: publicKey,
    domain: null,
    name,
    produces,
    partnerPatterns: undefined,
    issued: 0,
    expires: Infinity,
  }
}

interface Issuer {
  readonly anchor: Anchor
  readonly domain: string
  readonly partnerPatterns: readonly string[] | undefined
}

/** Whose credentials an anchor issues (Section 6.6.2, step 4). */
function issuerOf(held: Held, anchorId: string): Issuer | undefined {
  const own = ownBundle(held)
  if (own === undefined) return undefined
  const isMeant = ({ key }: { key: Uint8Array }): boolean => idOf(key) === anchorId
  const ours = own.anchors.find(isMeant)
  if (ours !== undefined) return { anchor: ours, domain: own.domain, partnerPatterns: undefined }
  const claims = own.partners.flatMap((partner) => {
    const { domain, patterns: partnerPatterns, anchors: named } = partner
    const bundle = partnerBundles(held).find((b) => b.domain === domain)
    const anchors = bundle?.anchors ?? named.map((key) => ({ key, from: 0, until: null }))
    const anchor = anchors.find(isMeant)
    const isNamed = named.some((key) => idOf(key) === anchorId)
    return anchor === undefined ? [] : [{ anchor, domain, partnerPatterns, isNamed }]
  })
  const named = claims.filter(({ isNamed }) => isNamed)
  const rivals = named.length > 0 ? named : claims
  return rivals.length === 1 ? rivals[0] : undefined
}

function ownBundle({ bundle }: Held): Bundle | undefined {
  return bundle === undefined ? undefined : readBundle(bundle)
}

/** Those of partners that our own bundle names, and for whom it names one of their anchors. */
function partnerBundles(held: Held): readonly Bundle[] {
  const partners = ownBundle(held)?.partners ?? []
  return held.partnerBundles.map(readBundle).filter(({ domain, anchors }) => {
    const named = partners.find((partner) => partner.domain === domain)?.anchors ?? []
    return anchors.some(({ key }) => named.some((other) => hex(other) === hex(key)))
  })
}

/** Since when a principal is revoked; infinite if it is not. */
export function revokedSince(held: Held, { id, domain }: Pick<Principal, 'id' | 'domain'>): number {
  const own = ownBundle(held)
  const others = partnerBundles(held).filter((bundle) => bundle.domain === domain)
  const revoked = [...(own === undefined ? [] : [own]), ...others].flatMap((b) => b.revoked)
  return Math.min(...revoked.filter(([who]) => who === id).map(([, since]) => since))
}

/** The standing of a message's author, now (Section 6.6.3). @throws {Refusal} */
export function checkStanding(held: Held, principal: Principal, now: number): void {
  insist(principal.expires > now, 'ERR_EXPIRED')
  insist(principal.issued <= now + SKEW, 'ERR_NOT_YET_VALID')
  insist(revokedSince(held, principal) > now + SKEW, 'ERR_REVOKED')
}

/** Whether a principal may produce a name (Section 6.6.4). @throws {Refusal} */
export function checkName(principal: Principal, domain: string | null, name: string): void {
  const { produces, partnerPatterns } = principal
  const mayProduce =
    principal.domain === domain &&
    produces.some((pattern) => matches(pattern, name)) &&
    (partnerPatterns === undefined || partnerPatterns.some((pattern) => matches(pattern, name)))
  insist(mayProduce, 'ERR_NOT_AUTHORIZED')
}

/** Whether a producer's word counts for an epoch that begins at a time (Section 6.6.5). */
export function checkEpoch(held: Held, principal: Principal, begins: number): void {
  insist(begins < principal.expires, 'ERR_EXPIRED')
  insist(begins < revokedSince(held, principal), 'ERR_REVOKED')
}
