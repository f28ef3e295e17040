// SPDX-License-Identifier: Apache-2.0
/**
 * One session of SMPP over one socket (SMPP v3.4 Sections 2.2 to 2.7): requests and their answers, in both
 * directions, and enquire_link when nothing is heard. It ends once, and says why.
 *
 * Whatever the centre sends, memory has a bound: unread bytes stay in the socket while answers cannot
 * be written, and nothing is kept for an answer that nobody asked for.
 *
 * @module
 */

import type { Socket } from 'node:net'
import type { WaxwingError } from '@waxwing/core'
import { limitError, transportError } from '@waxwing/transport-kit'
import { encodePdu, type Pdu } from './pdu.js'
import { PduReader } from './pdu-reader.js'
import { COMMAND, RESPONSE, STATUS } from './smpp.js'

const MAX_SEQUENCE = 0x7fff_ffff
const NO_BODY = new Uint8Array()

export interface SessionTerms {
  /** How long the centre may take to answer. */
  readonly answerTimeoutMs: number
  /** Silence after which the centre is asked whether it is there. */
  readonly enquireLinkMs: number
  /** A message of the centre. It is answered with `answer`. */
  readonly deliver: (pdu: Pdu, session: Session) => void
  readonly report: (error: unknown) => void
}

interface Pending {
  readonly command: number
  readonly resolve: (pdu: Pdu) => void
  readonly reject: (error: unknown) => void
  readonly timer: ReturnType<typeof setTimeout>
}

export class Session {
  /** Resolves when the session is over, with the reason where it was not `end`. */
  readonly ended: Promise<WaxwingError | undefined>
  readonly #socket: Socket
  readonly #terms: SessionTerms
  readonly #reader = new PduReader()
  readonly #pending = new Map<number, Pending>()
  readonly #end: (error: WaxwingError | undefined) => void
  #enquiring: ReturnType<typeof setInterval> | undefined
  #heard = false
  #sequence = 0
  #why: WaxwingError | undefined
  #isOver = false

  /** @param socket - Connected. The session's from now on. */
  constructor(socket: Socket, terms: SessionTerms) {
    this.#socket = socket
    this.#terms = terms
    const { promise, resolve } = Promise.withResolvers<WaxwingError | undefined>()
    this.ended = promise
    this.#end = resolve
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
    socket.on('drain', () => socket.resume())
    socket.on('error', (error) => this.#fail(transportError(error.message, error)))
    socket.on('close', () => this.#closed())
    this.#enquiring = setInterval(() => this.#enquire(), terms.enquireLinkMs)
  }

  /**
   * Resolves with the answer, whatever its status.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if the session ends before it came, or because it did not.
   */
  request(command: number, body: Uint8Array = NO_BODY): Promise<Pdu> {
    if (this.#isOver) return Promise.reject(this.#lost())
    const sequence = this.#nextSequence()
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => this.#fail(transportError('the centre does not answer')),
        this.#terms.answerTimeoutMs,
      )
      this.#pending.set(sequence, { command, resolve, reject, timer })
      this.#write({ command, status: STATUS.ok, sequence, body })
    })
  }

  /** Answers a request of the centre; without effect when the session is over. */
  answer({ command, sequence }: Pdu, status: number, body: Uint8Array = NO_BODY): void {
    this.#write({ command: command + RESPONSE, status, sequence, body })
  }

  /** Says goodbye, for as long as given, and closes the socket. */
  async end(timeoutMs: number): Promise<void> {
    if (!this.#isOver) {
      const timer = setTimeout(() => this.destroy(), timeoutMs)
      await this.request(COMMAND.unbind).catch(() => undefined)
      clearTimeout(timer)
      this.destroy()
    }
    await this.ended
  }

  /** Closes the socket at once. */
  destroy(): void {
    this.#socket.destroy()
  }

  #read(chunk: Uint8Array): void {
    this.#heard = true
    this.#reader.push(chunk)
    try {
      for (;;) {
        const pdu = this.#isOver ? undefined : this.#reader.next()
        if (pdu === undefined) break
        this.#take(pdu)
      }
    } catch (error) {
      const body = NO_BODY
      this.#write({ command: RESPONSE, status: STATUS.invalidCommandLength, sequence: 0, body })
      this.#fail(error as WaxwingError)
    }
    if (this.#socket.writableNeedDrain) this.#socket.pause()
  }

  #take(pdu: Pdu): void {
    const { command } = pdu
    if (command >= RESPONSE) this.#answered(pdu)
    else if (command === COMMAND.deliverSm) this.#terms.deliver(pdu, this)
    else if (command === COMMAND.enquireLink) this.answer(pdu, STATUS.ok)
    else if (command === COMMAND.unbind) {
      this.answer(pdu, STATUS.ok)
      this.#why ??= transportError('the centre ended the session')
      this.#socket.end(() => this.#socket.destroy())
    } else if (command !== COMMAND.alertNotification) this.#refuse(pdu)
  }

  #refuse({ command, sequence }: Pdu): void {
    this.#terms.report(transportError(`the centre sent a command that is not known: ${command}`))
    const body = NO_BODY
    this.#write({ command: RESPONSE, status: STATUS.invalidCommand, sequence, body })
  }

  #answered(pdu: Pdu): void {
    const pending = this.#pending.get(pdu.sequence)
    const isNack = pdu.command === RESPONSE
    if (pending === undefined || (!isNack && pdu.command !== pending.command + RESPONSE)) {
      this.#terms.report(transportError('the centre answered what was not asked'))
      return
    }
    this.#pending.delete(pdu.sequence)
    clearTimeout(pending.timer)
    pending.resolve(pdu)
  }

  #enquire(): void {
    if (!this.#heard) this.request(COMMAND.enquireLink).catch(() => undefined)
    this.#heard = false
  }

  #write(pdu: Pdu): void {
    if (this.#isOver || !this.#socket.writable) return
    this.#socket.write(encodePdu(pdu))
    if (this.#socket.writableLength > MAX_UNWRITTEN_BYTES) {
      this.#fail(limitError('the centre does not read', 'unwritten bytes'))
    }
  }

  #nextSequence(): number {
    do this.#sequence = (this.#sequence % MAX_SEQUENCE) + 1
    while (this.#pending.has(this.#sequence))
    return this.#sequence
  }

  #fail(error: WaxwingError): void {
    this.#why ??= error
    this.#socket.destroy()
  }

  #closed(): void {
    this.#isOver = true
    clearInterval(this.#enquiring)
    this.#enquiring = undefined
    for (const { timer, reject } of this.#pending.values()) {
      clearTimeout(timer)
      reject(this.#lost())
    }
    this.#pending.clear()
    this.#end(this.#why)
  }

  #lost(): WaxwingError {
    return this.#why ?? transportError('the connection to the centre is gone')
  }
}

/** Of a window of messages of 64 KiB, or of answers to whatever the centre may send. */
const MAX_UNWRITTEN_BYTES = 32 * 1024 * 1024
