// SPDX-License-Identifier: Apache-2.0
/**
 * What a principal authenticates with in EDHOC, and how others are told (RFC 9528 Section 3.5).
 *
 * A key of X25519 for this alone, in a CWT Claims Set (CCS) that names its subject and a key identifier
 * of one byte. The claims set is what people hand to each other: who has it knows the peer by it, and by
 * nothing else. It is public; that it is the right one is for them to see to.
 *
 * @module
 */

import {
  ArrayFields,
  type CryptoProvider,
  decodeCbor,
  encodeCbor,
  MapFields,
  type Store,
  WaxwingError,
} from '@waxwing/core'
import { ccsCredential, type EdhocCredential, EdhocKey, type OwnCredential } from '@waxwing/oscore'

const TABLE = 'coap-security'
const KEY = 'own/x25519'
const OWN = 'EDHOC key'
const SECRET_KEY_BYTES = 32

// Claims and parameters of keys (RFC 8392 Section 4, RFC 8747 Section 3.1, RFC 9052 Section 7.1).
const CLAIM_SUB = 2
const CLAIM_CNF = 8
const CNF_COSE_KEY = 1
const KEY_KTY = 1
const KEY_KID = 2
const KEY_CRV = -1
const KEY_X = -2
const KTY_OKP = 1
const CRV_X25519 = 4

/** The identifiers that stand in a message as one byte: those of 0 to 23 and -1 to -24 in CBOR. */
const SHORT_ID_COUNT = 48
const FIRST_NEGATIVE = 0x20

export interface OwnCredentialOptions {
  /** Where the key is kept. */
  readonly store: Store
  readonly crypto: CryptoProvider
  /** What the principal calls itself in its credential; fixed when the key is made. Default: nothing. */
  readonly subject?: string
}

/** A peer's credential, as it was handed over. */
export interface PeerCredential {
  readonly credential: EdhocCredential
  /** How the peer refers to it. */
  readonly kid: Uint8Array
  /** What the peer calls itself. Nobody but the peer says so. */
  readonly subject: string | undefined
}

/**
 * The EDHOC credential of the principal whose store this is; it is made the first time. Its
 * `credential.encoded` is what peers are given.
 *
 * @throws {WaxwingError} `ERR_STORE_CORRUPT` if what is kept is none; or as `Store.write`.
 */
export async function ownEdhocCredential(options: OwnCredentialOptions): Promise<OwnCredential> {
  const { store, crypto, subject = '' } = options
  for (;;) {
    const kept = await store.get(TABLE, KEY)
    if (kept !== undefined) return readOwn(crypto, kept)
    const secretKey = crypto.ecdh.x25519.randomSecretKey()
    const value = encodeCbor([secretKey, subject])
    secretKey.fill(0)
    // Somebody else may have been faster: theirs is read then.
    await store.write([{ table: TABLE, key: KEY, value, expect: null }])
    value.fill(0)
  }
}

/**
 * Reads the credential that a peer handed over.
 *
 * @param claims - The CCS, untagged; untrusted.
 * @throws {WaxwingError} `ERR_MALFORMED` if it is none, or has no key identifier; `ERR_UNSUPPORTED` for a
 *   key on another curve than those of EDHOC.
 */
export function readPeerCredential(claims: Uint8Array): PeerCredential {
  const what = 'CCS'
  const credential = ccsCredential(claims)
  const fields = new MapFields(what, decodeCbor(credential.encoded, what))
  const cnf = new MapFields(what, fields.value(CLAIM_CNF, 'cnf'))
  const key = new MapFields(what, cnf.value(CNF_COSE_KEY, 'COSE_Key'))
  const kid = key.bytes(KEY_KID, 'kid').slice()
  return { credential, kid, subject: fields.optText(CLAIM_SUB, 'sub') }
}

/** An identifier of one byte that stands in messages as an integer (RFC 9528 Section 3.3.2). */
export function shortId(number: number): Uint8Array {
  const n = number % SHORT_ID_COUNT
  return Uint8Array.of(n < SHORT_ID_COUNT / 2 ? n : FIRST_NEGATIVE + n - SHORT_ID_COUNT / 2)
}

function readOwn(crypto: CryptoProvider, kept: Uint8Array): OwnCredential {
  const [secretKey, subject] = decodeOwn(kept)
  const key = new EdhocKey(crypto, 'x25519', secretKey)
  secretKey.fill(0)
  const { x } = key.publicKey
  const kid = shortId(crypto.sha256(x)[0]!)
  const credential = ccsCredential(encodeClaims(subject, kid, x))
  return { idCred: { kind: 'kid', kid }, credential, key }
}

function decodeOwn(kept: Uint8Array): readonly [Uint8Array, string] {
  try {
    const fields = new ArrayFields(OWN, decodeCbor(kept, OWN), 2)
    return [fields.bytes(0, 'secret key', { length: SECRET_KEY_BYTES }), fields.text(1, 'subject')]
  } catch (cause) {
    const message = 'the stored key of EDHOC is damaged'
    throw new WaxwingError('ERR_STORE_CORRUPT', message, {}, { cause })
  }
}

function encodeClaims(subject: string, kid: Uint8Array, x: Uint8Array): Uint8Array {
  const key = new Map<number, number | Uint8Array>([
    [KEY_KTY, KTY_OKP],
    [KEY_KID, kid],
    [KEY_CRV, CRV_X25519],
    [KEY_X, x],
  ])
  const cnf = new Map([[CNF_COSE_KEY, key]])
  if (subject === '') return encodeCbor(new Map([[CLAIM_CNF, cnf]]))
  return encodeCbor(
    new Map<number, string | typeof cnf>([
      [CLAIM_SUB, subject],
      [CLAIM_CNF, cnf],
    ]),
  )
}
