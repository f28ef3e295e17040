// SPDX-License-Identifier: Apache-2.0
/**
 * The two HPKE suites (RFC 9180; X-Wing by draft-ietf-hpke-pq): DHKEM(X25519, HKDF-SHA256) or
 * X-Wing, with HKDF-SHA256 and ChaCha20Poly1305, base mode, one message per context.
 *
 * Invariant: an X25519 ephemeral key never repeats for two messages to one recipient, even if the
 * generator repeats itself, because it depends on recipient and plaintext as well (after RFC 8937).
 * X-Wing has no such hedge: no platform's ML-KEM lets its caller choose the randomness of an
 * encapsulation, so that part stays as good as the platform's generator.
 *
 * @module
 */

import {
  CipherSuite,
  DeserializeError,
  EncapError,
  type KEM,
  type KEMFactory,
  type KeyPair,
  ValidationError,
} from 'hpke'
import { concatBytes, utf8 } from '../bytes.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { notAuthentic, WaxwingError } from '../errors.js'

export type KemKind = 'x25519' | 'x-wing'

/** Lengths in bytes: Npk, Nenc and Nsk of RFC 9180 Section 7.1 and draft-ietf-hpke-pq Section 4. */
export const KEM_PARAMETERS = {
  x25519: { publicKeyBytes: 32, encapsulatedKeyBytes: 32, secretKeyBytes: 32 },
  'x-wing': { publicKeyBytes: 1216, encapsulatedKeyBytes: 1120, secretKeyBytes: 32 },
} as const

const SEED_BYTES = 32
/** What the library throws where the recipient's key is at fault. */
const KEY_ERRORS = [DeserializeError, EncapError, ValidationError] as const
const HEDGE_KEY_BYTES = 64
const HEDGE_LABEL = utf8('waxwing hedged ephemeral v1')

export interface KemPublicKey {
  readonly kind: KemKind
  readonly publicKey: Uint8Array
}

export interface KemKeyPair extends KemPublicKey {
  /** 32 bytes: the scalar of X25519, the seed of X-Wing. */
  readonly secretKey: Uint8Array
}

export interface HpkeSealInput {
  readonly recipientKey: KemPublicKey
  readonly info: Uint8Array
  readonly aad: Uint8Array
  readonly plaintext: Uint8Array
}

export interface HpkeSealed {
  /** `enc` of RFC 9180. */
  readonly encapsulatedKey: Uint8Array
  readonly ciphertext: Uint8Array
}

export interface HpkeOpenInput extends HpkeSealed {
  readonly info: Uint8Array
  readonly aad: Uint8Array
}

/**
 * Makes a key pair by DeriveKeyPair (RFC 9180 Section 7.1.3).
 *
 * @param seed - 32 secret, uniformly random bytes, used for nothing else. Default: fresh ones. The
 *   same seed gives the same pair.
 * @throws {RangeError} If `seed` has another length.
 */
export async function generateKemKeyPair(
  crypto: CryptoProvider,
  kind: KemKind,
  seed: Uint8Array = crypto.randomBytes(SEED_BYTES),
): Promise<KemKeyPair> {
  if (seed.length !== SEED_BYTES) {
    throw new RangeError(`seed must be ${SEED_BYTES} bytes, got ${seed.length}`)
  }
  const suite = cipherSuite(crypto, kemFactory(crypto, kind))
  const pair = await suite.DeriveKeyPair(seed, true)
  const publicKey = await suite.SerializePublicKey(pair.publicKey)
  const secretKey = await suite.SerializePrivateKey(pair.privateKey)
  return { kind, publicKey, secretKey }
}

/**
 * Seals one message to a recipient (SealBase, RFC 9180 Section 6.1).
 *
 * @returns New bytes: the encapsulated key, and the ciphertext, 16 bytes longer than the plaintext.
 * @throws {WaxwingError} `ERR_KEY_INVALID` if nothing can be sealed to the recipient's key: it is of
 *   small order, or not a key of ML-KEM.
 * @throws {RangeError} If the recipient's key has not the length of its kind.
 */
export async function sealBase(crypto: CryptoProvider, input: HpkeSealInput): Promise<HpkeSealed> {
  const { recipientKey, info, aad, plaintext } = input
  const factory = kemFactory(crypto, recipientKey.kind)
  checkPublicKey(recipientKey)
  if (recipientKey.kind === 'x-wing') return sealWith(crypto, factory, input)

  let hedgeCount = 0
  const kem = Object.create(factory()) as KEM
  kem.GenerateKeyPair = (extractable) => {
    hedgeCount += 1
    const ikm = hedgedIkm(crypto, recipientKey.publicKey, plaintext)
    return kem.DeriveKeyPair(ikm, extractable)
  }
  const sealed = await sealWith(crypto, () => kem, { recipientKey, info, aad, plaintext })
  if (hedgeCount !== 1) throw new TypeError('the KEM must make its ephemeral by GenerateKeyPair')
  return sealed
}

/**
 * Opens one message (OpenBase, RFC 9180 Section 6.1).
 *
 * @param input - Untrusted but for `info` and `aad`.
 * @throws {WaxwingError} `ERR_NOT_AUTHENTIC`, whatever was wrong.
 */
export async function openBase(
  crypto: CryptoProvider,
  key: KemKeyPair,
  input: HpkeOpenInput,
): Promise<Uint8Array> {
  const { encapsulatedKey, ciphertext, info, aad } = input
  const suite = cipherSuite(crypto, kemFactory(crypto, key.kind))
  const pair: KeyPair = {
    privateKey: await suite.DeserializePrivateKey(key.secretKey),
    publicKey: await suite.DeserializePublicKey(key.publicKey),
  }
  try {
    return await suite.Open(pair, encapsulatedKey, ciphertext, { info, aad })
  } catch (cause) {
    throw notAuthentic(cause)
  }
}

async function sealWith(
  crypto: CryptoProvider,
  factory: KEMFactory,
  { recipientKey, info, aad, plaintext }: HpkeSealInput,
): Promise<HpkeSealed> {
  const suite = cipherSuite(crypto, factory)
  try {
    const publicKey = await suite.DeserializePublicKey(recipientKey.publicKey)
    const sealed = await suite.Seal(publicKey, plaintext, { info, aad })
    return { encapsulatedKey: sealed.encapsulatedSecret, ciphertext: sealed.ciphertext }
  } catch (cause) {
    if (!KEY_ERRORS.some((type) => cause instanceof type)) throw cause
    const message = `no message can be sealed to this ${recipientKey.kind} key`
    throw new WaxwingError('ERR_KEY_INVALID', message, { field: 'recipientKey' }, { cause })
  }
}

/** Fresh randomness, mixed with what differs between two messages that must not share a key. */
function hedgedIkm(
  crypto: CryptoProvider,
  recipientKey: Uint8Array,
  plaintext: Uint8Array,
): Uint8Array {
  const data = concatBytes(HEDGE_LABEL, recipientKey, crypto.sha256(plaintext))
  return crypto.hmacSha512(crypto.randomBytes(HEDGE_KEY_BYTES), data).subarray(0, SEED_BYTES)
}

function kemFactory(crypto: CryptoProvider, kind: KemKind): KEMFactory {
  if (kind === 'x25519') return crypto.hpke.x25519
  if (kind === 'x-wing') return crypto.hpke.xWing
  throw new TypeError(`kind must be x25519 or x-wing, got ${String(kind)}`)
}

function checkPublicKey({ kind, publicKey }: KemPublicKey): void {
  const want = KEM_PARAMETERS[kind].publicKeyBytes
  if (publicKey.length !== want) {
    throw new RangeError(`publicKey must be ${want} bytes for ${kind}, got ${publicKey.length}`)
  }
}

function cipherSuite(crypto: CryptoProvider, factory: KEMFactory): CipherSuite {
  return new CipherSuite(factory, crypto.hpke.hkdfSha256, crypto.hpke.chacha20Poly1305)
}
