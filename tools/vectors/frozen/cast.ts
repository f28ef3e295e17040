// SPDX-License-Identifier: Apache-2.0
/**
 * Who appears in the vectors: two domains, their principals, and one moment. All keys follow from
 * names.
 *
 * @module
 */

import type { Value } from './cbor.ts'
import { coseKey, ed25519, seedOf, type Signer } from './primitives.ts'
import {
  bundlePayload,
  credentialPayload,
  idOf,
  statement,
  type BundleInput,
  type CredentialInput,
} from './statements.ts'

/** Now, in seconds since 1970: the start of an hourly epoch. */
export const NOW = 1_800_000_000
export const HOUR = 3600
export const DAY = 86_400
/** The epoch of {@link NOW} where epochs last an hour. */
export const EPOCH: number = NOW / HOUR

export interface Actor extends Signer {
  readonly name: string
  readonly id: Uint8Array
}

export interface Member extends Actor {
  readonly credential: Uint8Array
}

export function actor(name: string): Actor {
  const signer = ed25519(seedOf(name))
  return { ...signer, name, id: idOf(signer) }
}

/** An actor with a credential by an anchor. */
export function member(
  anchor: Signer,
  name: string,
  claims: Partial<CredentialInput> = {},
): Member {
  const who = actor(name)
  const payload = credentialPayload({
    name,
    publicKey: who.publicKey,
    issued: NOW - 30 * DAY,
    expires: NOW + 300 * DAY,
    ...claims,
  })
  return { ...who, credential: statement({ type: 'credential', signer: anchor, payload }) }
}

export const ANCHOR = actor('anchor')
export const NEXT_ANCHOR = actor('next anchor')
export const PARTNER_ANCHOR = actor('partner anchor')
export const STRANGER_ANCHOR = actor('stranger anchor')

export const PLANT = member(ANCHOR, 'plant', { own: new Map([[4, ['plant/1/#']]]) })
export const KEEPER = member(ANCHOR, 'keeper', { own: new Map() })
export const DEPUTY = member(ANCHOR, 'deputy', { own: new Map() })
export const AGENT = member(ANCHOR, 'agent', { own: new Map() })
export const DESK = member(ANCHOR, 'desk', { own: new Map() })
export const THIEF = member(ANCHOR, 'thief')
export const GUEST = member(PARTNER_ANCHOR, 'guest')
export const STRANGER = member(STRANGER_ANCHOR, 'stranger')

/** An anchor in a bundle: in use unless `until` says otherwise. */
export function anchorEntry({ publicKey }: Signer, from = 0, until: number | null = null): Value {
  return [coseKey('ed25519', publicKey), from, until]
}

/** A partner in a bundle. */
export function partnerEntry(anchor: Actor, ...patterns: readonly string[]): Value {
  return [anchor.id, [coseKey('ed25519', anchor.publicKey)], patterns]
}

/** A bundle by an anchor, which is the only one in it unless others are given. */
export function bundleOf(anchor: Actor, input: Partial<BundleInput> = {}): Uint8Array {
  const payload = bundlePayload({
    domainId: anchor.id,
    issued: NOW - DAY,
    expires: NOW + 30 * DAY,
    anchors: [anchorEntry(anchor)],
    ...input,
  })
  return statement({ type: 'trust-bundle', signer: anchor, payload })
}

/** The bundle that everybody of the first domain has, where a case gives no other. */
export const BUNDLE: Uint8Array = bundleOf(ANCHOR)
