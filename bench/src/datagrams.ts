// SPDX-License-Identifier: Apache-2.0
/**
 * Any datagrams: a CoAP server is sent what anybody may have made, from more peers than it keeps, some of
 * which prove their addresses, observe, acknowledge and reset. It must go on answering, keep no more than
 * its limits, and report nothing but what its handler did.
 *
 * @module
 */

import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { seededRandom } from '@waxwing/client/testing'
import { type EndpointLimits, type Handler, openUdpEndpoint, type UdpEndpoint } from '@waxwing/coap'
import { ByteChanges, joined } from './mutator.ts'

export interface DatagramReport {
  readonly sent: number
  /** Datagrams that came back. */
  readonly received: number
  /** Requests that reached the handler. */
  readonly handled: number
  /** The most that was kept at a time. */
  readonly most: Readonly<Record<string, number>>
  readonly peakMiB: number
  readonly seconds: number
  readonly problems: readonly string[]
}

export interface DatagramInputs {
  readonly count: number
  readonly seed: number
}

/** Small, so that all of them are met. */
const LIMITS = {
  maxPeers: 12,
  maxRequests: 8,
  maxRequestsPerPeer: 4,
  maxRememberedMessages: 150,
  maxRememberedBytes: 50_000,
  maxObservations: 12,
  maxObservationsPerPeer: 4,
} as const satisfies Partial<EndpointLimits>

/** Which figure of the endpoint each of them limits. */
const LIMITED: Readonly<Record<string, number>> = {
  peers: LIMITS.maxPeers,
  requests: LIMITS.maxRequests,
  undeliveredResponses: LIMITS.maxRequests,
  rememberedMessages: LIMITS.maxRememberedMessages,
  rememberedBytes: LIMITS.maxRememberedBytes,
  observations: LIMITS.maxObservations,
  outgoingRequests: 0,
}

const SOCKETS = 24
/** Between two signs of life; few enough for the buffers of sockets. */
const BATCH = 48
const GET = 1
const ECHO = 252
const SLOW_MS = 5

/** Sends datagrams, and says what did not hold. */
export async function runAnyDatagrams(inputs: DatagramInputs): Promise<DatagramReport> {
  const started = performance.now()
  const victim = await startVictim()
  const crowd = await Crowd.open(victim.endpoint.address.port, seededRandom(inputs.seed))
  // Whoever comes when all peers are busy has to come again.
  const transmission = { ackTimeoutMs: 5, maxRetransmit: 12 }
  const client = await openUdpEndpoint({ host: '127.0.0.1', transmission })
  const watch = new Watch(victim)
  for (let sent = 0; sent < inputs.count; sent += BATCH) {
    for (let each = 0; each < BATCH; each++) crowd.sendOne()
    await watch.signOfLife(client, sent)
  }
  const { received } = crowd
  await Promise.all([crowd.close(), client.close(), victim.endpoint.close()])
  const seconds = (performance.now() - started) / 1_000
  return { sent: inputs.count, received, handled: victim.handled(), seconds, ...watch.findings() }
}

interface Victim {
  readonly endpoint: UdpEndpoint
  /** Those that the handler is not to blame for. */
  readonly errors: readonly string[]
  handled(): number
}

async function startVictim(): Promise<Victim> {
  let handled = 0
  const handler: Handler = (request) => {
    handled++
    return act(request)
  }
  const transmission = { ackTimeoutMs: 20, maxRetransmit: 2, ackDelayMs: 3, nstart: 4 }
  const endpoint = await openUdpEndpoint({
    host: '127.0.0.1',
    handler,
    transmission: { ...transmission, exchangeLifetimeMs: 2_000, nonLifetimeMs: 1_000 },
    limits: { ...LIMITS, closeTimeoutMs: 1_000 },
  })
  const errors: string[] = []
  endpoint.onError((error) => {
    if (!isForeseen(error)) errors.push(String(error)) // an error would keep all that its stack saw
  })
  return { endpoint, errors, handled: () => handled }
}

class Expected extends Error {}

function isForeseen(error: unknown): boolean {
  return (
    error instanceof Expected ||
    (error instanceof RangeError && error.message.includes('must be at most'))
  )
}

/** Answers as the length of the first option's value says. */
const act: Handler = async (request) => {
  const kind = request.options.find(({ number }) => number !== ECHO)?.value.length ?? 0
  const response = { code: 69, options: [], payload: request.payload.subarray(0, 64) }
  if (kind === 1) return { ...response, payload: new Uint8Array(1_000) }
  if (kind === 2) throw new Expected('a handler that fails')
  if (kind === 3) await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
  if (kind === 4) return { ...response, payload: new Uint8Array(5_000) }
  if (!request.options.some(({ number }) => number === 6)) return response
  return {
    ...response,
    options: [{ number: 6, value: new Uint8Array(0) }],
    notifications: (listener) => {
      const notification = { ...response, options: [{ number: 6, value: new Uint8Array(0) }] }
      const timer = setInterval(() => void listener.next(notification), SLOW_MS)
      request.signal.addEventListener('abort', () => clearInterval(timer))
    },
  }
}

/** Looks whether the victim lives, and keeps to its limits. */
class Watch {
  readonly #victim: Victim
  readonly #most: Record<string, number> = {}
  readonly #problems: string[] = []
  #peakMiB = 0

  constructor(victim: Victim) {
    this.#victim = victim
  }

  async signOfLife(client: UdpEndpoint, sent: number): Promise<void> {
    const { endpoint } = this.#victim
    const request = { code: GET, options: [], payload: new Uint8Array(0), peer: endpoint.address }
    try {
      await client.network({ ...request, signal: AbortSignal.timeout(60_000) })
    } catch (error) {
      this.#problems.push(`no answer after ${sent} datagrams: ${String(error)}`)
    }
    for (const [name, value] of Object.entries(endpoint.stats) as [string, number][]) {
      this.#most[name] = Math.max(this.#most[name] ?? 0, value)
    }
    this.#peakMiB = Math.max(this.#peakMiB, process.memoryUsage.rss() / 2 ** 20)
  }

  findings(): Pick<DatagramReport, 'most' | 'peakMiB' | 'problems'> {
    const { stats } = this.#victim.endpoint
    const over = Object.entries(this.#most).filter(([name, value]) => value > (LIMITED[name] ?? 0))
    const problems = [
      ...this.#problems,
      ...over.map(([name, value]) => `${value} ${name}, and ${LIMITED[name]} are allowed`),
      ...this.#victim.errors,
      ...(stats.requests + stats.observations + stats.outgoingRequests === 0
        ? []
        : ['something was left after the end']),
    ]
    return { most: this.#most, peakMiB: this.#peakMiB, problems }
  }
}

/** Many peers who send anything. */
class Crowd {
  received = 0
  readonly #sockets: readonly Socket[]
  readonly #port: number
  readonly #random: () => number
  readonly #changes: ByteChanges
  /** What proves the address of each socket, once it was told. */
  readonly #echoes = new Map<Socket, Uint8Array>()
  #messageId = 0

  static async open(port: number, random: () => number): Promise<Crowd> {
    const sockets = Array.from({ length: SOCKETS }, () => createSocket('udp4'))
    for (const socket of sockets) {
      socket.bind(0, '127.0.0.1')
      await once(socket, 'listening')
    }
    return new Crowd(sockets, port, random)
  }

  constructor(sockets: readonly Socket[], port: number, random: () => number) {
    this.#sockets = sockets
    this.#port = port
    this.#random = random
    this.#changes = new ByteChanges(random)
    for (const socket of sockets) {
      socket.on('message', (datagram) => this.#answer(socket, datagram))
    }
  }

  sendOne(): void {
    const socket = this.#changes.pick(this.#sockets)
    const whole = this.#message(socket)
    const isChanged = this.#random() < 0.5
    const datagram = isChanged ? this.#changes.changed(whole, () => this.#message(socket)) : whole
    this.#send(socket, datagram)
    if (this.#random() < 0.1) this.#send(socket, datagram)
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) {
      const closed = once(socket, 'close')
      socket.close()
      await closed
    }
  }

  #send(socket: Socket, datagram: Uint8Array): void {
    socket.send(datagram, this.#port, '127.0.0.1')
  }

  /** Acknowledges, rejects or passes over what has to be acknowledged, and keeps a challenge. */
  #answer(socket: Socket, datagram: Buffer): void {
    this.received++
    const at = datagram.indexOf(Buffer.of(0xd8, 0xef)) // Echo as the first option, of eight bytes
    if (datagram[1] === 0x81 && at >= 0)
      this.#echoes.set(socket, datagram.subarray(at + 2, at + 10))
    const isConfirmable = ((datagram[0]! >> 4) & 3) === 0
    const choice = this.#random()
    if (!isConfirmable || choice > 0.8) return
    const head = Uint8Array.of(choice < 0.7 ? 0x60 : 0x70, 0)
    this.#send(socket, joined(head, datagram.subarray(2, 4)))
  }

  /** A message that is one, of any type and code, with options that mean something. */
  #message(socket: Socket): Uint8Array {
    const { below, pick } = { below: (n: number) => this.#changes.below(n), pick: this.#pick }
    const code = pick([0, GET, GET, GET, 2, 2, 3, 5, 69, 129, below(256)])
    const tokenBytes = pick([0, 1, 2, 4, 8, below(16)])
    const isEmpty = code === 0 && below(2) === 0
    const type = pick([0, 0, 0, 1, 1, 2, 3])
    this.#messageId = pick([this.#messageId + 1, below(65_536)]) & 0xffff
    const head = Uint8Array.of(
      0x40 | (type << 4) | (isEmpty ? 0 : tokenBytes),
      code,
      this.#messageId >> 8,
      this.#messageId & 0xff,
    )
    if (isEmpty) return head
    const token = new Uint8Array(tokenBytes).fill(below(3))
    return joined(joined(head, token), this.#body(socket))
  }

  readonly #pick = <T>(of: readonly T[]): T => this.#changes.pick(of)

  /** Observe, a path whose length tells the handler what to do, Echo, a payload: each or not. */
  #body(socket: Socket): Uint8Array {
    const below = (limit: number): number => this.#changes.below(limit)
    const parts: number[] = []
    let last = 0
    const add = (number: number, value: Iterable<number>): void => {
      const bytes = [...value]
      const delta = number - last
      parts.push(
        ...(delta < 13 ? [(delta << 4) | bytes.length] : [0xd0 | bytes.length, delta - 13]),
      )
      parts.push(...bytes)
      last = number
    }
    if (below(4) === 0) add(6, below(2) === 0 ? [] : [below(3)])
    if (below(3) > 0) add(11, new Uint8Array(below(6)))
    const echo = this.#echoes.get(socket)
    if (echo !== undefined && below(2) === 0) add(ECHO, echo)
    if (below(3) === 0) parts.push(0xff, ...new Uint8Array(1 + below(80)))
    return Uint8Array.from(parts)
  }
}
