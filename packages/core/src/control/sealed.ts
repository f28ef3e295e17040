// SPDX-License-Identifier: Apache-2.0
/**
 * Sealing control messages to their recipient (`docs/spec/07-granting.md` Section 7.2.3): a
 * COSE-HPKE Encrypt0 around the signed message. The `info` names the recipient, so that nothing can
 * be re-addressed; the kid tells the recipient which of its KEM keys was used.
 *
 * @module
 */

import { equalBytes } from '../bytes.js'
import { encodeCbor } from '../cbor/cbor.js'
import { LABEL_KID } from '../cose/header.js'
import { decodeHpke, openHpke, sealHpke } from '../cose/hpke.js'
import type { CryptoProvider } from '../crypto/provider.js'
import { malformed, WaxwingError } from '../errors.js'
import type { KemKeyPair, KemPublicKey } from '../hpke/suite.js'
import { kemKeyThumbprint } from '../identity/key-card.js'
import { MAX_STATEMENT_BYTES } from '../statement/statement.js'

const KEM_KID_BYTES = 8
const TAG_ENCRYPT0 = 0xd0
const HPKE_OVERHEAD_BYTES = 2048

export interface SealedRecipient {
  /** The recipient's principal id. */
  readonly id: Uint8Array
  readonly key: KemPublicKey
}

/** Seals a signed message to one recipient. Returns new bytes. */
export function sealMessage(
  crypto: CryptoProvider,
  message: Uint8Array,
  { id, key }: SealedRecipient,
): Promise<Uint8Array> {
  const protectedHeader = new Map([[LABEL_KID, kemKid(crypto, key)]])
  return sealHpke(crypto, {
    recipientKey: key,
    protectedHeader,
    plaintext: message,
    info: infoOf(id),
  })
}

/** Tells a sealed message from a signed one by its first byte. */
export function isSealedMessage(bytes: Uint8Array): boolean {
  return bytes[0] === TAG_ENCRYPT0
}

/** The kid of a sealed message, to look the key up by: 8 bytes. @throws {WaxwingError} */
export function sealedKid(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_STATEMENT_BYTES + HPKE_OVERHEAD_BYTES) {
    throw new WaxwingError('ERR_LIMIT', 'sealed message is too long', {
      rule: 'MAX_STATEMENT_BYTES',
    })
  }
  const kid = decodeHpke(bytes).protectedHeader.get(LABEL_KID)
  if (!(kid instanceof Uint8Array) || kid.length !== KEM_KID_BYTES) {
    throw malformed('sealed message', 'kid')
  }
  return kid
}

/** The kid by which a sealed message names a KEM key. */
export function kemKid(crypto: Pick<CryptoProvider, 'sha256'>, key: KemPublicKey): Uint8Array {
  return kemKeyThumbprint(crypto, key).slice(0, KEM_KID_BYTES)
}

/**
 * Opens a sealed message with one of the recipient's keys.
 *
 * @returns The signed message's bytes; still to be authenticated.
 * @throws {WaxwingError} `ERR_NOT_AUTHENTIC`, also if it was sealed to somebody else;
 *   `ERR_RECIPIENT` if its kid names another key.
 */
export async function openSealedMessage(
  crypto: CryptoProvider,
  bytes: Uint8Array,
  recipient: { readonly id: Uint8Array; readonly key: KemKeyPair },
): Promise<Uint8Array> {
  if (!equalBytes(sealedKid(bytes), kemKid(crypto, recipient.key))) {
    throw new WaxwingError('ERR_RECIPIENT', 'the message is sealed to another key')
  }
  const context = { info: infoOf(recipient.id) }
  const { plaintext } = await openHpke(crypto, bytes, recipient.key, context)
  return plaintext
}

function infoOf(recipientId: Uint8Array): Uint8Array {
  return encodeCbor(['waxwing control v1', recipientId])
}
