// SPDX-License-Identifier: Apache-2.0
/**
 * The retained messages as a history (`docs/spec/09-bindings.md` Section 9.3.4), over a connection of its
 * own, so that neither subscriptions nor sessions notice.
 *
 * MQTT has no word for their end. Brokers send them after SUBACK, some of them not at once, and answer
 * PINGREQ in between: the end is where two answers follow each other without a message. QoS 0, because
 * brokers drop what exceeds their queues of QoS 1. So much is read ahead that a slow consumer hardly ever
 * makes them drop that either.
 *
 * @module
 */

import mqtt, { type IPublishPacket, type MqttClient, type Packet } from 'mqtt'
import type { Received, WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'
import { clientOptions, type ResolvedOptions } from './options.js'
import { receivedFrom } from './packets.js'
import { connectionFailed, connectionRefused, refusalCode, subscribeFailed } from './refusals.js'

/** Payloads that wait for the consumer, in bytes, before no more is read. */
const READ_AHEAD_BYTES = 16 * 1024 * 1024
/** Counted for each message besides its payload. */
const OVERHEAD_BYTES = 512
/** So many answers without a message between them, and there is none to come. */
const QUIET_ANSWERS = 2

export class RetainedReplay {
  readonly #options: ResolvedOptions
  readonly #filter: string
  #client: MqttClient | undefined
  #waiting: IPublishPacket[] = []
  #waitingBytes = 0
  /** Takes the next packet, where reading is held up. */
  #goOn: (() => void) | undefined
  #isQuiet = false
  #quietAnswers = 0
  #isComplete = false
  #isOver = false
  #failure: WaxwingError | undefined
  #wake: () => void = () => undefined

  constructor(options: ResolvedOptions, filter: string) {
    this.#options = options
    this.#filter = filter
  }

  /** @throws {WaxwingError} `ERR_TRANSPORT`, or what {@link fail} was told. */
  async *messages(): AsyncGenerator<Received, void> {
    try {
      await this.#connect()
      for (;;) {
        this.#assertGoing()
        const packets = this.#take()
        for (const packet of packets) {
          yield receivedFrom(packet, false, { acknowledge: keep })
          this.#assertGoing()
        }
        if (packets.length > 0) continue
        if (this.#isComplete) return
        await this.#more()
      }
    } finally {
      this.#isOver = true
      this.#client?.end(true)
    }
  }

  /** Ends the replay: whoever iterates is told why. */
  fail(error: WaxwingError): void {
    if (!this.#isOver && !this.#isComplete) this.#failure ??= error
    this.#wake()
  }

  #assertGoing(): void {
    if (this.#failure !== undefined) throw this.#failure
  }

  async #connect(): Promise<void> {
    const { password, protocolVersion } = this.#options
    const word = typeof password === 'function' ? await password() : password
    if (this.#failure !== undefined) return
    const { properties, ...common } = clientOptions(this.#options, 'data')
    const client = mqtt.connect({
      ...common,
      ...(protocolVersion === 5 && { properties: { ...properties, sessionExpiryInterval: 0 } }),
      ...(word !== undefined && { password: word }),
      clientId: `waxwing${crypto.randomUUID().replaceAll('-', '').slice(16)}`,
      clean: true,
      // A consumer may keep it waiting as long as it likes.
      keepalive: 0,
      reconnectPeriod: 0,
    })
    this.#client = client
    client.on('connect', () => this.#subscribe(client))
    client.on('packetreceive', (packet) => this.#received(client, packet))
    client.on('error', (error) => this.fail(this.#errorOf(error)))
    client.on('close', () => this.fail(transportError('the connection broke during the replay')))
    client.handleMessage = (packet, done) => this.#arrived(packet, done)
    client.options.manualConnect = false
    client.connect()
  }

  #subscribe(client: MqttClient): void {
    client.subscribe(this.#filter, { qos: 0 }, (error) => {
      if (error === null) client.sendPing()
      else this.fail(subscribeFailed(this.#filter, error))
    })
  }

  #received(client: MqttClient, { cmd }: Packet): void {
    if (cmd !== 'pingresp' || this.#isComplete) return
    this.#quietAnswers = this.#isQuiet ? this.#quietAnswers + 1 : 0
    this.#isQuiet = true
    if (this.#quietAnswers < QUIET_ANSWERS) client.sendPing()
    else this.#isComplete = true
    this.#wake()
  }

  #arrived(packet: IPublishPacket, done: () => void): void {
    const isTooLarge = packet.payload.length > this.#options.maxPayloadBytes
    if (this.#isOver || !packet.retain || isTooLarge) {
      done()
      return
    }
    this.#isQuiet = false
    this.#waiting.push(packet)
    this.#waitingBytes += packet.payload.length + OVERHEAD_BYTES
    if (this.#waitingBytes < READ_AHEAD_BYTES) done()
    else this.#goOn = done
    this.#wake()
  }

  #take(): readonly IPublishPacket[] {
    const taken = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    const goOn = this.#goOn
    this.#goOn = undefined
    goOn?.()
    return taken
  }

  /** Waits for anything to happen. Fails if the broker says nothing any more. */
  async #more(): Promise<void> {
    const silent = transportError('the broker does not answer during the replay')
    const timer = setTimeout(() => this.fail(silent), this.#options.connectTimeoutMs)
    await new Promise<void>((resolve) => (this.#wake = resolve))
    clearTimeout(timer)
  }

  #errorOf(error: Error): WaxwingError {
    const code = refusalCode(error)
    if (code === undefined || this.#client?.connected === true) return connectionFailed(error)
    return connectionRefused(error, code, this.#options.protocolVersion)
  }
}

/** What is retained stays so: to acknowledge changes nothing. */
async function keep(): Promise<void> {}
