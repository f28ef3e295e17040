// SPDX-License-Identifier: Apache-2.0
/**
 * The control addresses that an endpoint listens on and leaves things at
 * (`docs/spec/09-bindings.md` Section 9.2).
 *
 * @module
 */

import { inboxAddress, toBase64Url, trustAddress } from '@waxwing/core'

/** Everything below a principal's inbox. */
export function inboxFilter(id: Uint8Array): string {
  return `${inboxAddress(id)}/#`
}

/**
 * Where a grant is left for a principal: an address of its own for each generation and granter, so
 * that one does not replace the other in the intermediary's memory.
 */
export function leftGrantAddress(id: Uint8Array, generation: string, granter: Uint8Array): string {
  return `${inboxAddress(id)}/${generation.slice(0, 16)}-${toBase64Url(granter).slice(0, 11)}`
}

/** The domain's bundle, and what its principals announce beside it. */
export function trustFilter(domainId: Uint8Array): string {
  return `${trustAddress(domainId)}/#`
}

export function credentialAddress(domainId: Uint8Array, id: Uint8Array): string {
  return `${trustAddress(domainId)}/${toBase64Url(id)}/credential`
}

export function cardAddress(domainId: Uint8Array, id: Uint8Array): string {
  return `${trustAddress(domainId)}/${toBase64Url(id)}/card`
}
