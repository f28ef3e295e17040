// SPDX-License-Identifier: Apache-2.0
/**
 * Data on their way to the group (`docs/spec/09-bindings.md` Section 9.11.3): one datagram each, in their
 * order, no faster than agreed. While the interface is away they wait.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import {
  type CoapMessage,
  CONTENT_FORMAT,
  METHOD,
  OPTION,
  uintOption,
  type UdpEndpoint,
} from '@waxwing/coap'
import { WaxwingError } from '@waxwing/core'
import {
  closedError,
  INTERRUPTED,
  limitError,
  SendQueue,
  transportError,
} from '@waxwing/transport-kit'
import { pathBytes, pathOptions } from './addresses.js'
import { ALL_CLASSES } from './control/retained.js'
import type { Lan } from './lan/lan.js'
import { Pace } from './lan/pace.js'
import { whyRefused } from './lan/system-errors.js'
import type { ResolvedOptions } from './options.js'

export interface DataSendingTerms {
  readonly options: ResolvedOptions
  readonly endpoint: UdpEndpoint
  readonly lan: () => Lan
}

interface Outgoing {
  readonly message: CoapMessage
  readonly bytes: number
}

const TAG_BYTES = 4
/** Header, token, Content-Format, No-Response with the option's extended number, payload marker. */
const FRAME_BYTES = 4 + 8 + 3 + 4 + 1
/** What `maxPayloadBytes` leaves for an address. */
const ADDRESS_BYTES = 108
const BUSY_PAUSE_MS = 20

/** The largest payload of a datagram whose address is not longer than usual. */
export function maxPayloadBytesOf(maxDatagramBytes: number): number {
  return maxDatagramBytes - FRAME_BYTES - ADDRESS_BYTES
}

export class DataSending {
  readonly #terms: DataSendingTerms
  readonly #sends: SendQueue<Outgoing>
  readonly #pace: Pace
  /** Own datagrams come back from the group: they are known by this. */
  readonly #tag = randomBytes(TAG_BYTES).toString('latin1')
  #count = 0
  /** Another one after each interruption. */
  #attempt = 0
  readonly #timers = new Set<ReturnType<typeof setTimeout>>()

  constructor(terms: DataSendingTerms) {
    this.#terms = terms
    this.#pace = new Pace(terms.options.maxBytesPerSecond)
    // One after the other: so they keep their order, and the system says of each what became of it.
    const limits = { ...terms.options, maxInFlight: 1 }
    this.#sends = new SendQueue(limits, (item, done) => this.#begin(item, done))
  }

  /** Whether a datagram of this token was sent here. */
  isOwn(token: string): boolean {
    return token.length === 2 * TAG_BYTES && token.startsWith(this.#tag)
  }

  /**
   * Resolves when the system has taken the datagram.
   *
   * @throws {WaxwingError} `ERR_LIMIT` if too much waits, or the address is too long for the payload;
   *   `ERR_TRANSPORT` if the system refuses.
   */
  async send(address: string, payload: Uint8Array): Promise<void> {
    const bytes = FRAME_BYTES + pathBytes(address) + payload.length
    if (bytes > this.#terms.options.maxDatagramBytes) {
      throw limitError('address and payload do not fit into a datagram', 'maxDatagramBytes')
    }
    const options = [
      ...pathOptions(address),
      uintOption(OPTION.contentFormat, CONTENT_FORMAT.octetStream),
      uintOption(OPTION.noResponse, ALL_CLASSES),
    ]
    await this.#sends.push({ message: { code: METHOD.POST, options, payload }, bytes }, bytes)
  }

  resume(): void {
    this.#sends.resume()
  }

  suspend(): void {
    this.#attempt++ // what waits for its time is put back as well
    this.#sends.suspend()
  }

  async close(): Promise<void> {
    await this.#sends.emptied(this.#terms.options.closeTimeoutMs)
    this.#sends.ended(closedError())
    for (const timer of this.#timers) clearTimeout(timer)
  }

  #begin(item: Outgoing, done: (error?: unknown) => void): void {
    const pause = this.#pace.spend(item.bytes)
    if (pause === 0) void this.#send(item, done)
    else this.#later(pause, () => void this.#send(item, done))
  }

  async #send({ message }: Outgoing, done: (error?: unknown) => void): Promise<void> {
    const { endpoint, lan } = this.#terms
    if (!lan().isUp) {
      done(INTERRUPTED)
      return
    }
    try {
      await endpoint.announce(message, lan().group, this.#newToken())
      lan().works()
      done()
    } catch (error) {
      this.#failed(error, done)
    }
  }

  #failed(error: unknown, done: (error?: unknown) => void): void {
    const why = whyRefused(error)
    if (why === 'busy') this.#later(BUSY_PAUSE_MS, () => done(INTERRUPTED))
    else if (why === 'away')
      this.#terms.lan().lost(error) // which puts it back
    else {
      done(
        error instanceof WaxwingError ? error : transportError('the datagram was refused', error),
      )
    }
  }

  #later(ms: number, call: () => void): void {
    const attempt = this.#attempt
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      if (attempt === this.#attempt) call()
    }, ms)
    this.#timers.add(timer)
  }

  #newToken(): string {
    this.#count = (this.#count + 1) >>> 0
    const counter = Buffer.alloc(TAG_BYTES)
    counter.writeUInt32BE(this.#count)
    return this.#tag + counter.toString('latin1')
  }
}
