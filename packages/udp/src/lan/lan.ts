// SPDX-License-Identifier: Apache-2.0
/**
 * The link to the group: a socket that listens and an endpoint that sends, over an interface that may
 * go away and come back (`docs/spec/09-bindings.md` Section 9.11.2).
 *
 * Nobody tells a process that its interface is there again, or has another address: it is looked at
 * from time to time, and the group is joined anew whenever something changed.
 *
 * @module
 */

import {
  type GroupDatagrams,
  type GroupSocket,
  openGroupSocket,
  type Peer,
  type UdpEndpoint,
} from '@waxwing/coap'
import { Pauses, transportError } from '@waxwing/transport-kit'
import type { ResolvedOptions } from '../options.js'
import { type Attachment, findAttachment, namesOf } from './interfaces.js'

export interface LanTerms {
  readonly options: ResolvedOptions
  readonly endpoint: UdpEndpoint
  readonly datagrams: GroupDatagrams
  readonly up: () => void
  readonly down: () => void
  readonly report: (error: unknown) => void
}

/** The longest pause before the group is tried again. */
const LONGEST_PAUSE_MS = 10_000

export class Lan {
  readonly #terms: LanTerms
  readonly #pauses: Pauses
  #attachment: Attachment | undefined
  #socket: GroupSocket | undefined
  #isUp = false
  #isClosed = false
  /** Not before this time. */
  #nextTryAt = 0
  #timer: ReturnType<typeof setInterval> | undefined
  #checking: Promise<void> = Promise.resolve()
  #complaint = ''
  #trouble: unknown

  constructor(terms: LanTerms) {
    this.#terms = terms
    const { interfaceCheckMs } = terms.options
    this.#pauses = new Pauses(interfaceCheckMs, Math.max(interfaceCheckMs, LONGEST_PAUSE_MS))
  }

  /** Where the group is reached. */
  get group(): Peer {
    const { group, port } = this.#terms.options
    return { address: group + (this.#attachment?.zone ?? ''), port }
  }

  get isUp(): boolean {
    return this.#isUp
  }

  /** Why it is not up, where that was told to whoever listened at the time. */
  get trouble(): unknown {
    return this.#isUp ? undefined : this.#trouble
  }

  /** Whether the peer may be one: on the link, or anywhere if the group crosses links. */
  isNear(peer: Peer): boolean {
    return this.#terms.options.hopLimit > 1 || this.#attachment?.isOnLink(peer.address) === true
  }

  /** Joins the group, if that is possible now; else as soon as it is. */
  async start(): Promise<void> {
    this.#timer = setInterval(() => this.#checkSoon(), this.#terms.options.interfaceCheckMs)
    this.#checkSoon()
    await this.#checking
  }

  /** What was sent could not go out: the interface is away, whatever it looks like. */
  lost(error: unknown): void {
    if (this.#isClosed || !this.#isUp) return
    this.#complain(error)
    this.#nextTryAt = performance.now() + this.#pauses.next()
    this.#setDown()
  }

  /** Something went out. */
  works(): void {
    this.#pauses.reset()
    this.#complaint = ''
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearInterval(this.#timer)
    await this.#checking
    await this.#socket?.close()
  }

  #checkSoon(): void {
    this.#checking = this.#checking
      .then(() => this.#check())
      .catch((error: unknown) => this.#complain(error)) // the next look is not later for it
  }

  async #check(): Promise<void> {
    if (this.#isClosed) return
    const { options } = this.#terms
    const attachment = findAttachment(options.interface, options.type)
    const isSame = attachment?.signature === this.#attachment?.signature
    if (attachment === undefined) {
      this.#complain(absent(options))
      await this.#leave()
    } else if (!isSame || this.#socket === undefined) {
      await this.#join(attachment)
    }
    const isDue = !this.#isUp && performance.now() >= this.#nextTryAt
    if (this.#socket !== undefined && isDue && !this.#isClosed) {
      this.#isUp = true
      this.#terms.up()
    }
  }

  async #join(attachment: Attachment): Promise<void> {
    await this.#leave()
    const { options, endpoint, datagrams, report } = this.#terms
    const { group, port, hopLimit } = options
    const at = attachment.socketName === undefined ? {} : { interface: attachment.socketName }
    try {
      endpoint.multicast({ ...at, hopLimit, loopback: true })
      this.#socket = await openGroupSocket({
        ...at,
        group: group + attachment.zone,
        port,
        receive: (datagram, from) => datagrams.receive(datagram, from),
        report,
      })
      this.#attachment = attachment
    } catch (error) {
      this.#complain(error)
    }
  }

  async #leave(): Promise<void> {
    this.#setDown()
    const socket = this.#socket
    this.#socket = undefined
    this.#attachment = undefined
    await socket?.close()
  }

  #setDown(): void {
    if (!this.#isUp) return
    this.#isUp = false
    this.#terms.down()
  }

  /** The same is not said at every look. */
  #complain(error: unknown): void {
    this.#trouble = error
    const complaint = String(error) + String((error as Error).cause)
    if (complaint === this.#complaint) return
    this.#complaint = complaint
    this.#terms.report(error)
  }
}

function absent({ interface: wanted, type }: ResolvedOptions): Error {
  const family = type === 'udp4' ? 'IPv4' : 'IPv6'
  const names = namesOf(type).join(', ') || 'none'
  const what = wanted === undefined ? '' : ` ${wanted}`
  return transportError(`the network interface${what} is not there (up with ${family}: ${names})`)
}
