// SPDX-License-Identifier: Apache-2.0
/**
 * CoAP over one UDP socket (RFC 7252): the network behind a client, and what stands before a server.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { createSocket, type RemoteInfo, type Socket, type SocketOptions } from 'node:dgram'
import { once } from 'node:events'
import { isIP, isIPv6 } from 'node:net'
import { WaxwingError } from '@waxwing/core'
import type { Handler, Peer } from '../handler.js'
import { warn } from '../process-warning.js'
import type { CoapMessage } from '@waxwing/oscore'
import { addressFor, plainAddress } from './addresses.js'
import { encodeDatagram, TYPE } from './datagram.js'
import type { GroupResponseListener } from './group-requests.js'
import type { Medium } from './medium.js'
import { type EndpointStats, Messenger } from './messenger.js'
import {
  type EndpointLimits,
  resolveLimits,
  resolveTransmission,
  type TransmissionParameters,
} from './parameters.js'

export interface UdpEndpointOptions {
  /** The numeric address to listen on. Default: all of the machine, of the type. */
  readonly host?: string
  /** Default 0: a free one. */
  readonly port?: number
  /** Default: what `host` is, else `udp4`. A socket of `udp6` on `::` speaks with IPv4 peers too. */
  readonly type?: 'udp4' | 'udp6'
  /** Answers requests of peers. Without one they are rejected. */
  readonly handler?: Handler
  readonly transmission?: Partial<TransmissionParameters>
  readonly limits?: Partial<EndpointLimits>
  /** For tests. Default `performance`: the clock of the machine may jump. */
  readonly clock?: { now(): number }
  /** For tests. Default: those of the platform. */
  readonly randomBytes?: (count: number) => Buffer
}

/** How an endpoint sends to groups (RFC 7252 Section 8). */
export interface MulticastSettings {
  /** The interface: its address for IPv4, `::%zone` for IPv6. Default: the system's choice. */
  readonly interface?: string
  /** How many links it may cross: 1 to 255. */
  readonly hopLimit: number
  /** Whether members on this machine hear it. */
  readonly loopback: boolean
}

/** An endpoint that is open. */
export interface UdpEndpoint extends AsyncDisposable {
  /** Where it listens. */
  readonly address: Peer
  /**
   * Sends a request to its peer.
   *
   * With No-Response (RFC 7967) silence may be all that comes: then the response is empty, 0.00.
   *
   * @throws {TypeError | RangeError} If the peer is none, or the request too long.
   * @throws {WaxwingError} `ERR_TIMEOUT`; `ERR_TRANSPORT` if the peer rejected it, or has an address that
   *   a socket of this type does not reach; `ERR_LIMIT`;
   *   `ERR_CLOSED`. The reason of the signal.
   */
  readonly network: Handler
  /** How much it keeps at the moment. */
  readonly stats: EndpointStats
  /**
   * Says how to send to groups, from now on.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if the interface is not there.
   */
  multicast(settings: MulticastSettings): void
  /**
   * Sends a message that is not confirmable, without an exchange: a request to a group, or a response
   * to one that came to a group. Resolves when the system has taken it.
   *
   * @param token - One character a byte, 8 at the most.
   * @throws {RangeError} If the message is too long or cannot be encoded.
   * @throws {WaxwingError} `ERR_TRANSPORT` with the system's error as cause; `ERR_CLOSED`.
   */
  announce(message: CoapMessage, to: Peer, token: string): Promise<void>
  /**
   * Calls the listener with each response that has this token and is not confirmable, whoever sent it.
   * Returns a function that ends that.
   */
  onGroupResponse(token: string, listener: GroupResponseListener): () => void
  /**
   * Calls the listener with errors that nobody waits for. Without a listener what a handler throws, or
   * answers that cannot be sent, is a warning of the process. Returns a function that removes it.
   */
  onError(listener: (error: unknown) => void): () => void
  /** Lets handlers finish for `closeTimeoutMs`, ends everything else. Safe to call twice. */
  close(): Promise<void>
}

const SWEEP_MS = 1_000

/**
 * Opens a socket.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 * @throws {WaxwingError} `ERR_TRANSPORT` if the address cannot be had.
 */
export async function openUdpEndpoint(options: UdpEndpointOptions = {}): Promise<UdpEndpoint> {
  const { host, port = 0 } = options
  if (host !== undefined && isIP(host) === 0) {
    throw new TypeError(`host must be an IP address, got ${host}`)
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new RangeError(`port must be from 0 to 65535, got ${port}`)
  }
  const type = options.type ?? (host !== undefined && isIPv6(host) ? 'udp6' : 'udp4')
  const endpoint = new OpenEndpoint(type, options)
  await endpoint.bind(host, port)
  return endpoint
}

/** Addresses are numeric: nothing is looked up. */
const asItStands: NonNullable<SocketOptions['lookup']> = (address, options, callback) =>
  callback(null, address, options.family === 6 ? 6 : 4)

class OpenEndpoint implements UdpEndpoint {
  readonly #type: 'udp4' | 'udp6'
  readonly #socket: Socket
  readonly #messenger: Messenger
  readonly #listeners = new Set<(error: unknown) => void>()
  readonly #sweep: ReturnType<typeof setInterval>
  readonly #maxMessageBytes: number
  #announcementId: number
  #address: Peer = { address: '', port: 0 }
  #closing: Promise<void> | undefined
  #isClosed = false

  constructor(type: 'udp4' | 'udp6', options: UdpEndpointOptions) {
    this.#type = type
    const medium = this.#medium(options)
    this.#messenger = new Messenger(medium, options.handler)
    this.#maxMessageBytes = medium.limits.maxMessageBytes
    this.#announcementId = medium.randomBytes(2).readUInt16BE()
    this.#socket = createSocket({ type, lookup: asItStands })
    this.#sweep = setInterval(() => this.#messenger.sweep(), SWEEP_MS).unref()
  }

  get address(): Peer {
    return this.#address
  }

  get network(): Handler {
    return this.#messenger.network
  }

  get stats(): EndpointStats {
    return this.#messenger.stats
  }

  async bind(host: string | undefined, port: number): Promise<void> {
    const listening = once(this.#socket, 'listening')
    this.#socket.bind({ port, ...(host === undefined ? {} : { address: host }) })
    try {
      await listening
    } catch (cause) {
      clearInterval(this.#sweep)
      this.#socket.close()
      throw new WaxwingError('ERR_TRANSPORT', `port ${port} cannot be had`, {}, { cause })
    }
    const { address, port: bound } = this.#socket.address()
    this.#address = { address, port: bound }
    this.#socket.on('error', this.#tell)
    this.#socket.on('message', (datagram, sender: RemoteInfo) =>
      this.#messenger.receive(datagram, {
        address: plainAddress(sender.address),
        port: sender.port,
      }),
    )
  }

  multicast(settings: MulticastSettings): void {
    const { hopLimit, loopback } = settings
    try {
      if (settings.interface !== undefined) this.#socket.setMulticastInterface(settings.interface)
      this.#socket.setMulticastTTL(hopLimit)
      this.#socket.setMulticastLoopback(loopback)
    } catch (cause) {
      throw new WaxwingError('ERR_TRANSPORT', 'the interface cannot be used', {}, { cause })
    }
  }

  async announce(message: CoapMessage, { address, port }: Peer, token: string): Promise<void> {
    if (this.#isClosed) throw new WaxwingError('ERR_CLOSED', 'the endpoint was closed')
    this.#announcementId = (this.#announcementId + 1) & 0xffff
    const datagram = encodeDatagram(TYPE.non, this.#announcementId, token, message)
    if (datagram.length > this.#maxMessageBytes) {
      throw new RangeError(`message must be at most ${this.#maxMessageBytes} bytes long`)
    }
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const sent = (cause: Error | null): void => {
      if (cause === null) resolve()
      else reject(new WaxwingError('ERR_TRANSPORT', 'nothing can be sent there', {}, { cause }))
    }
    try {
      this.#socket.send(datagram, port, addressFor(this.#type, address), sent)
    } catch (error) {
      sent(error as Error)
    }
    await promise
  }

  onGroupResponse(token: string, listener: GroupResponseListener): () => void {
    return this.#messenger.groupRequests.listen(token, listener)
  }

  onError(listener: (error: unknown) => void): () => void {
    this.#listeners.add(listener)
    return () => void this.#listeners.delete(listener)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    await this.#messenger.close()
    this.#isClosed = true
    clearInterval(this.#sweep)
    const closed = once(this.#socket, 'close')
    this.#socket.close()
    await closed
  }

  #medium(options: UdpEndpointOptions): Medium {
    const clock = options.clock ?? performance
    return {
      transmission: resolveTransmission(options.transmission),
      limits: resolveLimits(options.limits),
      now: () => clock.now(),
      speaksIpv6: this.#type === 'udp6',
      randomBytes: options.randomBytes ?? randomBytes,
      send: (datagram, to) => this.#send(datagram, to),
      report: this.#report,
    }
  }

  #send(datagram: Buffer, { address, port }: Peer): void {
    if (this.#isClosed) return
    try {
      this.#socket.send(datagram, port, addressFor(this.#type, address), this.#sent)
    } catch (error) {
      this.#tell(error)
    }
  }

  readonly #sent = (error: Error | null): void => {
    if (error !== null) this.#tell(error)
  }

  /** Takes what is wrong with a handler, which must not get lost. */
  readonly #report = (error: unknown): void => {
    if (this.#listeners.size === 0) warn(error)
    else this.#tell(error)
  }

  /** Whoever calls this has something left to do, whatever a listener throws. */
  readonly #tell = (error: unknown): void => {
    for (const listener of this.#listeners) {
      try {
        listener(error)
      } catch (thrown) {
        warn(thrown)
      }
    }
  }
}
