// SPDX-License-Identifier: Apache-2.0
/**
 * The ways to the broker, each with a port of its own. A broker has one unacknowledged notification at a
 * time under way to an address and port (NSTART, RFC 7252 Section 4.7), so data that nobody acknowledges
 * would hold up control messages over the same one, and their own bells. A client has as few requests
 * under way, so that data that are sent or fetched would do the same, and the bells of many addresses.
 *
 * @module
 */

import { isIP } from 'node:net'
import type { CoapOption } from '@waxwing/oscore'
import { clientLayers } from '../client/layers.js'
import { ClientNetwork } from '../client/network.js'
import type { Handler, Peer } from '../handler.js'
import { Hosts } from '../hosts.js'
import { uriOptions } from '../uri.js'
import type { ResolvedOptions } from './options.js'

/** One way. */
export interface Lane {
  readonly messages: Handler
  /** For discovery, whose answers may be longer than a message. */
  readonly listings: Handler
}

/** Where requests go. */
export interface Lanes {
  readonly control: Lane
  readonly data: Lane
  /** The bells of data. */
  readonly bells: Lane
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

/** Makes the lanes. A socket is opened when it is first needed. */
export function openLanes(options: ResolvedOptions): Lanes {
  const { endpoint, network, transmission = {} } = options
  const hostOptions = uriOptions({ ...endpoint, path: [], query: [] })
  const hosts = new Hosts()
  const peer = async (): Promise<Peer> => {
    const { host, port } = endpoint
    return { address: isIP(host) === 0 ? await hosts.find(host) : host, port }
  }
  const networks: ClientNetwork[] = []
  const newLane = (): Lane => {
    const own = new ClientNetwork({ transmission })
    networks.push(own)
    return laneOver(network ?? ((request) => own.ask(request)), options)
  }
  return {
    control: newLane(),
    data: newLane(),
    bells: newLane(),
    peer,
    hostOptions,
    close: async () => void (await Promise.all(networks.map((own) => own.close()))),
  }
}

function laneOver(network: Handler, { security, maxPayloadBytes }: ResolvedOptions): Lane {
  return {
    messages: clientLayers(network, { security, maxBodyBytes: maxPayloadBytes }),
    listings: clientLayers(network, { security, maxBodyBytes: LISTING_BYTES }),
  }
}
