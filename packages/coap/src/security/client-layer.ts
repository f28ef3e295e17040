// SPDX-License-Identifier: Apache-2.0
/**
 * The layer that protects a client's requests, each for the server that it names.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { OPTION, optionValue } from '@waxwing/oscore'
import type { Layer, Request } from '../handler.js'
import { readText } from '../options.js'
import { authorityOf, parseCoapUri } from '../uri.js'
import type { SecuredAuthority } from './secured-authority.js'

/** Finds the server that an authority stands for, as far as there are keys for it. */
export type FindAuthority = (
  authority: string,
) => SecuredAuthority | undefined | Promise<SecuredAuthority | undefined>

/**
 * Makes the layer. A request to a server for which nobody configured keys is refused, and never sent as it
 * is.
 */
export function clientLayer(find: FindAuthority): Layer {
  return (next) => async (request) => {
    const authority = serverOf(request)
    const found = find(authority)
    const secured = found instanceof Promise ? await found : found
    if (secured !== undefined) return secured.send(request, next)
    throw new WaxwingError('ERR_KEY_UNKNOWN', `no keys are configured for ${authority}`)
  }
}

/** A request with Proxy-Uri has no other option that names its server (RFC 7252 Section 5.10.2). */
function serverOf(request: Request): string {
  const proxyUri = optionValue(request, OPTION.proxyUri)
  if (proxyUri === undefined) return authorityOf(request)
  const { host, port } = parseCoapUri(readText(proxyUri) ?? '')
  return authorityOf({ ...request, options: [], peer: { address: host, port } })
}
