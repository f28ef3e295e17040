// SPDX-License-Identifier: Apache-2.0
/**
 * Whom we are measured beside.
 *
 * @module
 */

import { agePeers } from './age.ts'
import { auth0CosePeers } from './auth0-cose.ts'
import { awsEncryptionSdkPeers } from './aws-encryption-sdk.ts'
import { josePeers } from './jose.ts'
import { openpgpPeers } from './openpgp.ts'
import type { PeerMaker } from './peer.ts'
import { tsMlsPeers } from './ts-mls.ts'

export const PEER_MAKERS: readonly PeerMaker[] = [
  josePeers,
  auth0CosePeers,
  awsEncryptionSdkPeers,
  agePeers,
  openpgpPeers,
  tsMlsPeers,
]
