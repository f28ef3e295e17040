// SPDX-License-Identifier: Apache-2.0
/**
 * What rhea leaves to the goodwill of the other side, looked at before rhea acts on it: sizes of frames,
 * settlements of four thousand million deliveries at once, frames so small that a message is cut
 * into nothing forever, sessions and links that nobody here asked for, messages without an end.
 *
 * rhea has no place for such checks. Each one stands before a method of one connection, by the names that
 * these methods have in the version that this package pins; the tests play a hostile server against
 * all of them.
 *
 * @module
 */

import type { Connection, Session } from 'rhea'
import { transportError } from '@waxwing/transport-kit'
import { FrameReader } from './frames.js'
import { UnreadableError } from './value-reader.js'

export interface GuardLimits {
  readonly maxFrameBytes: number
  /** Of a whole message, with all that stands around its payload. */
  readonly maxMessageBytes: number
}

/** A format that rhea does not know: it hands such messages over as bytes. */
const AS_BYTES = 0x5761_7877
/** Deliveries of one session that rhea keeps in order, at once. */
const SESSION_BUFFER = { incoming: 2_048, outgoing: 65_536 }
const SMALLEST_FRAME = 512
const LONGEST_IDLE_MS = 2 ** 31 - 1
const MAX_SETTLED_AT_ONCE = 131_072
/** What a part of a message takes besides its bytes, in bytes: also one that is empty. */
const FRAME_COST = 32
/** A message this many times too long is no mistake any more. */
const ENDLESS = 64

type Fields = Record<string, unknown>

interface Frame {
  readonly channel: number
  readonly performative: Fields
  payload?: Buffer | undefined
}

type FrameHandler = (frame: Frame) => void

interface SessionInternals {
  readonly links: object
  readonly remote: { readonly handles: Readonly<Record<string, { credit: number } | undefined>> }
}

/** The methods of rhea's connection that frames arrive at. */
interface Internals {
  input: (chunk: Buffer) => void
  on_open: FrameHandler
  on_begin: FrameHandler
  on_attach: FrameHandler
  on_transfer: FrameHandler
  on_disposition: FrameHandler
  create_session(buffer: typeof SESSION_BUFFER): Session
  readonly remote: { readonly open?: Fields }
  readonly local_channel_map: object
  readonly remote_channel_map: Readonly<Record<number, SessionInternals | undefined>>
  _disconnected(): void
}

export class Guard {
  readonly #connection: Internals
  readonly #limits: GuardLimits
  /** The bytes so far of messages that are not complete, by channel and link. */
  readonly #incomplete = new Map<string, number>()
  #isTooLong = false

  /** @param failed - Called when something came that makes no sense: the connection is of no more use. */
  constructor(connection: Connection, limits: GuardLimits, failed: (error: Error) => void) {
    const internals = connection as unknown as Internals
    this.#connection = internals
    this.#limits = limits
    const frames = new FrameReader(limits.maxFrameBytes)
    const input = internals.input.bind(connection)
    internals.input = (chunk) => {
      try {
        frames.push(chunk, input)
      } catch (error) {
        failed(error as Error)
      }
    }
    this.#before('on_open', (frame) => checkOpen(frame.performative))
    this.#before('on_begin', (frame) => checkBegin(frame.performative))
    this.#before('on_attach', (frame) => this.#checkAttach(frame))
    this.#before('on_disposition', (frame) => checkDisposition(frame.performative))
    this.#before('on_transfer', (frame) => this.#checkTransfer(frame))
  }

  /** Within the handler of a message: whether it was longer than the limit, and is not there. */
  get isTooLong(): boolean {
    return this.#isTooLong
  }

  /**
   * Begins a session. Each link has one of its own: a broker may end a session over one bad link, and rhea
   * lets all that is to be sent in a session wait for the first link that has no credit.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if the broker takes no more of them.
   */
  session(): Session {
    const { channel_max: most } = this.#connection.remote.open ?? {}
    const count = Object.keys(this.#connection.local_channel_map).length
    if (typeof most === 'number' && count > most) {
      throw transportError(`the broker takes ${most + 1} sessions in a connection at most`)
    }
    const session = this.#connection.create_session(SESSION_BUFFER)
    session.on('session_error', () => undefined) // `session_close` follows
    session.begin()
    return session
  }

  /** Ends rhea's timers: it would go on by itself, with a socket that is gone. */
  forget(): void {
    this.#connection._disconnected()
  }

  #before(
    method: 'on_open' | 'on_begin' | 'on_attach' | 'on_transfer' | 'on_disposition',
    check: FrameHandler,
  ): void {
    const original = this.#connection[method].bind(this.#connection)
    this.#connection[method] = (frame) => {
      check(frame)
      original(frame)
    }
  }

  #checkAttach({ channel, performative }: Frame): void {
    const links = this.#connection.remote_channel_map[channel]?.links
    if (links === undefined || !Object.hasOwn(links, String(performative['name']))) {
      throw new UnreadableError('a link that nobody asked for')
    }
  }

  /** Messages are read here (`message.ts`), and what is too long of one is let go as it comes. */
  #checkTransfer(frame: Frame): void {
    const { channel, performative } = frame
    if (performative['aborted'] === true) throw new UnreadableError('a message was aborted')
    const link = `${channel}/${String(performative['handle'])}`
    const before = this.#incomplete.get(link) ?? 0
    const byteCount = before + (frame.payload?.length ?? 0) + FRAME_COST
    const { maxMessageBytes } = this.#limits
    this.#isTooLong = byteCount > maxMessageBytes
    if (byteCount > ENDLESS * maxMessageBytes) throw new UnreadableError('a message has no end')
    if (performative['more'] === true) this.#incomplete.set(link, byteCount)
    else this.#incomplete.delete(link)
    if (this.#isTooLong || frame.payload === undefined) frame.payload = Buffer.alloc(0)
    if (before === 0) performative['message_format'] = AS_BYTES
    // Beyond its credit: counted by the link (`receiver-link.ts`), where rhea writes to the console.
    const { handles } = this.#connection.remote_channel_map[channel]?.remote ?? {}
    const receiver = handles?.[String(performative['handle'])]
    if (receiver?.credit === 0) receiver.credit = 1
  }
}

function checkOpen(open: Fields): void {
  const { max_frame_size: frameBytes, idle_time_out: idleMs } = open
  if (typeof frameBytes === 'number' && frameBytes < SMALLEST_FRAME) {
    throw new UnreadableError(`frames of ${frameBytes} bytes at most`)
  }
  if (typeof idleMs === 'number' && idleMs > LONGEST_IDLE_MS)
    open['idle_time_out'] = LONGEST_IDLE_MS
}

function checkBegin(begin: Fields): void {
  if (typeof begin['remote_channel'] === 'number') return
  throw new UnreadableError('a session that nobody asked for')
}

function checkDisposition({ first, last }: Fields): void {
  if (Number(last ?? first) - Number(first) > MAX_SETTLED_AT_ONCE) {
    throw new UnreadableError('more deliveries were settled than there can be')
  }
}
