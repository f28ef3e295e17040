// SPDX-License-Identifier: Apache-2.0
/**
 * The connection to the centre, for as long as the transport lives: made, bound, watched, and made again
 * with growing pauses (`docs/spec/09-bindings.md` Section 9.10.1). One session that sends and receives, or one
 * for each: then both are there, or none.
 *
 * @module
 */

import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { WaxwingError } from '@waxwing/core'
import { closedError, Pauses, transportError } from '@waxwing/transport-kit'
import type { ResolvedOptions } from './options.js'
import { encodeBind, type Pdu } from './smpp/pdu.js'
import { Session } from './smpp/session.js'
import { COMMAND, STATUS, statusText } from './smpp/smpp.js'

/** How long a goodbye may take. */
const UNBIND_MS = 2_000

export interface LinkOwner {
  /** @param session - To send over. */
  up(session: Session): void
  /** What `up` was called for is gone. */
  down(): void
  /** Refused at the first bind: no further attempt is made. */
  refused(error: WaxwingError): void
  deliver(pdu: Pdu, session: Session): void
  report(error: unknown): void
}

/** The centre answered to a bind, and not with yes. */
class BindRefused extends Error {
  readonly status: number
  constructor(status: number) {
    super(`the centre refuses to bind: ${statusText(status)}`)
    this.status = status
  }
}

export class Link {
  readonly #options: ResolvedOptions
  readonly #owner: LinkOwner
  readonly #pauses: Pauses
  readonly #sessions = new Set<Session>()
  readonly #sockets = new Set<Socket>()
  /** Rejects at the end, for whoever waits for the application. */
  readonly #ending = Promise.withResolvers<never>()
  #wakeUp: (() => void) | undefined
  #wasUp = false
  #isEnded = false
  #running: Promise<void> | undefined

  constructor(options: ResolvedOptions, owner: LinkOwner) {
    this.#options = options
    this.#owner = owner
    this.#pauses = new Pauses(options.reconnectMinMs, options.reconnectMaxMs)
    this.#ending.promise.catch(() => undefined) // perhaps nobody waits
  }

  /**
   * The session was of use. One that breaks again and again before it is, as by what is sent over it, is made
   * with pauses that grow: each time may be paid for.
   */
  proved(): void {
    this.#pauses.reset()
  }

  start(): void {
    if (!this.#isEnded) this.#running ??= this.#run()
  }

  /** Says goodbye and frees everything. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#ending.reject(closedError())
    this.#wakeUp?.()
    await Promise.all([...this.#sessions].map((session) => session.end(UNBIND_MS)))
    for (const socket of this.#sockets) socket.destroy()
    await this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isEnded) {
      try {
        await this.#use(await this.#bound())
      } catch (error) {
        this.#failed(error)
      }
      for (const session of this.#sessions) session.destroy()
      this.#sessions.clear()
      if (!this.#isEnded) await this.#pause()
    }
  }

  /** @returns The session to send over, once all that are wanted are bound. */
  async #bound(): Promise<Session> {
    const { bind } = this.#options
    if (bind === 'transceiver') return this.#bind(COMMAND.bindTransceiver)
    const sender = await this.#bind(COMMAND.bindTransmitter)
    await this.#bind(COMMAND.bindReceiver)
    return sender
  }

  async #bind(command: number): Promise<Session> {
    const { answerTimeoutMs, enquireLinkMs, systemId, systemType } = this.#options
    const password = await Promise.race([secretOf(this.#options.password), this.#ending.promise])
    const session = new Session(await this.#connect(), {
      answerTimeoutMs,
      enquireLinkMs,
      deliver: (pdu, from) => {
        this.proved()
        this.#owner.deliver(pdu, from)
      },
      report: (error) => this.#owner.report(error),
    })
    this.#sessions.add(session)
    const { status } = await session.request(command, encodeBind(systemId, password, systemType))
    if (status !== STATUS.ok) throw new BindRefused(status)
    return session
  }

  async #use(sender: Session): Promise<void> {
    if (this.#isEnded) return
    this.#wasUp = true
    const beganAtMs = performance.now()
    this.#owner.up(sender)
    const why = await Promise.race([...this.#sessions].map(({ ended }) => ended))
    if (performance.now() - beganAtMs > this.#options.reconnectMaxMs) this.#pauses.reset()
    if (why !== undefined && !this.#isEnded) this.#owner.report(why)
    this.#owner.down()
  }

  #failed(error: unknown): void {
    if (this.#isEnded) return
    const why = error instanceof Error ? error.message : String(error)
    const failure = transportError(`connection failed: ${why}`, error)
    if (isFinal(error) && !this.#wasUp) {
      this.#isEnded = true
      this.#owner.refused(failure)
    } else this.#owner.report(failure)
  }

  async #connect(): Promise<Socket> {
    const { host, port, tls, isSecure, connectTimeoutMs } = this.#options
    const { servername, ca, ...rest } = tls ?? {}
    const socket = isSecure
      ? connectTls({
          host,
          port,
          ...rest,
          ...(servername === undefined ? {} : { servername }),
          ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
        })
      : connectTcp(port, host)
    socket.on('error', () => undefined) // whoever waits for it hears of it
    this.#sockets.add(socket)
    socket.once('close', () => this.#sockets.delete(socket))
    if (this.#isEnded) socket.destroy()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const timer = setTimeout(() => socket.destroy(new Error('no connection')), connectTimeoutMs)
    socket.once(isSecure ? 'secureConnect' : 'connect', resolve)
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('the centre closed the connection')))
    try {
      await promise
    } finally {
      clearTimeout(timer)
      socket.off('error', reject)
    }
    return socket
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pauses.next())
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

/** Whether trying again cannot help: the name or the password is wrong. */
function isFinal(error: unknown): boolean {
  if (!(error instanceof BindRefused)) return false
  return error.status === STATUS.invalidPassword || error.status === STATUS.invalidSystemId
}

async function secretOf(secret: ResolvedOptions['password']): Promise<string> {
  const password = typeof secret === 'function' ? await secret() : secret
  if (!/^[\x20-\x7e]{0,8}$/.test(password)) {
    throw new RangeError('password must be at most 8 characters of ASCII')
  }
  return password
}
