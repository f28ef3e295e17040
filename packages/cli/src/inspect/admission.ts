// SPDX-License-Identifier: Apache-2.0
/**
 * Which domain an admission says that it comes from. Nothing of it is verified.
 *
 * @module
 */

import { decodeStatement, decodeTrustBundle, malformed } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { splitItems } from '../files.js'

/** @throws {WaxwingError} `ERR_MALFORMED` if there is no trust bundle in it. */
export function domainOfAdmission(admission: Uint8Array): Uint8Array {
  for (const item of splitItems(admission)) {
    if (decodeStatement(item).type !== 'trust-bundle') continue
    return decodeTrustBundle(nodeProvider, item).domainId
  }
  throw malformed('admission', 'trust bundle')
}
