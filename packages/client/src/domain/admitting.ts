// SPDX-License-Identifier: Apache-2.0
/**
 * Deciding on an enrolment: what was asked for, and what is certified (`docs/spec/07-granting.md`
 * Section 7.9). What an enrolment asks for is a wish; only the terms count.
 *
 * @module
 */

import {
  assertNamePattern,
  decodeMessage,
  equalBytes,
  malformed,
  verifyEnrol,
  WaxwingError,
  type CredentialClaims,
  type CryptoProvider,
} from '@waxwing/core'
import { checkShortText } from '../identity/enrolment.js'

/** What a new principal asks for. Its signature is verified; who it is, nobody has said yet. */
export interface Enrolment {
  /** The id of the key that signed it: to be compared on both screens. */
  readonly id: Uint8Array
  readonly publicKey: Uint8Array
  readonly name: string
  readonly unit: string | undefined
  readonly roles: readonly string[]
  readonly produces: readonly string[]
  readonly token: Uint8Array | undefined
  /** Seconds since 1970. */
  readonly issued: number
}

/** What is certified. Whatever is not named here is not given, whatever was asked for. */
export interface AdmissionTerms {
  /** Default: the name that was asked for. */
  readonly name?: string
  readonly unit?: string
  readonly roles?: readonly string[]
  readonly attributes?: ReadonlyMap<string, string>
  /** Patterns of the stream names that it may produce. */
  readonly produces?: readonly string[]
  /** How long the credential is valid, in days. Default 365. */
  readonly days?: number
  /** The one-time secret that the enrolment must show. Default: none is asked for. */
  readonly token?: Uint8Array
}

const DEFAULT_DAYS = 365
const MAX_DAYS = 36_525
const MAX_NAMES = 32
const DAY_SECONDS = 86_400

/**
 * Reads an enrolment and verifies that its author has the key that it names.
 *
 * @param now - Seconds since 1970.
 * @throws {WaxwingError} `ERR_SIGNATURE`, `ERR_KEY_INVALID`, `ERR_EXPIRED`, `ERR_NOT_YET_VALID`,
 *   `ERR_MALFORMED`, `ERR_UNSUPPORTED` or `ERR_LIMIT`.
 */
export function readEnrolment(crypto: CryptoProvider, bytes: Uint8Array, now: number): Enrolment {
  const message = decodeMessage(crypto, bytes)
  if (message.type !== 'enrol') throw malformed('enrolment', 'typ')
  verifyEnrol(crypto, message, now)
  const { publicKey, name, unit, roles, produces, token } = message.body
  const { issued } = message.envelope
  return { id: message.author, publicKey, name, unit, roles, produces, token, issued }
}

/** @throws {RangeError} If a text, count or number is out of its range. @throws {TypeError} */
export function checkTerms(terms: AdmissionTerms): void {
  const {
    name,
    unit,
    roles = [],
    attributes = new Map<string, string>(),
    produces = [],
    days,
  } = terms
  for (const text of [name, unit]) if (text !== undefined) checkShortText('name or unit', text)
  for (const role of roles) checkShortText('role', role)
  for (const text of [...attributes].flat()) checkShortText('attribute', text)
  for (const pattern of produces) assertNamePattern(pattern)
  if (Math.max(roles.length, attributes.size, produces.length) > MAX_NAMES) {
    throw new RangeError(`at most ${MAX_NAMES} roles, attributes and patterns fit in a credential`)
  }
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= MAX_DAYS)) {
    throw new RangeError(`days must be a whole number from 1 to ${MAX_DAYS}, not ${days}`)
  }
}

/**
 * What a credential says, by the terms.
 *
 * @throws {WaxwingError} `ERR_NOT_AUTHORIZED` if the enrolment does not show the token.
 */
export function claimsFor(
  crypto: CryptoProvider,
  enrolment: Enrolment,
  terms: AdmissionTerms,
  now: number,
): CredentialClaims {
  if (terms.token !== undefined) checkToken(crypto, terms.token, enrolment.token)
  const { name = enrolment.name, unit, roles = [], produces = [] } = terms
  const claims = {
    name,
    signingKey: enrolment.publicKey,
    issued: now,
    expires: now + (terms.days ?? DEFAULT_DAYS) * DAY_SECONDS,
    roles,
    attributes: terms.attributes ?? new Map<string, string>(),
    produces,
  }
  return unit === undefined ? claims : { ...claims, unit }
}

/** Digests are compared, so that the time it takes says nothing about the secret. */
function checkToken(
  crypto: CryptoProvider,
  token: Uint8Array,
  shown: Uint8Array | undefined,
): void {
  if (shown !== undefined && equalBytes(crypto.sha256(token), crypto.sha256(shown))) return
  throw new WaxwingError('ERR_NOT_AUTHORIZED', 'the enrolment does not show the token')
}
