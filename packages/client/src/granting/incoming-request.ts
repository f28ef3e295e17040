// SPDX-License-Identifier: Apache-2.0
/**
 * A verified request as the application sees it.
 *
 * @module
 */

import { MAX_RETRY_SECONDS, toBase64Url, type VerifiedMessage } from '@waxwing/core'
import type { IncomingRequest } from '../options.js'

export function incomingRequest(
  request: VerifiedMessage<'request'>,
  requestId: string,
  stream: string,
  kid: string,
): IncomingRequest {
  const { principal, body } = request
  return {
    requestId,
    principal: {
      id: toBase64Url(principal.id),
      name: principal.name,
      domain: principal.domainId === null ? null : toBase64Url(principal.domainId),
      unit: principal.unit,
      roles: principal.roles,
      attributes: principal.attributes,
    },
    stream,
    kid,
    spans: body.spans,
    rights: body.rights,
    reason: body.reason,
    grant: (terms = {}) => ({ kind: 'grant', terms }),
    deny: (code = 'not-authorized', retrySeconds = MAX_RETRY_SECONDS) => ({
      kind: 'deny',
      code,
      retrySeconds,
    }),
  }
}
