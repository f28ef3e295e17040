// SPDX-License-Identifier: Apache-2.0
/**
 * The transport over UDP multicast (`docs/spec/09-bindings.md` Section 9.11): data go to a group, as CoAP
 * requests that nobody answers (RFC 7252 Section 8), control messages to single peers, as CoAP requests
 * that are. There is no broker: what one would do, its peers do for each other.
 *
 * @module
 */

import { setImmediate } from 'node:timers/promises'
import { type GroupRequest, METHOD, openUdpEndpoint, type UdpEndpoint } from '@waxwing/coap'
import {
  isControlAddress,
  type MessageHandler,
  type Received,
  type SendOptions,
  type Subscription,
  type Transport,
  type TransportLimits,
  type TransportStatus,
  WaxwingError,
} from '@waxwing/core'
import { closedError, Correspondents, inTime, StatusBoard } from '@waxwing/transport-kit'
import { addressOf, assertOwnFilter, assertSendAddress, isAddress, RESOURCE } from './addresses.js'
import { KeptMessages } from './control/kept.js'
import { formatPeer } from './control/peers.js'
import { servingHandler } from './control/serving.js'
import { type DataSending, maxPayloadBytesOf } from './data-sending.js'
import { Feeds } from './feeds.js'
import { Complaints } from './complaints.js'
import { resolveOptions, type ResolvedOptions, type UdpTransportOptions } from './options.js'
import { connect, live, MAX_UNICAST_BYTES, type Parts } from './parts.js'
import { MessageRecord } from './record/record.js'
import { replay } from './replay/replay.js'

/** A transport over UDP multicast. */
export interface UdpTransport extends Transport {
  /** Where single peers reach this endpoint. */
  readonly unicastPort: number
  /**
   * Resolves for data when the system has taken the datagram, for a control message when an endpoint has
   * acknowledged it, for a retained control message when it is kept here.
   *
   * @throws {TypeError} If the address cannot be a path.
   * @throws {RangeError} If the payload is longer than `limits.maxPayloadBytes`, or of a control message
   *   than `maxControlBytes`.
   * @throws {WaxwingError} `ERR_TRANSPORT` if nobody takes a control message in time; `ERR_LIMIT` if too
   *   much waits; `ERR_UNSUPPORTED` for properties; `ERR_CLOSED`.
   */
  send(address: string, payload: Uint8Array, options?: SendOptions): Promise<void>
  /** Yields what the own record and those of neighbours have; see `Transport`. */
  replay(filter: string, span: { from?: Date; until?: Date }): AsyncIterable<Received>
}

/**
 * Opens a transport. Where the interface is not there yet, it is `'disconnected'` until it is.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 * @throws {WaxwingError} `ERR_TRANSPORT` if no socket can be had, or the record's folder not be used;
 *   what the store throws.
 */
export async function udpTransport(options: UdpTransportOptions = {}): Promise<UdpTransport> {
  const transport = new OverMulticast(resolveOptions(options))
  try {
    await transport.open()
    return transport
  } catch (error) {
    await transport.close()
    throw error
  }
}

class OverMulticast implements UdpTransport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #status = new StatusBoard()
  readonly #complaints = new Complaints((error) => this.#status.report(error))
  readonly #closing = new AbortController()
  readonly #feeds: Feeds
  readonly #kept: KeptMessages
  #parts: Parts | undefined
  #record: MessageRecord | undefined
  #end: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.limits = {
      maxPayloadBytes: maxPayloadBytesOf(options.maxDatagramBytes),
      binary: true,
      retained: true,
      history: 'all',
      properties: false,
    }
    this.#feeds = new Feeds({ ...options, report: this.#report })
    this.#kept = new KeptMessages(this.#report, this.#complain)
  }

  get unicastPort(): number {
    return this.#opened.endpoint.address.port
  }

  async open(): Promise<void> {
    const { record, store } = this.#options
    const report = this.#report
    if (record !== undefined) this.#record = await MessageRecord.open({ options: record, report })
    const correspondents = await Correspondents.open({
      store,
      table: 'udp-peers',
      maxPeers: 8,
      report,
    })
    const endpoint = await this.#openEndpoint(correspondents)
    this.#parts = this.#connect(endpoint, correspondents)
    await this.#parts.lan.start()
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertSendAddress(address)
    if (!(payload instanceof Uint8Array)) throw new TypeError('payload must be a Uint8Array')
    const isControl = isControlAddress(address)
    const most = isControl ? this.#options.maxControlBytes : this.limits.maxPayloadBytes
    if (payload.length > most) {
      throw new RangeError(`payload has ${payload.length} bytes, more than ${most}`)
    }
    if (Object.keys(options.properties ?? {}).length > 0) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'datagrams have no properties')
    }
    this.#assertOpen()
    const own = Uint8Array.from(payload)
    const { control, data, retained } = this.#opened
    if (options.retained === true) this.#kept.keep(address, own)
    if (!isControl) await this.#sendData(data, address, own)
    else if (options.retained === true) {
      if (own.length > 0) retained.announce(address, own)
    } else await this.#unlessClosed(control.send(address, own))
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertOwnFilter(filter)
    this.#assertOpen()
    // What has arrived by now was sent before, and is not of this subscription: one turn ends what is
    // under way, the next one reads.
    await setImmediate()
    await setImmediate()
    this.#assertOpen()
    const { feed, subscription } = this.#feeds.add(filter, handler)
    if (this.#opened.lan.isUp) void this.#opened.retained.seek(filter, feed) // else when it is
    return subscription
  }

  async *replay(
    filter: string,
    span: { from?: Date; until?: Date },
  ): AsyncGenerator<Received, void> {
    assertOwnFilter(filter)
    this.#assertOpen()
    const { signal } = this.#closing
    yield* replay(filter, span, {
      ...this.#opened,
      record: this.#record,
      report: this.#report,
      signal,
    })
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    const stop = this.#status.listen(listener)
    // Who has just opened it could not listen yet when it was said why nothing goes out.
    queueMicrotask(() => {
      const trouble = this.#parts?.lan.trouble
      if (trouble !== undefined) this.#report(trouble)
    })
    return stop
  }

  close(): Promise<void> {
    this.#end ??= this.#close()
    return this.#end
  }

  get #opened(): Parts {
    if (this.#parts === undefined) throw closedError()
    return this.#parts
  }

  readonly #report = (error: unknown): void => {
    if (!this.#closing.signal.aborted) this.#status.report(error)
  }

  /** Whatever anybody on the link can cause is not reported each time. */
  readonly #complain = (error: unknown): void => this.#complaints.add(error)

  #openEndpoint(correspondents: Correspondents): Promise<UdpEndpoint> {
    const { type, unicastPort, transmission } = this.#options
    return openUdpEndpoint({
      type,
      port: unicastPort,
      transmission,
      limits: {
        maxMessageBytes: Math.max(MAX_UNICAST_BYTES, this.#options.maxDatagramBytes),
        amplificationFactor: 1,
        closeTimeoutMs: this.#options.closeTimeoutMs,
      },
      handler: servingHandler({
        options: this.#options,
        maxMessageBytes: MAX_UNICAST_BYTES,
        feeds: this.#feeds,
        kept: this.#kept,
        record: () => (this.#options.record?.serve === true ? this.#record : undefined),
        correspondents: () => correspondents,
        isNear: (peer) => this.#parts?.lan.isNear(peer) === true,
        report: this.#complain,
      }),
    })
  }

  #connect(endpoint: UdpEndpoint, correspondents: Correspondents): Parts {
    endpoint.onError(this.#complain)
    return connect({
      options: this.#options,
      endpoint,
      correspondents,
      feeds: this.#feeds,
      kept: this.#kept,
      heard: (request) => this.#heard(request),
      status: this.#status,
      report: this.#report,
      complain: this.#complain,
      signal: this.#closing.signal,
    })
  }

  async #sendData(data: DataSending, address: string, payload: Uint8Array): Promise<void> {
    await data.send(address, payload)
    this.#record?.add(address, payload)
  }

  /** A request that came to the group. */
  #heard(request: GroupRequest): void {
    const { data, lan, correspondents } = this.#opened
    const address = addressOf(request)
    if (address === undefined || !lan.isNear(request.peer)) return
    if (isControlAddress(address)) {
      this.#asked(address, request)
      return
    }
    if (request.code !== METHOD.POST) return
    const isOwn = data.isOwn(request.token)
    if (!isOwn) {
      correspondents.learnObject(request.payload, formatPeer(request.peer))
      this.#record?.add(address, request.payload)
    }
    if (this.#feeds.for(address).length === 0) return
    // What is handed on must not hold on to a whole datagram, nor share it.
    this.#feeds.take(live(address, Uint8Array.from(request.payload)))
  }

  /** A question of somebody, or a hint. */
  #asked(resource: string, request: GroupRequest): void {
    const { questions, retained } = this.#opened
    if (resource === RESOURCE.kept && request.code === METHOD.POST) {
      retained.hear(request)
      return
    }
    if (request.code !== METHOD.FETCH) return
    const inquiry = questions.read(request)
    if (inquiry === undefined) return
    const { filter } = inquiry
    const isListening = (): boolean =>
      isControlAddress(filter) && isAddress(filter) && this.#feeds.for(filter).length > 0
    const isServing = this.#options.record?.serve === true
    if (resource === RESOURCE.listeners && isListening()) questions.answer(request)
    if (resource === RESOURCE.kept && this.#kept.mayHave(inquiry)) questions.answer(request)
    if (resource === RESOURCE.record && isServing && this.#record?.mayHave(inquiry) === true) {
      questions.answer(request)
    }
  }

  #assertOpen(): void {
    if (this.#closing.signal.aborted || this.#end !== undefined) throw closedError()
  }

  async #unlessClosed(sending: Promise<void>): Promise<void> {
    try {
      await sending
    } catch (error) {
      throw this.#closing.signal.aborted ? closedError() : error
    }
  }

  async #close(): Promise<void> {
    const parts = this.#parts
    this.#feeds.close()
    if (parts !== undefined) {
      await parts.data.close()
      const { closeTimeoutMs, discoveryMs } = this.#options
      await inTime(parts.control.settled(), closeTimeoutMs)
      await parts.retained.settled(Math.min(closeTimeoutMs, discoveryMs))
    }
    this.#closing.abort(closedError())
    this.#complaints.close()
    parts?.questions.close()
    await parts?.lan.close()
    await parts?.endpoint.close()
    await parts?.correspondents.settled()
    await this.#record?.close()
  }
}
