// SPDX-License-Identifier: Apache-2.0
/**
 * The will: what the broker publishes when the sending connection vanishes without a farewell
 * (MQTT 5.0 Section 3.1.2.5; `docs/spec/09-bindings.md` Section 9.3.1).
 *
 * It stands in CONNECT. So a change of it takes a new connection, and a sealed one is made anew for
 * each: the same object published a second time would be a replay.
 *
 * A will never keeps the connection from being made: one that cannot be made, or for which the broker
 * refuses the connection when it is new, is told and left out.
 *
 * @module
 */

import type { IClientOptions } from 'mqtt'
import type { WaxwingError } from '@waxwing/core'
import { assertAddress } from '@waxwing/transport-kit'
import { asBuffer } from './packets.js'
import { qualityFor, type QualityOfService } from './send-options.js'

const MAX_BYTES = 65_535

/** A message that the broker publishes when the transport vanishes without `close`. */
export interface MqttWill {
  readonly address: string
  /**
   * At most 65,535 opaque bytes; or what makes them, called before each connection: an object is to
   * be published only once, so seal it there, `() => producer.sealWill('gone')`.
   */
  readonly payload: Uint8Array | (() => Uint8Array)
  /** Default `false`. */
  readonly retained?: boolean
  /** Default: the transport's `qos`. */
  readonly qos?: QualityOfService
}

/** Checks a will, as far as it is there yet. @throws {TypeError | RangeError} Naming what is wrong. */
export function assertWill({ address, payload, qos }: MqttWill): void {
  assertAddress(address)
  if (typeof payload !== 'function') assertPayload(payload)
  if (![undefined, 0, 1, 2].includes(qos)) throw new RangeError('will.qos must be 0, 1 or 2')
}

export interface LastWillPort {
  readonly qos: QualityOfService
  /** Makes another connection in place of the one that there may be. */
  renew(): void
  report(error: unknown): void
}

export class LastWill {
  readonly #port: LastWillPort
  #will: MqttWill | undefined
  /** With which the present connection was asked for, or the last one. */
  #asked: MqttWill | undefined
  /** Settled when the will is in force. */
  #change: PromiseWithResolvers<void> | undefined

  /** @param will Checked. */
  constructor(will: MqttWill | undefined, port: LastWillPort) {
    this.#port = port
    this.#will = owned(will)
  }

  /**
   * Takes another will, or none. Resolves when a connection was made with it.
   *
   * @param will Checked.
   */
  async set(will: MqttWill | undefined): Promise<void> {
    this.#will = owned(will)
    this.#change ??= Promise.withResolvers()
    const { promise } = this.#change
    this.#port.renew()
    await promise
  }

  /** A connection is about to be made: makes the will, and puts it where MQTT.js looks for it. */
  connecting(options: IClientOptions): void {
    const will = this.#will
    this.#asked = will
    delete options.will
    if (will === undefined) return
    try {
      options.will = inConnect(will, this.#port.qos)
    } catch (error) {
      if (!this.#fail(error)) this.#port.report(error)
    }
  }

  /** The connection was made. */
  connected(): void {
    if (this.#asked !== this.#will) {
      this.#port.renew() // it was under way with the one before
      return
    }
    this.#change?.resolve()
    this.#change = undefined
  }

  /**
   * The broker refused a connection, although it took one before. A new will is to blame, and there is
   * none from now on.
   *
   * @returns Whether somebody was told.
   */
  refused(error: WaxwingError): boolean {
    if (this.#asked === undefined || this.#asked !== this.#will) return false
    if (!this.#fail(error)) return false
    this.#will = undefined
    return true
  }

  /** No connection will be made any more. */
  ended(error: WaxwingError): void {
    this.#fail(error)
  }

  #fail(error: unknown): boolean {
    if (this.#change === undefined) return false
    this.#change.reject(error)
    this.#change = undefined
    return true
  }
}

function owned(will: MqttWill | undefined): MqttWill | undefined {
  if (will === undefined) return undefined
  const { payload } = will
  return { ...will, payload: typeof payload === 'function' ? payload : payload.slice() }
}

/** What MQTT.js needs to know of a will. */
function inConnect(will: MqttWill, qos: QualityOfService): NonNullable<IClientOptions['will']> {
  const { address: topic, payload, retained: retain = false } = will
  const bytes = typeof payload === 'function' ? payload() : payload
  assertPayload(bytes)
  return { topic, payload: asBuffer(bytes), qos: qualityFor(topic, will.qos ?? qos), retain }
}

function assertPayload(payload: unknown): asserts payload is Uint8Array {
  if (!(payload instanceof Uint8Array)) throw new TypeError('will.payload must be bytes')
  if (payload.length > MAX_BYTES) {
    throw new RangeError(`will.payload is ${payload.length} bytes, limit is ${MAX_BYTES}`)
  }
}
