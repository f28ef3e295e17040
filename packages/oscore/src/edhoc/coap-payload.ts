// SPDX-License-Identifier: Apache-2.0
/**
 * EDHOC messages in the payloads of CoAP requests, where something in front says which session they
 * belong to (RFC 9528 Appendix A.2). Responses carry them bare: the token tells.
 *
 * @module
 */

import { concatBytes, decodeCbor, encodeCbor, malformed } from '@waxwing/core'
import { endOfItem, identifierFromCbor, identifierToCbor } from './sequence.js'

/** Content-Format of bare messages, application/edhoc+cbor-seq. */
export const CONTENT_FORMAT_EDHOC = 64
/** Content-Format of messages behind an identifier, application/cid-edhoc+cbor-seq. */
export const CONTENT_FORMAT_CID_EDHOC = 65

const WHAT = 'EDHOC payload'

/** What a request carries. */
export type EdhocPayload =
  /** A message_1: the bytes behind `true`. */
  | { readonly kind: 'message_1'; readonly message: Uint8Array }
  /** Any later message, an error message among them, for whoever chose the identifier. */
  | { readonly kind: 'session'; readonly connectionId: Uint8Array; readonly message: Uint8Array }

/** Encodes the payload of a request. Returns new bytes. */
export function encodeEdhocPayload(payload: EdhocPayload): Uint8Array {
  const front = payload.kind === 'message_1' ? true : identifierToCbor(payload.connectionId)
  return concatBytes(encodeCbor(front), payload.message)
}

/**
 * Decodes the payload of a request. The message in it is not looked at.
 *
 * @param bytes - Untrusted.
 * @returns Views into `bytes`, apart from the identifier.
 * @throws {WaxwingError} `ERR_MALFORMED` if neither `true` nor an identifier stands in front, or nothing
 *   behind it.
 */
export function decodeEdhocPayload(bytes: Uint8Array): EdhocPayload {
  const end = endOfItem(bytes, 0, WHAT)
  const front = decodeCbor(bytes.subarray(0, end), WHAT)
  const message = bytes.subarray(end)
  if (message.length === 0) throw malformed(WHAT, 'message')
  if (front === true) return { kind: 'message_1', message }
  return { kind: 'session', connectionId: identifierFromCbor(front, WHAT, 'C_X'), message }
}
