// SPDX-License-Identifier: Apache-2.0
/**
 * X-Wing, which HPKE calls MLKEM768-X25519, KEM 0x647a (draft-connolly-cfrg-xwing-kem Section 5;
 * draft-ietf-hpke-pq Section 4): ML-KEM-768 and X25519 side by side. Whoever breaks one of the two
 * has not broken the whole.
 *
 * @module
 */

import type { KEM, KEMFactory, KeyPair } from 'hpke'
import { concatBytes, utf8 } from '../bytes.js'
import { checkExtractable, KemKeys } from './kem-keys.js'
import {
  ML_KEM_768_CIPHERTEXT_BYTES,
  ML_KEM_768_PUBLIC_KEY_BYTES,
  ML_KEM_768_SEED_BYTES,
  type MlKem768,
  type MlKemPublicKey,
  type MlKemSecretKey,
} from './ml-kem.js'
import type { X25519, X25519Secret } from './x25519.js'

const NAME = 'MLKEM768-X25519'
const SEED_BYTES = 32
const X25519_BYTES = 32

const PARAMETERS = {
  id: 0x647a,
  type: 'KEM',
  name: NAME,
  Nsecret: 32,
  Nenc: ML_KEM_768_CIPHERTEXT_BYTES + X25519_BYTES,
  Npk: ML_KEM_768_PUBLIC_KEY_BYTES + X25519_BYTES,
  Nsk: SEED_BYTES,
} as const

/** The combiner's last input, a drawing of an X-wing: `\./` over `/^\`. */
const LABEL = utf8('\\.//^\\')

/** What DeriveKeyPair hashes after the keying material (draft-ietf-hpke-pq Section 5). */
const DERIVE_SUFFIX = concatBytes(
  utf8('HPKE-v1'),
  concatBytes(utf8('KEM'), Uint8Array.of(0x64, 0x7a)),
  Uint8Array.of(0, 13),
  utf8('DeriveKeyPair'),
  Uint8Array.of(0, SEED_BYTES),
)

interface PublicParts {
  readonly mlKem: MlKemPublicKey
  readonly x25519: Uint8Array
}

interface SecretParts {
  readonly seed: Uint8Array
  readonly mlKem: MlKemSecretKey
  readonly x25519: X25519Secret
}

export interface XWingPrimitives {
  readonly mlKem768: MlKem768
  readonly x25519: X25519
  /** SHA3-256. */
  readonly sha3: (data: Uint8Array) => Uint8Array
  readonly shake256: (data: Uint8Array, lengthBytes: number) => Uint8Array
  readonly randomBytes: (lengthBytes: number) => Uint8Array
}

/** Makes the KEM over the given primitives. */
export function xWing(primitives: XWingPrimitives): KEMFactory {
  const { mlKem768, x25519, shake256, randomBytes } = primitives
  const publicKeys = new KemKeys<PublicParts>(NAME, 'public')
  const secrets = new KemKeys<SecretParts>(NAME, 'private')

  const importPair = (seed: Uint8Array, extractable: boolean): KeyPair => {
    const secret = expandSeed(primitives, seed)
    const publicParts = { mlKem: secret.mlKem.publicKey, x25519: secret.x25519.publicKey }
    const privateKey = secrets.handle(secret, extractable)
    return { privateKey, publicKey: publicKeys.handle(publicParts, true) }
  }

  const kem: KEM = {
    ...PARAMETERS,

    DeriveKeyPair: async (ikm, extractable) =>
      importPair(shake256(concatBytes(ikm, DERIVE_SUFFIX), SEED_BYTES), extractable),
    GenerateKeyPair: async (extractable) => importPair(randomBytes(SEED_BYTES), extractable),
    SerializePublicKey: async (key) => serializePublicKey(publicKeys.of(key)),
    DeserializePublicKey: async (key) => publicKeys.handle(parsePublicKey(mlKem768, key), true),
    async SerializePrivateKey(key) {
      checkExtractable(key)
      return new Uint8Array(secrets.of(key).seed)
    },
    DeserializePrivateKey: async (key, extractable) => importPair(key, extractable).privateKey,

    Encap: async (pkR) => encap(primitives, publicKeys.of(pkR), x25519(randomBytes(X25519_BYTES))),
    Decap: async (enc, skR) => decap(primitives, secrets.of(skR), enc),
  }
  return () => kem
}

function encap(
  primitives: XWingPrimitives,
  recipient: PublicParts,
  ephemeral: X25519Secret,
): { shared_secret: Uint8Array; enc: Uint8Array } {
  const { sharedKey, ciphertext } = recipient.mlKem.encapsulate()
  const dh = ephemeral.agree(recipient.x25519)
  const enc = concatBytes(ciphertext, ephemeral.publicKey)
  const bound = [ephemeral.publicKey, recipient.x25519, LABEL]
  return { shared_secret: primitives.sha3(concatBytes(sharedKey, dh, ...bound)), enc }
}

function decap(primitives: XWingPrimitives, secret: SecretParts, enc: Uint8Array): Uint8Array {
  const sharedKey = secret.mlKem.decapsulate(enc.subarray(0, ML_KEM_768_CIPHERTEXT_BYTES))
  const ephemeral = enc.subarray(ML_KEM_768_CIPHERTEXT_BYTES)
  const dh = secret.x25519.agree(ephemeral)
  const bound = [ephemeral, secret.x25519.publicKey, LABEL]
  return primitives.sha3(concatBytes(sharedKey, dh, ...bound))
}

/** Expands 32 bytes to both secret keys (draft-connolly-cfrg-xwing-kem Section 5.2). */
function expandSeed(primitives: XWingPrimitives, seed: Uint8Array): SecretParts {
  const expanded = primitives.shake256(seed, ML_KEM_768_SEED_BYTES + X25519_BYTES)
  return {
    seed: new Uint8Array(seed),
    mlKem: primitives.mlKem768.importSeed(expanded.subarray(0, ML_KEM_768_SEED_BYTES)),
    x25519: primitives.x25519(expanded.subarray(ML_KEM_768_SEED_BYTES)),
  }
}

function serializePublicKey({ mlKem, x25519 }: PublicParts): Uint8Array {
  return concatBytes(mlKem.bytes, x25519)
}

function parsePublicKey(mlKem768: MlKem768, key: Uint8Array): PublicParts {
  return {
    mlKem: mlKem768.importPublicKey(key.subarray(0, ML_KEM_768_PUBLIC_KEY_BYTES)),
    x25519: new Uint8Array(key.subarray(ML_KEM_768_PUBLIC_KEY_BYTES)),
  }
}
