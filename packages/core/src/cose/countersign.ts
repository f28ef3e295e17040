// SPDX-License-Identifier: Apache-2.0
/**
 * Abbreviated countersignatures (RFC 9338 Section 3.2): a bare signature in header parameter 12.
 *
 * @module
 */

import { encodeCbor } from '../cbor/cbor.js'

/**
 * Encodes the Countersign_structure of an abbreviated countersignature on a COSE_Encrypt0 (RFC 9338
 * Section 3.3): the bytes that are signed.
 *
 * There is no sign_protected, because the abbreviated form has no header of its own, and there are
 * no other_fields, because a COSE_Encrypt0 holds no byte string after its ciphertext; so the context
 * is "CounterSignature0", not "CounterSignature0V2".
 *
 * @param bodyProtected - Contents of the message's protected bucket.
 * @param externalAad - The countersignature's own; not the one of the encryption.
 * @param payload - The ciphertext with its tag.
 */
export function countersign0Structure(
  bodyProtected: Uint8Array,
  externalAad: Uint8Array,
  payload: Uint8Array,
): Uint8Array {
  return encodeCbor(['CounterSignature0', bodyProtected, externalAad, payload])
}
