// SPDX-License-Identifier: Apache-2.0
/**
 * One connection to the broker, for as long as the transport lives: it is made, watched and made
 * again with growing pauses. What travels over it is the business of its owner.
 *
 * MQTT.js frames packets, keeps sends in flight across reconnections and pings. Connecting again is
 * ours, because credentials may come from a function and pauses must grow; so are subscribing again
 * (its failures must be heard) and acknowledging: every PUBLISH with QoS 1 or 2 is intercepted by
 * `customHandleAcks` and answered by nobody but {@link Connection.write}.
 *
 * @module
 */

import mqtt, {
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type MqttClient,
  type Packet,
} from 'mqtt'
import type { WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'
import { afterThisTurn } from './after-this-turn.js'
import { clientOptions, type ResolvedOptions } from './options.js'
import { asBuffer } from './packets.js'
import { connectionFailed, connectionRefused, isPassing, refusalCode } from './refusals.js'

/** Told to MQTT.js as the reason why a message is not acknowledged now. */
const LATER = new Error('acknowledged later')

/** A connection that breaks earlier counts as a failed attempt: two transports of one name fight. */
const STABLE_MS = 5_000

/** So many times what was in flight is sent again, before the oldest of it is given up. */
const MAX_RESENDS = 5

/** The farewell, in both versions of the protocol: the session stays, the will is dropped. */
const DISCONNECT = Uint8Array.of(0xe0, 0)

/** How long a broker that was told goodbye may take to close the connection. */
const LEAVE_MS = 5_000

export interface ConnectionOwner {
  /** About to connect with these options: the last moment to change what stands in CONNECT. */
  connecting(options: IClientOptions): void
  /** Ready for packets; `server` is what the broker said of itself. */
  connected(server: IConnackPacket): void
  /** The network connection is gone. `wasReady` says whether `connected` was called for it. */
  disconnected(wasReady: boolean): void
  /** The broker has refused this connection, after it took others: the next attempt follows. */
  denied(error: WaxwingError): void
  /** The broker has refused for good: no further attempt is made. */
  refused(error: WaxwingError): void
  /** Again and again the connection broke while what was in flight was sent again. */
  stuck(): void
  report(error: unknown): void
  /** A PUBLISH. The connection is read no further until `next` is called. */
  published(packet: IPublishPacket, next: () => void): void
  /** The broker released a QoS 2 message. */
  released(messageId: number): void
  /** The broker answered; this comes before any message. */
  answered(sessionPresent: boolean): void
}

export class Connection {
  readonly client: MqttClient
  readonly #options: ResolvedOptions
  readonly #owner: ConnectionOwner
  #readySince: number | undefined
  #wasReady = false
  #isStarted = false
  #isEnded = false
  /** Said goodbye, to connect again when the connection is closed. */
  #isLeaving = false
  #leaveTimer: ReturnType<typeof setTimeout> | undefined
  #failedAttempts = 0
  #failedResends = 0
  #wasAnswered = false
  #reconnectTimer: ReturnType<typeof setTimeout> | undefined
  #lastError: unknown
  /** The stream whose writes wait for the end of this turn. */
  #corked: object | undefined

  constructor(options: ResolvedOptions, role: 'data' | 'control', owner: ConnectionOwner) {
    this.#options = options
    this.#owner = owner
    this.client = mqtt.connect(clientOptions(options, role))
    this.client.options.manualConnect = false // only the first connect; `end` reads it too
    this.#listen()
    this.#interceptMessages()
    void this.#connect()
  }

  get isReady(): boolean {
    return this.#readySince !== undefined && !this.#isLeaving
  }

  /** What stands for the present network connection; another one after each reconnection. */
  get network(): object | undefined {
    const isOver = this.#isEnded || this.#isLeaving
    return this.client.connected && !isOver ? this.client.stream : undefined
  }

  /**
   * Ends the network connection in an orderly way and makes another one at once, so that what
   * `connecting` changes takes effect. Without a connection that is what comes next anyway.
   */
  renew(): void {
    if (!this.isReady) return
    this.#isLeaving = true
    const { stream } = this.client
    stream.end(asBuffer(DISCONNECT))
    this.#leaveTimer = setTimeout(() => stream.destroy(), LEAVE_MS)
  }

  /**
   * Writes a packet that MQTT.js does not know of. What is written in one turn of the event loop goes
   * out together: a system call for each acknowledgement would cost more than all else about it.
   */
  write(packet: Uint8Array): void {
    const { stream } = this.client
    if (this.#corked !== stream) {
      this.#corked = stream
      stream.cork()
      afterThisTurn(() => {
        this.#corked = undefined
        stream.uncork()
      })
    }
    stream.write(asBuffer(packet))
  }

  /** Keeps the connection alive while nothing is read: the broker's answers are not seen then. */
  ping(): void {
    if (!this.client.connected) return
    this.client.sendPing()
    this.client.reschedulePing(true)
  }

  /** Says goodbye, so that the broker keeps the will to itself, and frees everything. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#readySince = undefined
    clearTimeout(this.#reconnectTimer)
    if (!this.#isStarted) return
    const { client } = this
    if (this.#isLeaving) await new Promise<void>((resolve) => client.once('close', resolve))
    for (const id of Object.keys(client.outgoing)) client.removeOutgoingMessage(Number(id))
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#options.closeTimeoutMs)
      client.end(!client.connected, this.#farewell(), () => {
        clearTimeout(timer)
        resolve()
      })
    })
    client.stream.destroy()
  }

  /** A session that nobody can find again is ended with the connection (MQTT 5). */
  #farewell(): { properties?: { sessionExpiryInterval: number } } {
    const { isPersistent, protocolVersion } = this.#options
    return protocolVersion === 5 && !isPersistent
      ? { properties: { sessionExpiryInterval: 0 } }
      : {}
  }

  async #connect(): Promise<void> {
    const { password } = this.#options
    try {
      await Promise.resolve() // so that whoever made this can listen first
      const word = typeof password === 'function' ? await password() : password
      if (this.#isEnded) return
      if (word !== undefined) this.client.options.password = word
      this.#isStarted = true
      this.#owner.connecting(this.client.options)
      this.client.connect()
    } catch (error) {
      this.#owner.report(error)
      this.#reconnectLater()
    }
  }

  #reconnectLater(): void {
    if (this.#isEnded) return
    const { reconnectMinMs, reconnectMaxMs } = this.#options
    const pause = Math.min(reconnectMaxMs, reconnectMinMs * 2 ** Math.min(this.#failedAttempts, 30))
    this.#failedAttempts++
    clearTimeout(this.#reconnectTimer)
    // Jitter: many clients of one broker must not come back at the same moment.
    const jittered = pause * (0.5 + Math.random() / 2)
    this.#reconnectTimer = setTimeout(() => void this.#connect(), jittered)
  }

  #listen(): void {
    const { client } = this
    client.on('packetreceive', (packet) => this.#received(packet))
    client.on('connect', (packet) => this.#connected(packet))
    client.on('close', () => this.#closed())
    client.on('error', (error) => this.#failed(error))
    client.on('disconnect', ({ reasonCode = 0 }) => {
      const reason = mqtt.ReasonCodes[reasonCode as keyof typeof mqtt.ReasonCodes] || 'no reason'
      this.#owner.report(transportError(`the broker ended the connection: ${reason}`))
    })
  }

  #interceptMessages(): void {
    this.client.options.customHandleAcks = (_topic, _payload, packet: IPublishPacket, done) => {
      this.#owner.published(packet, () => done(LATER))
    }
    // Only QoS 0 comes this far.
    this.client.handleMessage = (packet, done) => this.#owner.published(packet, done)
  }

  #received(packet: Packet): void {
    if (packet.cmd === 'connack') {
      this.#wasAnswered = true
      this.#owner.answered(packet.sessionPresent)
    }
    if (packet.cmd === 'pubrel') this.#owner.released(packet.messageId ?? 0)
  }

  #connected(server: IConnackPacket): void {
    if (this.#isEnded) return
    this.#readySince = performance.now()
    this.#wasReady = true
    this.#failedResends = 0
    // MQTT 5: the session of a random name begins anew only once.
    if (this.#options.protocolVersion === 5) this.client.options.clean = false
    this.#owner.connected(server)
  }

  #closed(): void {
    const wasReady = this.#readySince !== undefined
    const wasLeaving = this.#isLeaving
    this.#isLeaving = false
    clearTimeout(this.#leaveTimer)
    const lastedMs = performance.now() - (this.#readySince ?? Infinity)
    this.#readySince = undefined
    if (this.#isEnded) return
    if (lastedMs > STABLE_MS) this.#failedAttempts = 0
    this.#owner.disconnected(wasReady)
    if (!wasReady && !this.#wasAnswered && this.#lastError === undefined) {
      this.#owner.report(transportError('the broker closed the connection without an answer'))
    }
    // MQTT.js is ready only when the broker has taken what was in flight before.
    if (!wasReady && this.#wasAnswered && ++this.#failedResends === MAX_RESENDS) {
      this.#failedResends = 0
      this.#owner.stuck()
    }
    this.#wasAnswered = false
    this.#lastError = undefined
    if (wasLeaving) void this.#connect()
    else this.#reconnectLater()
  }

  #failed(error: Error): void {
    if (error === LATER || error === this.#lastError || this.#isEnded || this.#isLeaving) return
    this.#lastError = error
    const code = refusalCode(error)
    if (code === undefined || this.client.connected) {
      this.#owner.report(connectionFailed(error))
      this.client.stream.destroy() // after a packet that makes no sense MQTT.js would read no more
      return
    }
    const refusal = connectionRefused(error, code, this.#options.protocolVersion)
    if (isPassing(code)) this.#owner.report(refusal)
    else if (this.#wasReady) this.#owner.denied(refusal)
    else {
      this.#isEnded = true
      this.#owner.refused(refusal)
    }
  }
}
