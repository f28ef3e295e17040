// SPDX-License-Identifier: Apache-2.0
/**
 * What applications see of `security/`.
 *
 * @module
 */

export type { ContextRecovery, EdhocOptions, KnownPeer, PresharedContext } from './configuration.js'
export {
  type OwnCredentialOptions,
  ownEdhocCredential,
  type PeerCredential,
  readPeerCredential,
} from './credential.js'
export type { CoapSecurityEvent, SecurityListener } from './events.js'
export { beginRecording } from './recorded-context.js'
export {
  type CoapSecurity,
  type CoapSecurityOptions,
  openCoapSecurity,
  type ProtectOptions,
} from './security.js'
