// SPDX-License-Identifier: Apache-2.0
/**
 * A message centre for SMS inside the test process, on a free loopback port, that speaks SMPP 3.4 by the
 * `smpp` package: an implementation that is not ours. It routes by number, keeps what nobody is there to
 * take, and misbehaves on request.
 *
 * Whoever binds has the numbers of its account; without one, its system id is its number.
 *
 * @module
 */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Pdu, Server, Session } from 'smpp'
import { createAuthority, type CertificateAuthority } from './certificates.js'

/** A message, or a segment of one, as the centre has it. */
export interface CentreMessage {
  readonly from: string
  readonly to: string
  readonly esmClass: number
  readonly dataCoding: number
  /** short_message, or message_payload. */
  readonly message: Uint8Array
  /** Further optional parameters, by their names in the `smpp` package. */
  readonly tags?: Readonly<Record<string, number | Uint8Array | string>>
}

/** What the centre took, with what else the sender said. */
export interface Submitted extends CentreMessage {
  readonly systemId: string
  readonly validityPeriod: string
  readonly wantsReceipt: boolean
  readonly isPayload: boolean
}

/** A status to refuse with; or: take it and break the connection, break it instead, never answer. */
export type SubmitVerdict = number | 'take-and-cut' | 'cut' | 'ignore' | undefined

export interface CentreOptions {
  /** Unanswered messages to one session. Default 32. */
  readonly window?: number
  /** System ids with their passwords and numbers. Left out: anybody. */
  readonly accounts?: Readonly<Record<string, { password: string; numbers: readonly string[] }>>
  readonly tls?: boolean
  /** After so long a message that was given back is tried again. Default 20. */
  readonly retryMs?: number
  /** Splits message_payload into segments by itself, as towards phones. Default `false`: passes it on. */
  readonly splits?: boolean
  /** In which form receipts are. Default `text`. */
  readonly receipts?: 'text' | 'tags'
}

export interface MessageCentre {
  readonly url: string
  readonly port: number
  readonly authority: CertificateAuthority | undefined
  /** Everything that was submitted and taken, in order. */
  readonly taken: readonly Submitted[]
  /** What a receiver refused for good. */
  readonly refused: readonly CentreMessage[]
  /** Statuses of all answers to deliver_sm. */
  readonly answers: readonly number[]
  /** Decides on each submit_sm; left out: taken. */
  onSubmit: ((submitted: Submitted) => SubmitVerdict) | undefined
  /** Puts what waits for a number into another order, before each delivery. */
  reorder: ((waiting: CentreMessage[]) => void) | undefined
  /** How often each message is delivered. Default 1. */
  copies: number
  /** Nothing is delivered while `true`. */
  isHolding: boolean
  /** Binds are refused with this status, where it is set. */
  bindStatus: number | undefined
  /** How many messages wait for this number, or are with it unanswered. */
  waitingFor(number: string): number
  /** How many sessions are bound. */
  readonly sessionCount: number
  /** A message from outside. */
  deliver(message: CentreMessage): void
  /** Delivers what can be, after `isHolding` was changed. */
  pump(): void
  /** Writes bytes to every session as they are. */
  raw(bytes: Uint8Array): void
  /** Breaks all connections. */
  cut(): void
  /** Says unbind to every session. */
  dismiss(): void
  /** Stops; what waits is kept. */
  stop(): Promise<void>
  start(): Promise<void>
  close(): Promise<void>
}

/** Starts a centre. */
export async function startMessageCentre(options: CentreOptions = {}): Promise<MessageCentre> {
  const { default: smpp } = await import('smpp') // late: most users of this package need none
  smpp.PDU.maxLength = 70_000
  // It would decode texts, and a centre has no business with them.
  delete smpp.commands['submit_sm']?.params['short_message']?.filter
  delete smpp.commands['submit_sm']?.params['validity_period']?.filter
  delete smpp.commands['deliver_sm']?.params['short_message']?.filter
  delete smpp.tlvs['message_payload']?.filter
  const authority = options.tls === true ? createAuthority('waxwing test root') : undefined
  const certificate = authority?.issue('localhost')
  const centre = new Centre(options, authority, (listener) =>
    smpp.createServer(certificate ?? {}, listener),
  )
  await centre.start()
  return centre
}

interface Bound {
  readonly session: Session
  readonly systemId: string
  readonly numbers: readonly string[]
  readonly receives: boolean
  readonly unanswered: Set<CentreMessage>
}

const STATUS = { ok: 0, permanent: 0x65, password: 0x0e } as const
const RETRY_MS = 20

class Centre implements MessageCentre {
  readonly taken: Submitted[] = []
  readonly refused: CentreMessage[] = []
  readonly answers: number[] = []
  readonly authority: CertificateAuthority | undefined
  onSubmit: MessageCentre['onSubmit']
  reorder: MessageCentre['reorder']
  copies = 1
  isHolding = false
  bindStatus: number | undefined
  port = 0
  readonly #options: CentreOptions
  readonly #create: (listener: (session: Session) => void) => Server
  readonly #waiting = new Map<string, CentreMessage[]>()
  readonly #bound = new Set<Bound>()
  readonly #sessions = new Set<Session>()
  /** What was given back, until it is tried again. */
  readonly #retries = new Map<CentreMessage, ReturnType<typeof setTimeout>>()
  #server: Server | undefined
  #lastId = 0x1000

  constructor(
    options: CentreOptions,
    authority: CertificateAuthority | undefined,
    create: (listener: (session: Session) => void) => Server,
  ) {
    this.#options = options
    this.authority = authority
    this.#create = create
  }

  get url(): string {
    return `${this.authority === undefined ? 'smpp' : 'smpps'}://127.0.0.1:${this.port}`
  }

  get sessionCount(): number {
    return this.#bound.size
  }

  async start(): Promise<void> {
    const server = this.#create((session) => this.#connected(session))
    this.#server = server
    server.listen(this.port, '127.0.0.1')
    await once(server, 'listening')
    this.port = (server.address() as AddressInfo).port
  }

  async stop(): Promise<void> {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    this.cut()
    await closed
  }

  async close(): Promise<void> {
    await this.stop()
    for (const timer of this.#retries.values()) clearTimeout(timer)
  }

  cut(): void {
    for (const session of this.#sessions) session.socket.destroy()
  }

  dismiss(): void {
    for (const { session } of this.#bound) session.socket.write(UNBIND)
  }

  raw(bytes: Uint8Array): void {
    for (const { session } of this.#bound) session.socket.write(bytes)
  }

  waitingFor(number: string): number {
    let count = this.#waiting.get(number)?.length ?? 0
    for (const { unanswered } of this.#bound) {
      for (const message of unanswered) if (message.to === number) count++
    }
    for (const message of this.#retries.keys()) if (message.to === number) count++
    return count
  }

  deliver(message: CentreMessage): void {
    this.#enqueue(message)
    this.pump()
  }

  pump(): void {
    if (this.isHolding) return
    for (const [number, waiting] of this.#waiting) {
      const bound = [...this.#bound].findLast(
        ({ numbers, receives }) => receives && numbers.includes(number),
      )
      if (bound === undefined) continue
      this.reorder?.(waiting)
      while (bound.unanswered.size < (this.#options.window ?? 32)) {
        const message = waiting.shift()
        if (message === undefined) break
        this.#deliverTo(bound, message)
      }
    }
  }

  #enqueue(message: CentreMessage): void {
    const waiting = this.#waiting.get(message.to) ?? []
    this.#waiting.set(message.to, waiting)
    for (let i = 0; i < this.copies; i++) waiting.push({ ...message })
  }

  #connected(session: Session): void {
    this.#sessions.add(session)
    const gone = (): void => {
      this.#sessions.delete(session)
      for (const bound of this.#bound) if (bound.session === session) this.#unbound(bound)
    }
    session.on('close', gone)
    session.on('error', () => session.socket.destroy())
    for (const kind of ['transceiver', 'transmitter', 'receiver']) {
      session.on(`bind_${kind}`, (pdu: Pdu) => this.#bind(session, pdu))
    }
    session.on('submit_sm', (pdu: Pdu) => this.#submit(session, pdu))
    session.on('enquire_link', (pdu: Pdu) => session.send(pdu.response()))
    session.on('unbind', (pdu: Pdu) => {
      session.send(pdu.response())
      session.close()
    })
  }

  #bind(session: Session, pdu: Pdu): void {
    const systemId = String(pdu['system_id'])
    const { accounts } = this.#options
    const account = accounts?.[systemId]
    const isKnown = accounts === undefined || account?.password === pdu['password']
    const status = this.bindStatus ?? (isKnown ? STATUS.ok : STATUS.password)
    session.send(pdu.response({ command_status: status, system_id: 'centre' }))
    if (status !== STATUS.ok) return
    const numbers = account?.numbers ?? [systemId]
    const receives = pdu.command !== 'bind_transmitter'
    this.#bound.add({ session, systemId, numbers, receives, unanswered: new Set() })
    this.pump()
  }

  #unbound(bound: Bound): void {
    this.#bound.delete(bound)
    for (const message of [...bound.unanswered].toReversed()) {
      this.#waiting.get(message.to)?.unshift(message)
    }
    bound.unanswered.clear()
    this.pump()
  }

  #submit(session: Session, pdu: Pdu): void {
    const systemId = [...this.#bound].find((bound) => bound.session === session)?.systemId ?? ''
    const submitted = submittedOf(pdu, systemId)
    const verdict = this.onSubmit?.(submitted)
    if (verdict === 'cut') session.socket.destroy()
    if (verdict === 'cut' || verdict === 'ignore') return
    if (typeof verdict === 'number' && verdict !== STATUS.ok) {
      session.send(pdu.response({ command_status: verdict }))
      return
    }
    const messageId = (++this.#lastId).toString(16)
    this.taken.push(submitted)
    if (verdict === 'take-and-cut') session.socket.destroy()
    else session.send(pdu.response({ message_id: messageId }))
    for (const message of this.#options.splits === true ? split(submitted) : [submitted]) {
      this.#enqueue(message)
    }
    if (submitted.wantsReceipt) this.#enqueue(this.#receipt(submitted, messageId))
    this.pump()
  }

  #receipt({ from, to }: Submitted, messageId: string): CentreMessage {
    const isText = this.#options.receipts !== 'tags'
    const decimal = String(Number.parseInt(messageId, 16)) // as some centres do
    const text = `id:${decimal} sub:001 dlvrd:001 submit date:2601010000 done date:2601010001 stat:DELIVRD err:000 text:`
    return {
      from: to,
      to: from,
      esmClass: 0x04,
      dataCoding: 0,
      message: Buffer.from(isText ? text : ''),
      tags: isText ? {} : { receipted_message_id: messageId, message_state: 2 },
    }
  }

  #deliverTo(bound: Bound, message: CentreMessage): void {
    bound.unanswered.add(message)
    bound.session.deliver_sm(fieldsOf(message), (answer) => {
      if (!bound.unanswered.delete(message)) return
      this.answers.push(answer.command_status)
      if (answer.command_status === STATUS.permanent) this.refused.push(message)
      else if (answer.command_status !== STATUS.ok) this.#later(message)
      this.pump()
    })
  }

  #later(message: CentreMessage): void {
    const timer = setTimeout(() => {
      this.#retries.delete(message)
      this.#waiting.get(message.to)?.push(message)
      this.pump()
    }, this.#options.retryMs ?? RETRY_MS)
    this.#retries.set(message, timer)
  }
}

/** An unbind with a sequence number that nothing else has. */
const UNBIND = Buffer.from('00000010000000060000000070000000', 'hex')

function submittedOf(pdu: Pdu, systemId: string): Submitted {
  const short = pdu['short_message'] as Buffer
  const payload = pdu['message_payload'] as Buffer | undefined
  return {
    systemId,
    from: String(pdu['source_addr']),
    to: String(pdu['destination_addr']),
    esmClass: Number(pdu['esm_class']),
    dataCoding: Number(pdu['data_coding']),
    message: new Uint8Array(payload ?? short),
    isPayload: payload !== undefined,
    validityPeriod: String(pdu['validity_period']),
    wantsReceipt: (Number(pdu['registered_delivery']) & 1) === 1,
  }
}

function fieldsOf({ from, to, esmClass, dataCoding, message, tags }: CentreMessage): object {
  const bytes = Buffer.from(message)
  return {
    source_addr_ton: /^[0-9]+$/.test(from) ? 1 : 5,
    source_addr_npi: 1,
    source_addr: from,
    dest_addr_ton: 1,
    dest_addr_npi: 1,
    destination_addr: to,
    esm_class: esmClass,
    data_coding: dataCoding,
    ...(bytes.length > 254 ? { message_payload: bytes } : { short_message: bytes }),
    ...tags,
  }
}

/** As a centre splits for the air: a header of 8 bits, 134 bytes or 153 characters each. */
function split(submitted: Submitted): readonly CentreMessage[] {
  const isText = submitted.dataCoding === 0
  const { message } = submitted
  if (!submitted.isPayload || message.length <= (isText ? 160 : 140)) return [submitted]
  const length = isText ? 153 : 134
  const total = Math.ceil(message.length / length)
  const reference = Math.floor(Math.random() * 256)
  return Array.from({ length: total }, (_, i) => ({
    ...submitted,
    esmClass: submitted.esmClass | 0x40,
    message: Buffer.concat([
      Buffer.of(5, 0, 3, reference, total, i + 1),
      message.subarray(i * length, (i + 1) * length),
    ]),
  }))
}
