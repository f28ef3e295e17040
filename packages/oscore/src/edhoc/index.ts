// SPDX-License-Identifier: Apache-2.0
/**
 * EDHOC (RFC 9528) without I/O: messages in, messages out, and keys for OSCORE in the end.
 *
 * @module
 */

export * from './coap-payload.js'
export * from './combined-request.js'
export type { CipherSuite, EdhocCrypto, Method, SuiteId } from './cipher-suites.js'
export {
  ccsCredential,
  cwtCredential,
  type EdhocCredential,
  encodeBareCcs,
  type OwnCredential,
  x509Credential,
} from './credential.js'
export { type EadItem, padding } from './ead.js'
export type { EndpointOptions, PeerToResolve, ResolveCredential } from './endpoint.js'
export {
  decodeErrorMessage,
  EdhocError,
  encodeErrorMessage,
  type ErrorMessage,
} from './error-message.js'
export { type IdCred, x5tOf } from './id-cred.js'
export * from './initiator.js'
export { EdhocKey, type EdhocKeyKind, type EdhocPublicKey } from './keys.js'
export * from './responder.js'
export * from './session.js'
