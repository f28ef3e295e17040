// SPDX-License-Identifier: Apache-2.0
/**
 * Cipher suites and methods of EDHOC (RFC 9528 Sections 3.2 and 3.6), and the rule by which a suite is
 * selected (Sections 5.2.2 and 6.3).
 *
 * @module
 */

import {
  ALG_AES_CCM_16_128_128,
  ALG_AES_CCM_16_64_128,
  type CryptoProvider,
  WaxwingError,
} from '@waxwing/core'

/** What EDHOC needs of a provider, which has to offer the AEADs 10 and 30. */
export type EdhocCrypto = Pick<
  CryptoProvider,
  | 'aead'
  | 'sha256'
  | 'hkdfExtractSha256'
  | 'hkdfExpandSha256'
  | 'ed25519SigningKey'
  | 'ed25519VerifyingKey'
  | 'es256SigningKey'
  | 'es256VerifyingKey'
  | 'ecdh'
>

/** COSE number of SHA-256 (RFC 9054 Section 3.2). */
export const ALG_SHA_256: -16 = -16
/** Length of what SHA-256 gives, and of every pseudorandom key and transcript hash here. */
export const HASH_BYTES = 32

export type SuiteId = 0 | 1 | 2 | 3

/** What a suite is made of. All four hash with SHA-256, for EDHOC and for the application alike. */
export interface CipherSuite {
  readonly id: SuiteId
  readonly aead: 10 | 30
  /** Length of MAC_2 and MAC_3 where a static Diffie-Hellman key authenticates. */
  readonly macBytes: 8 | 16
  readonly ecdh: 'x25519' | 'p256'
  readonly signature: 'ed25519' | 'es256'
  /** COSE number of the algorithm that the application, OSCORE above all, encrypts with. */
  readonly applicationAead: 10
}

const SHORT_TAG = { aead: ALG_AES_CCM_16_64_128, macBytes: 8 } as const
const LONG_TAG = { aead: ALG_AES_CCM_16_128_128, macBytes: 16 } as const
const CURVE25519 = { ecdh: 'x25519', signature: 'ed25519' } as const
const P256 = { ecdh: 'p256', signature: 'es256' } as const
const applicationAead = ALG_AES_CCM_16_64_128

const SUITES: Readonly<Record<SuiteId, CipherSuite>> = {
  0: { id: 0, ...SHORT_TAG, ...CURVE25519, applicationAead },
  1: { id: 1, ...LONG_TAG, ...CURVE25519, applicationAead },
  2: { id: 2, ...SHORT_TAG, ...P256, applicationAead },
  3: { id: 3, ...LONG_TAG, ...P256, applicationAead },
}

/** Both Diffie-Hellman functions have public keys (P-256: the x-coordinate) and secrets this long. */
export const POINT_BYTES = 32
/** Length of a signature of either algorithm. */
export const SIGNATURE_BYTES = 64

/** How Initiator and Responder authenticate (RFC 9528 Section 3.2). */
export type Method = 0 | 1 | 2 | 3
export type Authentication = 'signature' | 'static-dh'

/** What the Initiator authenticates with: signatures in methods 0 and 1. */
export function initiatorAuthentication(method: Method): Authentication {
  return method < 2 ? 'signature' : 'static-dh'
}

/** What the Responder authenticates with: signatures in methods 0 and 2. */
export function responderAuthentication(method: Method): Authentication {
  return method % 2 === 0 ? 'signature' : 'static-dh'
}

export function isMethod(value: number): value is Method {
  return value === 0 || value === 1 || value === 2 || value === 3
}

/** The suite of this number; `undefined` if it is none of 0 to 3. */
export function cipherSuite(id: number): CipherSuite | undefined {
  return Object.hasOwn(SUITES, id) ? SUITES[id as SuiteId] : undefined
}

/**
 * Selects the suite that the Initiator prefers among those that the Responder is thought to have
 * (RFC 9528 Section 5.2.2).
 *
 * @param supported - The Initiator's suites, the most preferred first; fixed, whatever errors say.
 * @param suitesR - From an error message, which anybody may have forged. Default: the first is tried.
 * @returns SUITES_I: all suites that are preferred to the selected one, and that one as the last.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if no suite is in both.
 */
export function selectSuite(
  supported: readonly SuiteId[],
  suitesR?: readonly number[],
): readonly SuiteId[] {
  const at = suitesR === undefined ? 0 : supported.findIndex((id) => suitesR.includes(id))
  if (at === -1) throw new WaxwingError('ERR_UNSUPPORTED', 'no cipher suite in common')
  return supported.slice(0, at + 1)
}

/**
 * The Responder's side of it: whether the selected suite, the last of SUITES_I, is the first of them
 * that the Responder supports (RFC 9528 Section 6.3.1).
 *
 * @returns The suite, or `undefined`: the answer is an error message with all that are supported.
 */
export function acceptSuite(
  suitesI: readonly number[],
  supported: readonly SuiteId[],
): CipherSuite | undefined {
  const first = suitesI.findIndex((id) => (supported as readonly number[]).includes(id))
  return first === suitesI.length - 1 ? cipherSuite(suitesI[first] ?? -1) : undefined
}
