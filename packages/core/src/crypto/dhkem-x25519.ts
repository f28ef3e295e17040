// SPDX-License-Identifier: Apache-2.0
/**
 * DHKEM(X25519, HKDF-SHA256), KEM 0x0020 (RFC 9180 Sections 4.1 and 7.1), over a provider's
 * X25519 and HMAC.
 *
 * `Encap` draws its ephemeral key through `this.GenerateKeyPair`, as the other implementations do:
 * whoever hedges the randomness copies the object and replaces that one method.
 *
 * @module
 */

import { type KEM, type KEMFactory, type Key, type KeyPair, ValidationError } from 'hpke'
import { concatBytes, utf8 } from '../bytes.js'
import { type HmacSha256, hkdfExpand } from './hkdf-expand.js'
import { checkExtractable, KemKeys } from './kem-keys.js'
import type { X25519, X25519Secret } from './x25519.js'

const NAME = 'DHKEM(X25519, HKDF-SHA256)'
const KEY_BYTES = 32
const PARAMETERS = {
  id: 0x0020,
  type: 'KEM',
  name: NAME,
  Nsecret: KEY_BYTES,
  Nenc: KEY_BYTES,
  Npk: KEY_BYTES,
  Nsk: KEY_BYTES,
} as const
const EMPTY = new Uint8Array()
const VERSION = utf8('HPKE-v1')
const SUITE_ID = concatBytes(utf8('KEM'), Uint8Array.of(0x00, 0x20))

export interface DhkemPrimitives {
  readonly x25519: X25519
  readonly hmacSha256: HmacSha256
  readonly randomBytes: (lengthBytes: number) => Uint8Array
}

interface Secret extends X25519Secret {
  readonly bytes: Uint8Array
}

/** Makes the KEM over the given primitives. */
export function dhkemX25519(primitives: DhkemPrimitives): KEMFactory {
  const publicKeys = new KemKeys<Uint8Array>(NAME, 'public')
  const secrets = new KemKeys<Secret>(NAME, 'private')

  const importSecret = (bytes: Uint8Array, extractable: boolean): Key =>
    secrets.handle({ ...primitives.x25519(bytes), bytes: new Uint8Array(bytes) }, extractable)
  const importPair = (bytes: Uint8Array, extractable: boolean): KeyPair => {
    const privateKey = importSecret(bytes, extractable)
    return { privateKey, publicKey: publicKeys.handle(secrets.of(privateKey).publicKey, true) }
  }

  const kem: KEM = {
    ...PARAMETERS,

    DeriveKeyPair: async (ikm, extractable) =>
      importPair(deriveSecretKey(primitives.hmacSha256, ikm), extractable),
    GenerateKeyPair: async (extractable) =>
      importPair(primitives.randomBytes(KEY_BYTES), extractable),
    SerializePublicKey: async (key) => new Uint8Array(publicKeys.of(key)),
    DeserializePublicKey: async (key) => publicKeys.handle(new Uint8Array(key), true),
    async SerializePrivateKey(key) {
      checkExtractable(key)
      return new Uint8Array(secrets.of(key).bytes)
    },
    DeserializePrivateKey: async (key, extractable) => importSecret(key, extractable),

    async Encap(pkR) {
      const recipient = publicKeys.of(pkR)
      const { privateKey } = await this.GenerateKeyPair(false)
      const ephemeral = secrets.of(privateKey)
      const dh = agree(ephemeral, recipient)
      const enc = new Uint8Array(ephemeral.publicKey)
      return { shared_secret: extractAndExpand(primitives.hmacSha256, dh, enc, recipient), enc }
    },
    async Decap(enc, skR, pkR) {
      const secret = secrets.of(skR)
      const recipient = pkR === undefined ? secret.publicKey : publicKeys.of(pkR)
      return extractAndExpand(primitives.hmacSha256, agree(secret, enc), enc, recipient)
    },
  }
  return () => kem
}

/** The check of RFC 9180 Section 7.1.4, made even if the library forgot it. */
function agree(secret: X25519Secret, publicKey: Uint8Array): Uint8Array {
  const dh = secret.agree(publicKey)
  let seen = 0
  for (const byte of dh) seen |= byte
  if (seen === 0) throw new ValidationError('DH shared secret is an all-zero value')
  return dh
}

/** ExtractAndExpand (RFC 9180 Section 4.1). */
function extractAndExpand(
  hmac: HmacSha256,
  dh: Uint8Array,
  enc: Uint8Array,
  recipient: Uint8Array,
): Uint8Array {
  const prk = labeledExtract(hmac, 'eae_prk', dh)
  return labeledExpand(hmac, prk, 'shared_secret', concatBytes(enc, recipient))
}

/** DeriveKeyPair's secret key (RFC 9180 Section 7.1.3). */
function deriveSecretKey(hmac: HmacSha256, ikm: Uint8Array): Uint8Array {
  return labeledExpand(hmac, labeledExtract(hmac, 'dkp_prk', ikm), 'sk', EMPTY)
}

function labeledExtract(hmac: HmacSha256, label: string, ikm: Uint8Array): Uint8Array {
  return hmac(EMPTY, concatBytes(VERSION, SUITE_ID, utf8(label), ikm))
}

/** LabeledExpand to 32 bytes, the only length that this KEM needs. */
function labeledExpand(
  hmac: HmacSha256,
  prk: Uint8Array,
  label: string,
  info: Uint8Array,
): Uint8Array {
  const length = Uint8Array.of(0, KEY_BYTES)
  const labeledInfo = concatBytes(length, VERSION, SUITE_ID, utf8(label), info)
  return hkdfExpand(hmac, prk, labeledInfo, KEY_BYTES)
}
