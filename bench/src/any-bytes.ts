// SPDX-License-Identifier: Apache-2.0
/**
 * Any bytes on any topic: an endpoint that produces, reads and answers is sent whatever there is, on
 * the topics of objects, requests, inbox and trust, one at a time. Each must leave exactly one
 * event that says what was wrong.
 *
 * A control message that was handled is different: sent again it is only answered again, which no
 * event tells, and a changed copy of it is refused. What is sent behind it and surely refused (the
 * fence) tells when it was dealt with, so that its event is not taken for that of the next bytes.
 *
 * @module
 */

import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises'
import { Domain, memoryStore, openEndpoint, type Endpoint, type Producer } from '@waxwing/client'
import { seededRandom } from '@waxwing/client/testing'
import {
  decodeMessage,
  decodeObject,
  decodeStatement,
  fromBase64Url,
  inboxAddress,
  messageKey,
  requestAddress,
  trustAddress,
  type Transport,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { Mutator } from './mutator.ts'

/** A broker that can be reached, and what it carried. */
export interface Net {
  transport(clientId: string): Promise<Transport>
  carried(): readonly { readonly address: string; readonly payload: Uint8Array }[]
}

export interface AnyBytesReport {
  readonly sent: number
  /**
   * Those that bear author and id of a message that was carried, and objects that were sent before: at
   * most one event each.
   */
  readonly repeated: number
  /** How often each event came. */
  readonly events: Readonly<Record<string, number>>
  /** What was sent and did not leave exactly one event. */
  readonly problems: readonly string[]
}

/** The events of which one is due. What follows from it (asking, giving up) is not counted. */
const VERDICTS: ReadonlySet<string> = new Set([
  'malformed',
  'not-authentic',
  'parked',
  'refused',
  'duplicate',
  'conflict',
  'moved',
  'control-refused',
])
/** The name that is produced. */
export const STREAM = 'plant/1/level'
const WAIT_MS = 5_000
/** Messages between two words of progress. */
const TELL_AFTER = 5_000

export async function runAnyBytes(
  net: Net,
  count: number,
  seed: number,
  progress: (line: string) => void = () => undefined,
): Promise<AnyBytesReport> {
  const { plant, desk, domainId } = await makeTraffic(net)
  const mallory = await net.transport('mallory')
  const random = seededRandom(seed)
  const mutator = new Mutator(
    net.carried().map(({ payload }) => payload),
    random,
  )
  const topics = topicsOf(net, plant, domainId)
  const events: Record<string, number> = {}
  const problems: string[] = []
  const isRepetition = repetitionsOf(net)
  /** Objects that were sent here, in hex: what is parked already is not parked again. */
  const objects = new Set<string>()
  const fence = fenceOf(net, domainId)
  let repeated = 0
  let isFenced = false
  let seen: string[] = []
  plant.on('event', (event) => {
    if (event.type === 'control-refused' && event.address === fence.address) isFenced = true
    else if (VERDICTS.has(event.type)) seen.push(event.type)
  })
  const untilRepetitionIsDone = async (): Promise<void> => {
    isFenced = false
    await mallory.send(fence.address, fence.payload)
    await untilSaid(() => isFenced)
    if (!isFenced) problems.push(`seed ${seed}: the fence was not refused`)
  }
  for (let i = 0; i < count; i++) {
    if (i > 0 && i % TELL_AFTER === 0) {
      progress(`any bytes: ${i} of ${count}, ${problems.length} problems`)
    }
    const topic = topics[Math.floor(random() * topics.length)] ?? STREAM
    const bytes = mutator.next()
    const isRepeated = topic !== STREAM && isRepetition(bytes)
    const hex = Buffer.from(bytes).toString('hex')
    const isSame = topic === STREAM && objects.has(hex)
    if (topic === STREAM) objects.add(hex)
    seen = []
    await mallory.send(topic, bytes)
    if (isRepeated) await untilRepetitionIsDone()
    else await untilSaid(() => seen.length > 0)
    if (isRepeated || isSame) repeated++
    for (const type of seen) events[type] = (events[type] ?? 0) + 1
    if (seen.length === 1 || ((isRepeated || isSame) && seen.length === 0)) continue
    const what = `${topic}: ${hex.slice(0, 400)}`
    problems.push(`seed ${seed}, ${i}: ${seen.length === 0 ? 'nothing' : seen.join()} for ${what}`)
  }
  await desk.close()
  await plant.close()
  await mallory.close()
  return { sent: count, repeated, events, problems }
}

export interface Traffic {
  readonly plant: Endpoint
  readonly desk: Endpoint
  readonly producer: Producer
  readonly domainId: Uint8Array
}

/** Somebody produces, somebody asks and is granted: the broker carries one of everything. */
export async function makeTraffic(net: Net): Promise<Traffic> {
  const domain = await Domain.create({ store: memoryStore(), name: 'plant', recovery: false })
  const open = async (name: string): Promise<Endpoint> => {
    const endpoint = await openEndpoint({
      store: memoryStore(),
      transport: await net.transport(name),
      name,
      announce: true,
      decide: (request) => request.grant(),
    })
    await endpoint.admit(await domain.admit(await endpoint.enrolment(), { produces: ['plant/#'] }))
    return endpoint
  }
  const [plant, desk] = [await open('plant'), await open('desk')]
  const trust = trustAddress(domain.id)
  const owner = await net.transport('owner')
  await owner.send(trust, domain.bundle)
  await owner.close()
  const reader = desk.reader('plant/#')
  const producer = await plant.producer(STREAM)
  await producer.publish('first', { retained: true }) // whenever the reader has subscribed
  for await (const message of reader) {
    await message.acknowledge()
    break
  }
  // Own streams, and whatever else comes under the pattern.
  const own = plant.reader('plant/#')
  await own[Symbol.asyncIterator]().next() // what is retained: it is subscribed
  await sleep(200)
  return { plant, desk, producer, domainId: domain.id }
}

/** A topic of each kind: of objects, requests, inbox and trust. */
export function topicsOf(net: Net, plant: Endpoint, domainId: Uint8Array): string[] {
  const object = net.carried().find(({ address }) => address === STREAM)
  const id = fromBase64Url(plant.id)
  if (object === undefined || id === undefined) throw new Error('there was no traffic')
  const { kid } = decodeObject(object.payload)
  return [STREAM, requestAddress(kid), inboxAddress(id), trustAddress(domainId)]
}

/** Tells what bears author and id of a message that the broker carried, whatever else was changed. */
function repetitionsOf(net: Net): (bytes: Uint8Array) => boolean {
  const keyOf = (bytes: Uint8Array): string | undefined => {
    try {
      return messageKey(decodeMessage(sodiumProvider, bytes))
    } catch {
      return undefined
    }
  }
  const keys = new Set(net.carried().map(({ payload }) => keyOf(payload)))
  return (bytes) => {
    const key = keyOf(bytes)
    return key !== undefined && keys.has(key)
  }
}

/** A credential with a signature that is wrong: it goes the way of all control messages. */
function fenceOf(net: Net, domainId: Uint8Array): { address: string; payload: Uint8Array } {
  const credential = net.carried().find(({ payload }) => isCredential(payload))
  if (credential === undefined) throw new Error('nobody announced itself')
  const payload = Uint8Array.from(credential.payload)
  payload[payload.length - 1]! ^= 1
  return { address: `${trustAddress(domainId)}/fence`, payload }
}

function isCredential(bytes: Uint8Array): boolean {
  try {
    return decodeStatement(bytes).type === 'credential'
  } catch {
    return false
  }
}

/** Waits for what is said, and for a second word that must not come. */
async function untilSaid(isSaid: () => boolean): Promise<void> {
  const deadline = performance.now() + WAIT_MS
  while (!isSaid() && performance.now() < deadline) await sleep(1)
  for (let i = 0; i < 3; i++) await turn()
}
