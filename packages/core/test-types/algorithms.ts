// SPDX-License-Identifier: Apache-2.0
// Nothing here runs: the test is that this file compiles, and that what it marks does not.
/**
 * What only EDHOC and OSCORE use does not get into a manifest or a header.
 *
 * @module
 */

import type {
  AeadAlgorithm,
  ContentAlgorithm,
  CryptoProvider,
  HeaderFields,
  ManifestFields,
} from '@waxwing/core'

declare const crypto: CryptoProvider
declare const any: AeadAlgorithm
declare const content: ContentAlgorithm

crypto.aead(any, new Uint8Array())
crypto.aead(content, new Uint8Array())

export const fine: Pick<ManifestFields & HeaderFields, 'alg'> = { alg: content }
// @ts-expect-error -- no content algorithm
export const manifest: Pick<ManifestFields, 'alg'> = { alg: any }
// @ts-expect-error -- no content algorithm
export const header: Pick<HeaderFields, 'alg'> = { alg: any }
