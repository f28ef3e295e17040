// SPDX-License-Identifier: Apache-2.0
/**
 * The two ways to the broker, each with a port of its own: one for the topic-data resources of data that
 * are observed, one for everything else. A broker has one unacknowledged notification at a time under way
 * to an address and port (NSTART, RFC 7252 Section 4.7), so data that nobody acknowledges would hold up
 * control messages over the same one.
 *
 * @module
 */

import { isIP } from 'node:net'
import type { CoapOption } from '@waxwing/oscore'
import { blockwiseClient } from '../blockwise/index.js'
import { ClientNetwork } from '../client-network.js'
import type { Handler, Peer } from '../handler.js'
import { Hosts } from '../hosts.js'
import { uriOptions } from '../uri.js'
import type { ResolvedOptions } from './options.js'

/** Where requests go. */
export interface Lanes {
  readonly data: Handler
  readonly control: Handler
  /** The same way, for discovery alone. */
  readonly listings: Handler
  /** Where the broker is. @throws {WaxwingError} `ERR_TRANSPORT` if its name is not known. */
  readonly peer: () => Promise<Peer>
  /** Uri-Host, where the broker has a name. */
  readonly hostOptions: readonly CoapOption[]
  close(): Promise<void>
}

/**
 * A broker's listing may be this long, whatever payloads may be: who can write a hundred thousand resources
 * must not keep others from finding theirs.
 */
const LISTING_BYTES: number = 16 * 1024 * 1024
/** A block of 1,024 bytes, and what an OSCORE message may have besides. */
const PROTECTED_BYTES = 1_136

/** Makes the lanes. A socket is opened when it is first needed. */
export function openLanes(options: ResolvedOptions): Lanes {
  const { endpoint, network, transmission = {} } = options
  const hostOptions = uriOptions({ ...endpoint, path: [], query: [] })
  const hosts = new Hosts()
  const peer = async (): Promise<Peer> => {
    const { host, port } = endpoint
    return { address: isIP(host) === 0 ? await hosts.find(host) : host, port }
  }
  const [data, control] = [new ClientNetwork({ transmission }), new ClientNetwork({ transmission })]
  const over = (own: ClientNetwork): Handler => network ?? ((request) => own.ask(request))
  const { security, maxPayloadBytes } = options
  return {
    data: layered(over(data), security, maxPayloadBytes),
    control: layered(over(control), security, maxPayloadBytes),
    listings: layered(over(control), security, LISTING_BYTES),
    peer,
    hostOptions,
    close: async () => void (await Promise.all([data.close(), control.close()])),
  }
}

/** Bodies in blocks, each protected where that is asked for (RFC 8613 Section 4.1.3.4). */
function layered(
  network: Handler,
  security: ResolvedOptions['security'],
  maxBodyBytes: number,
): Handler {
  if (security === undefined) return blockwiseClient({ maxBodyBytes })(network)
  const outer = blockwiseClient({ maxBodyBytes, wholeMessageBytes: PROTECTED_BYTES })
  const inner = blockwiseClient({ maxBodyBytes, wholeMessageBytes: 0 })
  return inner(security.layer(outer(network)))
}
