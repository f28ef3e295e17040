// SPDX-License-Identifier: Apache-2.0
/**
 * HPKE in COSE_Encrypt0, integrated encryption mode, base mode (draft-ietf-cose-hpke-27 Section
 * 3.2): what is sealed for one known recipient.
 *
 * The HPKE `info` is what the application gives, as it is; the HPKE `aad` is the Enc_structure, so
 * the protected header is authenticated. The algorithm is always in it, here more strictly than in
 * the draft, and `ek` is always in the unprotected one.
 *
 * @module
 */

import type { CborKey, CborValue } from '../cbor/cbor.js'
import { MapFields } from '../cbor/fields.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { malformed, notAuthentic, WaxwingError } from '../errors.js'
import {
  KEM_PARAMETERS,
  type KemKeyPair,
  type KemKind,
  type KemPublicKey,
  openBase,
  sealBase,
} from '../hpke/suite.js'
import { decodeEncrypt0, encodeEncrypt0, type Encrypt0, encStructure } from './encrypt0.js'
import {
  ALG_HPKE_4,
  ALG_HPKE_XWING,
  type CoseDecodeOptions,
  encodeProtected,
  type HeaderMap,
  LABEL_ALG,
  LABEL_EK,
  LABEL_PSK_ID,
} from './header.js'

const EMPTY = new Uint8Array(0)
const ALG_OF: Readonly<Record<KemKind, number>> = { x25519: ALG_HPKE_4, 'x-wing': ALG_HPKE_XWING }
const WHAT = 'COSE-HPKE message'

export interface HpkeContext {
  /** HPKE's `info`, which both sides know; it is not sent. */
  readonly info: Uint8Array
  /** `external_aad` of the Enc_structure. Default: empty. */
  readonly externalAad?: Uint8Array
}

export interface CoseHpkeInput extends HpkeContext {
  readonly recipientKey: KemPublicKey
  /** Further protected header parameters. `alg` is added. Default: none. */
  readonly protectedHeader?: HeaderMap
  readonly plaintext: Uint8Array
}

/** A decoded message, not opened. */
export interface CoseHpkeMessage extends Encrypt0 {
  /** The kind of key that opens it. */
  readonly kind: KemKind
  readonly encapsulatedKey: Uint8Array
}

export interface CoseHpkeOpened {
  /** Authenticated. */
  readonly protectedHeader: HeaderMap
  readonly plaintext: Uint8Array
}

/**
 * Seals a plaintext to a recipient's public key.
 *
 * @returns A tagged COSE_Encrypt0, owned by the caller.
 * @throws {WaxwingError} `ERR_KEY_INVALID` if nothing can be sealed to the key.
 * @throws {TypeError} If `protectedHeader` has `alg`, `ek` or `psk_id`.
 */
export async function sealHpke(crypto: CryptoProvider, input: CoseHpkeInput): Promise<Uint8Array> {
  const { recipientKey, plaintext, info, externalAad = EMPTY } = input
  const protectedHeader = sealedHeader(recipientKey.kind, input.protectedHeader)
  const aad = encStructure(encodeProtected(protectedHeader), externalAad)
  const sealed = await sealBase(crypto, { recipientKey, info, aad, plaintext })
  const unprotectedHeader = new Map([[LABEL_EK, sealed.encapsulatedKey]])
  return encodeEncrypt0({ protectedHeader, unprotectedHeader, ciphertext: sealed.ciphertext })
}

/**
 * Decodes a message as far as it takes to choose the key that opens it; nothing is authenticated.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`; `ERR_UNSUPPORTED` for another algorithm and for `psk_id`.
 */
export function decodeHpke(bytes: Uint8Array, options: CoseDecodeOptions = {}): CoseHpkeMessage {
  const message = decodeEncrypt0(bytes, WHAT, options)
  const { protectedHeader, unprotectedHeader } = message
  const kind = kindOf(protectedHeader)
  if (protectedHeader.has(LABEL_PSK_ID)) throw unsupported('psk_id')
  const encapsulatedKey = new MapFields(WHAT, unprotectedHeader).bytes(LABEL_EK, 'ek', {
    length: KEM_PARAMETERS[kind].encapsulatedKeyBytes,
  })
  return { ...message, kind, encapsulatedKey }
}

/**
 * Opens a message with the recipient's private key.
 *
 * @param message - Untrusted bytes, or what {@link decodeHpke} made of them.
 * @returns Copies.
 * @throws {WaxwingError} `ERR_NOT_AUTHENTIC` for any failure of opening, a key of another kind among
 *   them; `ERR_MALFORMED` and `ERR_UNSUPPORTED` as {@link decodeHpke}.
 */
export async function openHpke(
  crypto: CryptoProvider,
  message: Uint8Array | CoseHpkeMessage,
  privateKey: KemKeyPair,
  context: HpkeContext,
): Promise<CoseHpkeOpened> {
  const decoded = message instanceof Uint8Array ? decodeHpke(message) : message
  if (decoded.kind !== privateKey.kind) throw notAuthentic()
  const { protectedBytes, protectedHeader, encapsulatedKey, ciphertext } = decoded
  const { info, externalAad = EMPTY } = context
  const aad = encStructure(protectedBytes, externalAad)
  const sealed = { encapsulatedKey, ciphertext, info, aad }
  return { protectedHeader, plaintext: await openBase(crypto, privateKey, sealed) }
}

function sealedHeader(kind: KemKind, extra: HeaderMap = new Map()): HeaderMap {
  for (const label of [LABEL_ALG, LABEL_EK, LABEL_PSK_ID]) {
    if (extra.has(label)) throw new TypeError(`protectedHeader must not have label ${label}`)
  }
  return new Map<CborKey, CborValue>([[LABEL_ALG, ALG_OF[kind]], ...extra])
}

function kindOf(protectedHeader: HeaderMap): KemKind {
  const alg = protectedHeader.get(LABEL_ALG)
  if (alg === undefined) throw malformed(WHAT, 'alg')
  if (alg === ALG_HPKE_4) return 'x25519'
  if (alg === ALG_HPKE_XWING) return 'x-wing'
  throw unsupported('alg')
}

function unsupported(field: string): WaxwingError {
  return new WaxwingError('ERR_UNSUPPORTED', `${WHAT}: ${field} is not supported`, { field })
}
