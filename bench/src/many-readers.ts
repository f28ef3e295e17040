// SPDX-License-Identifier: Apache-2.0
/**
 * A stream with thousands of readers: everybody is granted it, it rotates and everybody is granted it
 * anew, and then everybody asks as if that had got lost. One producer, on SQLite; its broker is in
 * memory and costs next to nothing. Beside it, what a grant costs who takes it.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Domain, memoryStore, openEndpoint, type Endpoint, type Producer } from '@waxwing/client'
import { memoryBroker, memoryTransport, type MemoryTransport } from '@waxwing/client/testing'
import {
  fromHex,
  generateKemKeyPair,
  principalId,
  sealMessage,
  signKeyCard,
  signMessage,
  toBase64Url,
  type Ed25519SigningKey,
  type KemKind,
  type KemPublicKey,
} from '@waxwing/core'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import { sqliteStore } from '@waxwing/store-sqlite'

export interface ManyReadersOptions {
  readonly readers: number
  /** What most readers' grants are sealed with. Those that are endpoints take X-Wing. */
  readonly kem: KemKind
  readonly progress?: (line: string) => void
}

export interface ManyReadersReport {
  readonly readers: number
  readonly kem: KemKind
  /** From the call of `rotate` until the last reader's grant was sent. */
  readonly anewSeconds: number
  /** The producer's processor time in them. */
  readonly anewCpuSeconds: number
  /** From the first request until the last answer was sent. */
  readonly askedSeconds: number
  /** How long one reader takes over one grant, on SQLite: milliseconds, the median. */
  readonly takingMs: number
  /** Length of one sealed grant. */
  readonly grantBytes: number
  readonly problems: readonly string[]
}

const STREAM = 'plant/1/temperature'
/** Requests that wait at the producer at once: fewer than it gives up. */
const WINDOW = 512
/** Readers that are endpoints of their own and take their grants, at most. */
const MAX_REAL_READERS = 50
const HOUR_SECONDS = 3600
const DAY_SECONDS = 86_400

/** A reader as the producer sees it. */
interface Known {
  readonly id: Uint8Array
  readonly key: Ed25519SigningKey
  readonly credential: Uint8Array
  readonly card: Uint8Array
}

export async function runManyReaders(options: ManyReadersOptions): Promise<ManyReadersReport> {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-readers-'))
  const stage = await Stage.open(folder)
  try {
    return await stage.play(options)
  } finally {
    await stage.close()
    rmSync(folder, { recursive: true })
  }
}

class Stage {
  readonly #closers: (() => Promise<void>)[] = []
  readonly #inbox = new Inboxes()
  readonly #folder: string
  #domain!: Domain
  #plant!: Endpoint

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(folder: string): Promise<Stage> {
    const stage = new Stage(folder)
    stage.#domain = await Domain.create({
      store: memoryStore(),
      name: 'domain',
      recoveryStore: memoryStore(),
    })
    const transport = stage.#inbox.watch(memoryTransport(memoryBroker({}), { clientId: 'plant' }))
    stage.#plant = await stage.#member('plant', transport)
    return stage
  }

  async play({ readers: count, kem, progress }: ManyReadersOptions): Promise<ManyReadersReport> {
    const producer = await this.#plant.producer(STREAM)
    const realCount = Math.min(MAX_REAL_READERS, Math.floor(count / 4))
    const known = await this.#know(count - realCount, kem)
    const real = await this.#realReaders(realCount)
    progress?.(`${count} readers are known`)
    const ids = known.map(({ id }) => toBase64Url(id))
    for (const id of [...ids, ...real.keys()]) await this.#plant.grant(STREAM, id)
    progress?.('everybody was granted the stream; it rotates')
    const anew = await this.#rotate(producer, count)
    const grants = [...real].map(([id, reader]) => ({ reader, grant: this.#inbox.latest(id) }))
    const takingMs = await taking(grants)
    const object = producer.seal('21.5')
    const problems: string[] = []
    for (const reader of real.values()) {
      const message = await reader.reader('plant/#').open(object)
      if (message.kind !== 'message') problems.push(`a reader got ${message.kind}`)
    }
    progress?.(`granted anew in ${anew.seconds.toFixed(1)} s; everybody asks`)
    const askedSeconds = await this.#ask(producer, known)
    const [first] = known
    if (first === undefined) throw new RangeError('too few readers')
    return {
      readers: count,
      kem,
      anewSeconds: anew.seconds,
      anewCpuSeconds: anew.cpuSeconds,
      askedSeconds: (askedSeconds * count) / known.length,
      takingMs,
      grantBytes: this.#inbox.latest(toBase64Url(first.id)).length,
      problems,
    }
  }

  async close(): Promise<void> {
    for (const close of this.#closers.toReversed()) await close()
  }

  async #rotate(
    producer: Producer,
    count: number,
  ): Promise<{ seconds: number; cpuSeconds: number }> {
    const all = this.#inbox.expect(count)
    const started = performance.now()
    const cpu = process.cpuUsage()
    await producer.rotate()
    await all
    const { user, system } = process.cpuUsage(cpu)
    return { seconds: (performance.now() - started) / 1000, cpuSeconds: (user + system) / 1e6 }
  }

  /** Everybody asks for the newest generation; so many at a time as the producer's queues hold. */
  async #ask(producer: Producer, known: readonly Known[]): Promise<number> {
    const { identity, intake } = this.#plant.parts
    const { id } = identity
    const [key] = identity.card.keys
    if (key === undefined) throw new Error('the producer has a card')
    const requests = await Promise.all(
      known.map((reader) => request(reader, { id, key }, producer.kid)),
    )
    const all = this.#inbox.expect(requests.length)
    const started = performance.now()
    for (let from = 0; from < requests.length; from += WINDOW) {
      const window = requests.slice(from, from + WINDOW)
      await Promise.all(window.map((payload) => intake.take('inbox', payload)))
    }
    await all
    return (performance.now() - started) / 1000
  }

  async #know(count: number, kem: KemKind): Promise<readonly Known[]> {
    const now = Math.floor(Date.now() / 1000)
    const kems: readonly KemKind[] = kem === 'x-wing' ? ['x25519', 'x-wing'] : ['x25519']
    const made: Omit<Known, 'credential'>[] = []
    for (let i = 0; i < count; i++) {
      const key = crypto.ed25519SigningKey(crypto.randomBytes(32))
      const id = principalId(crypto, key.publicKey)
      const keys = await Promise.all(kems.map((kind) => generateKemKeyPair(crypto, kind)))
      const card = signKeyCard({ issued: now, expires: now + DAY_SECONDS, keys }, id, key)
      await this.#domain.admit(enrolment({ id, key }, `reader ${i}`, now))
      made.push({ id, key, card })
    }
    const members = await this.#domain.members()
    const credentials = new Map(members.map(({ id, credential }) => [toBase64Url(id), credential]))
    const known = made.map((one) => {
      const credential = credentials.get(toBase64Url(one.id))
      if (credential === undefined) throw new Error('whoever was admitted is a member')
      return { ...one, credential }
    })
    for (const { credential, card } of known) {
      await this.#plant.receive(credential)
      await this.#plant.receive(card)
    }
    return known
  }

  async #realReaders(count: number): Promise<ReadonlyMap<string, Endpoint>> {
    const readers = new Map<string, Endpoint>()
    for (let i = 0; i < count; i++) {
      const reader = await this.#member(`real ${i}`)
      const { identity } = reader.parts
      if (identity.credential !== null) await this.#plant.receive(identity.credential)
      await this.#plant.receive(identity.card.bytes)
      readers.set(reader.id, reader)
    }
    return readers
  }

  async #member(name: string, transport?: MemoryTransport): Promise<Endpoint> {
    const key = { keyBytes: crypto.randomBytes(32) }
    const store = sqliteStore(join(this.#folder, `${name}.db`), { key })
    const endpoint = await openEndpoint({
      store,
      crypto,
      name,
      ...(transport === undefined ? {} : { transport }),
    })
    this.#closers.push(
      () => store.close(),
      () => endpoint.close(),
    )
    const wish = await endpoint.enrolment({ name })
    await endpoint.admit(await this.#domain.admit(wish, { produces: ['plant/#'] }))
    return endpoint
  }
}

/** What was sent to inboxes, so that it can be counted and looked at. */
class Inboxes {
  readonly #latest = new Map<string, Uint8Array>()
  #missing = 0
  #wake: (() => void) | undefined

  watch(transport: MemoryTransport): MemoryTransport {
    const send = transport.send.bind(transport)
    transport.send = async (address, payload, options) => {
      const inbox = /\/inbox\/([\w-]+)$/.exec(address)?.[1]
      if (inbox === undefined) return send(address, payload, options)
      this.#latest.set(inbox, payload)
      this.#missing -= 1
      if (this.#missing === 0) this.#wake?.()
    }
    return transport
  }

  /** Resolves when so many more messages were sent. */
  expect(count: number): Promise<void> {
    this.#missing = count
    return new Promise((resolve) => (this.#wake = resolve))
  }

  latest(id: string): Uint8Array {
    const payload = this.#latest.get(id)
    if (payload === undefined) throw new Error('nothing was sent to a reader')
    return payload
  }
}

function enrolment({ id, key }: Pick<Known, 'id' | 'key'>, name: string, now: number): Uint8Array {
  const body = { publicKey: key.publicKey, name, roles: [], produces: [] }
  const envelope = { id: crypto.randomBytes(16), issued: now, expires: now + DAY_SECONDS }
  return signMessage({ type: 'enrol', envelope, body, author: id, key, recipient: null })
}

async function request(
  { id, key, credential, card }: Known,
  producer: { readonly id: Uint8Array; readonly key: KemPublicKey },
  kid: string,
): Promise<Uint8Array> {
  const now = Math.floor(Date.now() / 1000)
  const times = { issued: now, expires: now + HOUR_SECONDS }
  const epoch = Math.floor(now / HOUR_SECONDS)
  const body = {
    kid: fromHex(kid),
    spans: [{ first: epoch, last: 2 ** 32 - 1 }],
    rights: 'read' as const,
    reason: undefined,
  }
  const envelope = { id: crypto.randomBytes(16), ...times, credential, keyCard: card }
  const recipient = producer.id
  const message = signMessage({ type: 'request', envelope, body, author: id, key, recipient })
  return sealMessage(crypto, message, producer)
}

/** One after the other: the median of milliseconds. */
async function taking(
  grants: readonly { readonly reader: Endpoint; readonly grant: Uint8Array }[],
): Promise<number> {
  const times: number[] = []
  for (const { reader, grant } of grants) {
    const started = performance.now()
    await reader.receive(grant)
    times.push(performance.now() - started)
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN
}
