// SPDX-License-Identifier: Apache-2.0
/**
 * The security context: what two endpoints share, and what each direction has (RFC 8613 Section 3).
 *
 * A context is a Common, a Sender and a Recipient Context. Several may have the first two in common,
 * with a Recipient Context for each peer.
 *
 * @module
 */

import {
  type Aead,
  AEAD_PARAMETERS,
  type AeadAlgorithm,
  ALG_AES_CCM_16_64_128,
  type CryptoProvider,
  encodeCbor,
  equalBytes,
} from '@waxwing/core'
import type { ReplayGuard } from './replay-guard.js'
import type { SenderSequence } from './sender-sequence.js'

/** What S and the Partial IV take of a nonce (Section 5.2). */
const NONCE_BYTES_BESIDE_ID = 6

/** What both endpoints know beforehand (Section 3.2). */
export interface ContextInput {
  /** Secret, of good randomness (Section 12.3). */
  readonly masterSecret: Uint8Array
  /** Default: empty. */
  readonly masterSalt?: Uint8Array | undefined
  /** 0 to nonce length - 6 bytes: 7 with algorithm 10, 6 with those of 12-byte nonces. */
  readonly senderId: Uint8Array
  /** Of the same lengths, and another than `senderId`. */
  readonly recipientId: Uint8Array
  /** Present and empty is not the same as absent. */
  readonly idContext?: Uint8Array | undefined
  /** How 'kid context' names the ID Context in requests. Default: as it is (Section 5.1). */
  readonly kidContext?: Uint8Array | undefined
  /** COSE algorithm number. Default 10, AES-CCM-16-64-128. */
  readonly algorithm?: AeadAlgorithm | undefined
}

/** What HKDF makes of a {@link ContextInput}: secret, all of it. */
export interface DerivedParameters {
  readonly senderKey: Uint8Array
  readonly recipientKey: Uint8Array
  readonly commonIv: Uint8Array
}

export interface CommonContext {
  readonly algorithm: AeadAlgorithm
  readonly idContext: Uint8Array | undefined
  /** How requests name the ID Context. */
  readonly kidContext: Uint8Array | undefined
  readonly commonIv: Uint8Array
}

export interface SenderContext {
  readonly senderId: Uint8Array
  /** The Sender Key, ready for use. */
  readonly aead: Aead
  readonly sequence: SenderSequence
}

export interface RecipientContext {
  readonly recipientId: Uint8Array
  /** The Recipient Key, ready for use. */
  readonly aead: Aead
  readonly replay: ReplayGuard
}

export interface SecurityContext {
  readonly common: CommonContext
  readonly sender: SenderContext
  readonly recipient: RecipientContext
}

/** The parts of a context that change (Section 7.5 says what to do when they are lost). */
export interface MutableState {
  readonly sequence: SenderSequence
  readonly replay: ReplayGuard
}

/**
 * Derives a security context. The keys are given to `crypto` and wiped here.
 *
 * @throws {RangeError} If the Master Secret is empty or an identifier too long, or both identifiers are
 *   the same: keys and nonces of the two directions would be the same as well.
 * @throws {WaxwingError} `ERR_UNSUPPORTED` if the provider does not offer the algorithm.
 */
export function deriveContext(
  crypto: CryptoProvider,
  input: ContextInput,
  { sequence, replay }: MutableState,
): SecurityContext {
  const { senderKey, recipientKey, commonIv } = deriveParameters(crypto, input)
  const { senderId, recipientId, algorithm = ALG_AES_CCM_16_64_128 } = input
  const idContext = input.idContext?.slice()
  const kidContext = input.kidContext?.slice() ?? idContext
  try {
    return {
      common: { algorithm, idContext, kidContext, commonIv },
      sender: { senderId: senderId.slice(), aead: crypto.aead(algorithm, senderKey), sequence },
      recipient: {
        recipientId: recipientId.slice(),
        aead: crypto.aead(algorithm, recipientKey),
        replay,
      },
    }
  } finally {
    senderKey.fill(0)
    recipientKey.fill(0)
  }
}

/**
 * Derives Sender Key, Recipient Key and Common IV with HKDF SHA-256 (Section 3.2.1).
 *
 * @returns New bytes, which the caller wipes.
 * @throws {RangeError} As {@link deriveContext}.
 */
export function deriveParameters(crypto: CryptoProvider, input: ContextInput): DerivedParameters {
  if (input.masterSecret.length === 0) throw new RangeError('masterSecret must not be empty')
  checkIds(input)
  const { masterSecret, masterSalt = new Uint8Array(0), senderId, recipientId } = input
  const { keyBytes, nonceBytes } = AEAD_PARAMETERS[input.algorithm ?? ALG_AES_CCM_16_64_128]
  const prk = crypto.hkdfExtractSha256(masterSalt, masterSecret)
  const expand = (id: Uint8Array, type: 'Key' | 'IV', length: number): Uint8Array =>
    crypto.hkdfExpandSha256(prk, derivationInfo(input, id, type, length), length)
  try {
    return {
      senderKey: expand(senderId, 'Key', keyBytes),
      recipientKey: expand(recipientId, 'Key', keyBytes),
      commonIv: expand(new Uint8Array(0), 'IV', nonceBytes),
    }
  } finally {
    prk.fill(0)
  }
}

/** The `info` of HKDF (Section 3.2.1). */
export function derivationInfo(
  { idContext = null, algorithm = ALG_AES_CCM_16_64_128 }: DerivationNames,
  id: Uint8Array,
  type: 'Key' | 'IV',
  length: number,
): Uint8Array {
  return encodeCbor([id, idContext, algorithm, type, length])
}

interface DerivationNames {
  readonly idContext?: Uint8Array | null | undefined
  readonly algorithm?: AeadAlgorithm | undefined
}

/** Longest Sender ID or Recipient ID of an algorithm, in bytes (Section 3.3). */
export function maxIdBytes(algorithm: AeadAlgorithm): number {
  return AEAD_PARAMETERS[algorithm].nonceBytes - NONCE_BYTES_BESIDE_ID
}

function checkIds({
  senderId,
  recipientId,
  algorithm = ALG_AES_CCM_16_64_128,
}: ContextInput): void {
  const limit = maxIdBytes(algorithm)
  for (const [name, id] of Object.entries({ senderId, recipientId })) {
    if (id.length > limit) {
      throw new RangeError(`${name} must be at most ${limit} bytes, got ${id.length}`)
    }
  }
  if (equalBytes(senderId, recipientId)) {
    throw new RangeError('senderId and recipientId must differ')
  }
}
