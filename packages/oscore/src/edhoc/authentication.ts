// SPDX-License-Identifier: Apache-2.0
/**
 * MAC_2, MAC_3 and the signatures over them: how each side proves who it is (RFC 9528 Sections 5.3.2
 * and 5.4.2).
 *
 * @module
 */

import { concatBytes, encodeCbor, sigStructure, WaxwingError } from '@waxwing/core'
import {
  type Authentication,
  type CipherSuite,
  type EdhocCrypto,
  HASH_BYTES,
  SIGNATURE_BYTES,
} from './cipher-suites.js'
import type { EdhocCredential, OwnCredential } from './credential.js'
import { type EadItem, encodeEad } from './ead.js'
import { encodeIdCred, type IdCred } from './id-cred.js'
import type { AuthenticationLabels, KeySchedule } from './key-schedule.js'
import { curveOf, type EdhocPublicKey, keyKindFor, verifySignature } from './keys.js'
import { identifierToCbor } from './sequence.js'

/** How one side of a session authenticates. */
export interface Authenticating {
  readonly crypto: EdhocCrypto
  readonly schedule: KeySchedule
  readonly suite: CipherSuite
  readonly authentication: Authentication
  readonly labels: AuthenticationLabels
}

/** What is authenticated. */
export interface Statement {
  /** C_R, which MAC_2 covers, and MAC_3 does not. */
  readonly cR?: Uint8Array | undefined
  readonly idCred: IdCred
  /** TH_2 or TH_3. */
  readonly th: Uint8Array
  /** Padding among it. */
  readonly ead: readonly EadItem[]
}

/** The length of Signature_or_MAC. */
export function signatureOrMacBytes(suite: CipherSuite, authentication: Authentication): number {
  return authentication === 'signature' ? SIGNATURE_BYTES : suite.macBytes
}

/**
 * Makes Signature_or_MAC of this endpoint.
 *
 * @param prk - PRK_3e2m for the Responder, PRK_4e3m for the Initiator.
 */
export function makeSignatureOrMac(
  side: Authenticating,
  prk: Uint8Array,
  own: OwnCredential,
  statement: Statement,
): Uint8Array {
  const mac = macOf(side, prk, own.credential.encoded, statement)
  if (side.authentication === 'static-dh') return mac
  try {
    return own.key.sign(signedBytes(own.credential.encoded, statement, mac))
  } finally {
    mac.fill(0)
  }
}

/** The peer, once it is known who it is, and the key that it has part in. */
export interface ProvenPeer {
  readonly credential: EdhocCredential
  /** PRK_3e2m or PRK_4e3m; the caller's to overwrite. */
  readonly prk: Uint8Array
}

export interface PeerClaim {
  /** The pseudorandom key before this side's own: PRK_2e or PRK_3e2m. */
  readonly prkBefore: Uint8Array
  /** Agrees, by this endpoint's ephemeral key, on G_RX or G_IY. */
  readonly agree: (publicKey: Uint8Array) => Uint8Array
  readonly statement: Statement
  readonly signatureOrMac: Uint8Array
}

/**
 * Finds the credential with which a peer's claim holds. Several may have been named alike; one whose key
 * is no point, or of small order, is passed over.
 *
 * @returns `undefined` if it holds with none, or none has a key of the kind that method and suite want.
 * @throws {WaxwingError} `ERR_KEY_INVALID` if it holds with none, and a key was passed over.
 */
export function provePeer(
  side: Authenticating,
  candidates: readonly EdhocCredential[],
  claim: PeerClaim,
): ProvenPeer | undefined {
  const curve = curveOf(keyKindFor(side.authentication, side.suite))
  let unusable: WaxwingError | undefined
  for (const credential of candidates) {
    if (credential.publicKey.curve !== curve) continue
    try {
      const prk = provenPrk(side, credential, claim)
      if (prk !== undefined) return { credential, prk }
    } catch (error) {
      if (!(error instanceof WaxwingError) || error.code !== 'ERR_KEY_INVALID') throw error
      unusable ??= error
    }
  }
  if (unusable !== undefined) throw unusable
  return undefined
}

/** The next pseudorandom key, if the claim holds with the credential; overwritten otherwise. */
function provenPrk(
  side: Authenticating,
  credential: EdhocCredential,
  claim: PeerClaim,
): Uint8Array | undefined {
  const prk = prkWith(side, credential.publicKey, claim)
  let isProven = false
  try {
    isProven = holds(side, prk, credential, claim)
  } finally {
    if (!isProven) prk.fill(0)
  }
  return isProven ? prk : undefined
}

function prkWith(side: Authenticating, publicKey: EdhocPublicKey, claim: PeerClaim): Uint8Array {
  const { schedule, labels, authentication } = side
  const shared = authentication === 'static-dh' ? claim.agree(publicKey.x) : undefined
  const prk = schedule.nextPrk(claim.prkBefore, labels, claim.statement.th, shared)
  shared?.fill(0)
  return prk
}

function holds(
  side: Authenticating,
  prk: Uint8Array,
  { encoded, publicKey }: EdhocCredential,
  { statement, signatureOrMac }: PeerClaim,
): boolean {
  const mac = macOf(side, prk, encoded, statement)
  try {
    if (side.authentication === 'static-dh') return equalMacs(mac, signatureOrMac)
    const signed = signedBytes(encoded, statement, mac)
    return verifySignature(side.crypto, publicKey, signed, signatureOrMac)
  } finally {
    mac.fill(0)
  }
}

/** MAC_2 over context_2, or MAC_3 over context_3. */
function macOf(
  { schedule, suite, authentication, labels }: Authenticating,
  prk: Uint8Array,
  credential: Uint8Array,
  { cR, idCred, th, ead }: Statement,
): Uint8Array {
  const context = concatBytes(
    cR === undefined ? new Uint8Array(0) : encodeCbor(identifierToCbor(cR)),
    encodeIdCred(idCred),
    encodeCbor(th),
    credential,
    encodeEad(ead),
  )
  const lengthBytes = authentication === 'signature' ? HASH_BYTES : suite.macBytes
  return schedule.kdf(prk, labels.mac, context, lengthBytes)
}

/** M_2 or M_3: the Sig_structure of a COSE_Sign1 with the MAC as its payload. */
function signedBytes(
  credential: Uint8Array,
  { idCred, th, ead }: Statement,
  mac: Uint8Array,
): Uint8Array {
  const externalAad = concatBytes(encodeCbor(th), credential, encodeEad(ead))
  return sigStructure(encodeIdCred(idCred), externalAad, mac)
}

/** Compares without telling by its time where they differ. Both have the same length. */
function equalMacs(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ (b[i] ?? 0)
  return difference === 0
}
