// SPDX-License-Identifier: Apache-2.0
/**
 * A CoAP broker as a {@link Transport} (`docs/spec/09-bindings.md` Section 9.5): publish-subscribe by
 * PUT, observation (RFC 7641) and discovery (RFC 6690), as draft-ietf-core-coap-pubsub has it.
 *
 * A topic-data resource holds one representation, and an observer is told of the newest. That is what
 * data have by default, and what a retained message is anyway. Control messages must not replace each
 * other, so each gets a slot: a resource of its own.
 *
 * @module
 */

import {
  isControlAddress,
  type MessageHandler,
  type SendOptions,
  type Subscription,
  type Transport,
  type TransportLimits,
  type TransportStatus,
  WaxwingError,
} from '@waxwing/core'
import { Bells } from './bells.js'
import { Broker } from './broker.js'
import { Directory } from './directory.js'
import { type Lane, openLanes, type Lanes } from './lanes.js'
import { type CoapTransportOptions, resolveOptions, type ResolvedOptions } from './options.js'
import { Reachability } from './reachability.js'
import { closedError } from './refusals.js'
import { Registration } from './registration.js'
import { SendQueue } from './sends.js'
import { SlotExpiry } from './slot-expiry.js'
import { assertAddress, assertFilter, COMMON_BELL, isInbox, slotPath } from './topics.js'

/** A transport over a CoAP broker. */
export interface CoapTransport extends Transport {
  /**
   * The broker keeps what is sent as data whether or not `retained` says so, unless `delivery` is
   * `'every'`. An expiry is left out: CoAP has none for what is written.
   *
   * @throws {TypeError} If the address cannot be a path.
   * @throws {RangeError} If the payload is longer than `limits.maxPayloadBytes`.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker refused; `ERR_LIMIT` if too much waits;
   *   `ERR_UNSUPPORTED` for properties, and for a payload of no bytes where it is not sent in a slot;
   *   `ERR_CLOSED`.
   */
  send(address: string, payload: Uint8Array, options?: SendOptions): Promise<void>
  /**
   * What the broker has when the subscription begins is handed over as retained; of data, the newest of
   * each address. `+` and `#` are answered by discovery.
   *
   * @throws {TypeError} If the filter cannot be one.
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker refused; `ERR_MALFORMED` or `ERR_LIMIT` if what
   *   it lists cannot be read; `ERR_CLOSED`.
   */
  subscribe(filter: string, handler: MessageHandler): Promise<Subscription>
}

/**
 * Opens a transport. It sends nothing before it is used. CoAP has no connection: `onStatus` says
 * `'connected'` when the broker answers, and `'disconnected'` when it does not any more.
 *
 * @throws {TypeError | RangeError} Naming the option that is wrong.
 */
export function coapTransport(options: CoapTransportOptions): CoapTransport {
  return new OverBroker(resolveOptions(options))
}

class OverBroker implements CoapTransport {
  readonly limits: TransportLimits
  readonly #options: ResolvedOptions
  readonly #lanes: Lanes
  readonly #reachability: Reachability
  readonly #directory: Directory
  readonly #bells: Bells
  /** Two, so that no control message waits behind data. */
  readonly #sends: { readonly data: SendQueue; readonly control: SendQueue }
  /** Aborted when nothing is read any more. */
  readonly #reading = new AbortController()
  /** Aborted when nothing is sent any more. */
  readonly #sending = new AbortController()
  #closing: Promise<void> | undefined

  constructor(options: ResolvedOptions) {
    this.#options = options
    this.limits = {
      maxPayloadBytes: options.maxPayloadBytes,
      binary: true,
      retained: true,
      properties: false,
    }
    const report = (error: unknown): void => this.#reachability.report(error)
    this.#lanes = openLanes(options)
    const sending = this.#sending.signal
    const probe = (): Promise<void> => control.probe(COMMON_BELL, sending)
    this.#reachability = new Reachability({ ...options, probe })
    const over = (lane: Lane): Broker =>
      new Broker({ ...this.#lanes, lane, reachability: this.#reachability })
    const [control, data] = [over(this.#lanes.control), over(this.#lanes.data)]
    this.#bells = new Bells(control, sending, report)
    const filled = keepingSlots({ data, control }, options, sending, report)
    const inputs = { bells: this.#bells, options, signal: sending, filled, report }
    this.#sends = {
      data: new SendQueue({ ...inputs, broker: data }),
      control: new SendQueue({ ...inputs, broker: control }),
    }
    this.#directory = new Directory({
      control,
      data,
      bells: over(this.#lanes.bells),
      options,
      signal: this.#reading.signal,
      report,
    })
    this.#reachability.onReturn(() => this.#directory.returned())
  }

  async send(address: string, payload: Uint8Array, options: SendOptions = {}): Promise<void> {
    assertAddress(address)
    if (!(payload instanceof Uint8Array)) throw new TypeError('payload must be a Uint8Array')
    const { maxPayloadBytes, delivery } = this.#options
    if (payload.length > maxPayloadBytes) {
      throw new RangeError(`payload has ${payload.length} bytes, more than ${maxPayloadBytes}`)
    }
    if (Object.keys(options.properties ?? {}).length > 0) {
      throw new WaxwingError('ERR_UNSUPPORTED', 'a CoAP broker keeps no properties')
    }
    if (this.#closing !== undefined) throw closedError()
    const isControl = isControlAddress(address)
    const { retained = false } = options
    const inSlot = isControl ? !retained : delivery === 'every'
    const inTopicData = isControl ? retained : delivery === 'newest' || retained
    if (inTopicData && payload.length === 0) {
      const message = 'a topic-data resource without bytes is one to which nothing was published'
      throw new WaxwingError('ERR_UNSUPPORTED', message)
    }
    const sends = isControl ? this.#sends.control : this.#sends.data
    await sends.push({ address, payload: new Uint8Array(payload), inSlot, inTopicData })
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    assertFilter(filter)
    if (this.#closing !== undefined) throw closedError()
    const report = (error: unknown): void => this.#reachability.report(error)
    const registration = new Registration(filter, handler, { ...this.#options, report })
    try {
      await this.#directory.add(registration)
    } catch (error) {
      this.#directory.remove(registration)
      throw this.#closing === undefined ? error : closedError()
    }
    return {
      close: () => {
        this.#directory.remove(registration)
        return Promise.resolve()
      },
    }
  }

  onStatus(listener: (status: TransportStatus) => void): () => void {
    return this.#reachability.listen(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    this.#directory.close()
    this.#reading.abort()
    await within(this.#options.closeTimeoutMs, this.#finished())
    this.#sending.abort()
    this.#reachability.close()
    this.#sends.data.close()
    this.#sends.control.close()
    await this.#lanes.close()
  }

  async #finished(): Promise<void> {
    await Promise.all([this.#sends.data.emptied(), this.#sends.control.emptied()])
    await this.#bells.silent()
  }
}

/** What becomes of slots that were filled: those of an inbox stay until they are acknowledged. */
function keepingSlots(
  brokers: { readonly data: Broker; readonly control: Broker },
  { slotLifetimeMs, requestLifetimeMs }: ResolvedOptions,
  signal: AbortSignal,
  report: (error: unknown) => void,
): (address: string, name: string) => void {
  const data = new SlotExpiry(brokers.data, slotLifetimeMs, signal, report)
  const requests = new SlotExpiry(brokers.control, requestLifetimeMs, signal, report)
  return (address, name) => {
    if (isInbox(address)) return
    const expiry = isControlAddress(address) ? requests : data
    expiry.add(slotPath(address, name))
  }
}

async function within(ms: number, done: Promise<void>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, ms)
  await Promise.race([done, promise])
  clearTimeout(timer)
}
