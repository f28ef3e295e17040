// SPDX-License-Identifier: Apache-2.0
/**
 * Sends: they wait for the connection and for room in the broker's window, in a queue of bounded
 * count and size, and only what the broker said that it takes is handed to MQTT.js: a packet that
 * it refuses by breaking the connection would be sent again, and break it again, forever.
 *
 * @module
 */

import type { IClientPublishOptions, IConnackPacket } from 'mqtt'
import { utf8, WaxwingError } from '@waxwing/core'
import { limitError, transportError } from '@waxwing/transport-kit'
import type { Connection } from './connection.js'
import type { ResolvedOptions } from './options.js'
import { asBuffer } from './packets.js'
import { sendFailed } from './refusals.js'
import type { QualityOfService } from './send-options.js'

export interface Outgoing {
  readonly address: string
  /** Owned by the queue. */
  readonly payload: Uint8Array
  readonly options: IClientPublishOptions & { readonly qos: QualityOfService }
}

interface Entry extends Outgoing {
  /** MQTT.js's number for it, once it is in flight. */
  messageId: number | undefined
  readonly resolve: () => void
  readonly reject: (error: WaxwingError) => void
}

type ServerProperties = NonNullable<IConnackPacket['properties']>

export class SendQueue {
  readonly #connection: Connection
  readonly #options: ResolvedOptions
  #waiting: Entry[] = []
  #waitingBytes = 0
  readonly #inFlight = new Set<Entry>()
  #server: ServerProperties = {}
  #isSending = false
  #willSend = false
  #whenEmpty: (() => void) | undefined
  /** The connection is about to be given up: nothing more goes out over it. */
  #isResting = false
  #whenAnswered: (() => void) | undefined

  constructor(connection: Connection, options: ResolvedOptions) {
    this.#connection = connection
    this.#options = options
  }

  /** Resolves when the broker has taken the message (QoS 0: when it was written). */
  push(outgoing: Outgoing): Promise<void> {
    const { maxWaitingSends, maxWaitingBytes } = this.#options
    const bytes = this.#waitingBytes + outgoing.payload.length
    if (this.#waiting.length >= maxWaitingSends) return Promise.reject(fullError('maxWaitingSends'))
    if (this.#waiting.length > 0 && bytes > maxWaitingBytes) {
      return Promise.reject(fullError('maxWaitingBytes'))
    }
    const { address, payload, options } = outgoing
    this.#waitingBytes = bytes
    return new Promise((resolve, reject) => {
      this.#waiting.push({ address, payload, options, messageId: undefined, resolve, reject })
      this.#sendNext()
    })
  }

  connected(server: IConnackPacket): void {
    this.#server = server.properties ?? {}
    this.#isResting = false
    this.#sendNext()
  }

  /** MQTT.js keeps and repeats what has QoS 1 or 2; what has QoS 0 may be lost with the connection. */
  disconnected(): void {
    for (const entry of this.#inFlight) {
      if (entry.options.qos > 0) continue
      this.#inFlight.delete(entry)
      entry.reject(
        transportError(`the connection broke while sending to ${entry.address} at QoS 0`),
      )
    }
    this.#checkEmpty()
  }

  /**
   * Fails the oldest send in flight. Where a broker breaks the connection over a message (MQTT 3.1.1
   * has no other way to refuse one) it would be sent again, and break it again, forever.
   */
  giveUpOldest(): void {
    const [oldest] = this.#inFlight
    if (oldest?.messageId === undefined) return
    this.#inFlight.delete(oldest)
    this.#connection.client.removeOutgoingMessage(oldest.messageId)
    const what = `a message to ${oldest.address}`
    oldest.reject(transportError(`the broker breaks the connection over ${what}`))
    this.#checkEmpty()
  }

  /** Resolves once nothing waits and nothing is in flight, or after the time given. */
  async emptied(timeoutMs: number): Promise<void> {
    if (this.#isEmpty) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#whenEmpty = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /**
   * Begins nothing until there is another connection. Resolves once what is in flight was answered, or
   * after the time given: what is sent again arrives twice.
   */
  async rest(timeoutMs: number): Promise<void> {
    this.#isResting = true
    if (this.#inFlight.size === 0) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, timeoutMs)
      this.#whenAnswered = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  /** Nothing will be sent any more. */
  ended(error: WaxwingError): void {
    const entries = [...this.#inFlight, ...this.#waiting]
    this.#inFlight.clear()
    this.#waiting = []
    this.#waitingBytes = 0
    for (const { reject } of entries) reject(error)
    this.#checkEmpty()
  }

  get #isEmpty(): boolean {
    return this.#waiting.length === 0 && this.#inFlight.size === 0
  }

  #checkEmpty(): void {
    if (this.#isEmpty) this.#whenEmpty?.()
    if (this.#inFlight.size === 0) this.#whenAnswered?.()
  }

  /** After all the answers that came together, so that what they make room for is written together. */
  #sendSoon(): void {
    if (this.#willSend) return
    this.#willSend = true
    queueMicrotask(() => {
      this.#willSend = false
      this.#sendNext()
    })
  }

  #sendNext(): void {
    if (this.#isSending) return // QoS 0 is answered while it is sent
    this.#isSending = true
    const window = Math.min(this.#options.maxInFlight, this.#server.receiveMaximum ?? 65_535)
    while (!this.#isResting && this.#connection.isReady && this.#inFlight.size < window) {
      const entry = this.#waiting.shift()
      if (entry === undefined) break
      this.#waitingBytes -= entry.payload.length
      const refusal = refusalOf(entry, this.#server)
      if (refusal === undefined) this.#send(entry)
      else entry.reject(refusal)
    }
    this.#isSending = false
    this.#checkEmpty()
  }

  #send(entry: Entry): void {
    this.#inFlight.add(entry)
    const { client } = this.#connection
    client.publish(entry.address, asBuffer(entry.payload), entry.options, (error) => {
      if (!this.#inFlight.delete(entry)) return
      if (error) entry.reject(sendFailed(entry.address, error))
      else entry.resolve()
      this.#sendSoon()
    })
    entry.messageId = client.getLastMessageId()
  }
}

function fullError(rule: string): WaxwingError {
  return limitError('too many sends wait for the broker', rule)
}

/** Why the broker would break the connection over this message (MQTT 5.0 Section 3.2.2.3). */
function refusalOf(entry: Entry, server: ServerProperties): WaxwingError | undefined {
  const { qos, retain = false } = entry.options
  const { maximumPacketSize } = server
  if (maximumPacketSize !== undefined && packetBytes(entry) > maximumPacketSize) {
    const rule = 'maximumPacketSize'
    const message = `the broker takes packets of ${maximumPacketSize} bytes at most`
    return new WaxwingError('ERR_LIMIT', message, { rule })
  }
  if (qos > (server.maximumQoS ?? 2)) {
    return transportError(`the broker takes QoS ${server.maximumQoS} at most`)
  }
  if (retain && server.retainAvailable === false) {
    return transportError('the broker keeps no retained messages')
  }
  return undefined
}

/** An upper bound of the PUBLISH packet's length. */
function packetBytes({ address, payload, options }: Outgoing): number {
  const { contentType = '', userProperties = {} } = options.properties ?? {}
  const texts = [address, contentType, ...Object.entries(userProperties).flat(2)]
  const overhead = 32 + 5 * texts.length
  return texts.reduce((sum, text) => sum + utf8(text).length, payload.length + overhead)
}
