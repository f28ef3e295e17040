// SPDX-License-Identifier: Apache-2.0
/**
 * The whole receiving path against one who is a member and means ill: what a broker carried is
 * changed, signed again by that member, and put on every kind of topic. An endpoint may do what a
 * member may ask of it; but nothing unforeseen may happen to it, and it must work on.
 *
 * @module
 */

import { setImmediate as turn } from 'node:timers/promises'
import type { Endpoint, Producer, WaxwingEvent } from '@waxwing/client'
import {
  memoryBroker,
  memoryTransport,
  seededRandom,
  type MemoryBroker,
} from '@waxwing/client/testing'
import { packMessage, sealMessage, toHex } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { makeTraffic, STREAM, topicsOf } from '../any-bytes.ts'
import { Corpus } from './corpus.ts'
import type { Edges } from './edges.ts'
import { Inputs } from './inputs.ts'
import { memberMessages } from './member-messages.ts'
import type { Signer } from './tree-mutator.ts'

export interface ReceivingReport {
  readonly sent: number
  /** Blocks that ran at least once, in the round in which most did. */
  readonly reached: number
  /** How often each event came. */
  readonly events: Readonly<Record<string, number>>
  readonly problems: readonly string[]
}

export interface ReceivingOptions {
  readonly messages: number
  readonly seed: number
  readonly edges: Edges
  readonly progress?: (line: string) => void
}

/** Messages to one endpoint, before it is shown to work and another one takes its place. */
const ROUND = 1_000
const TAG_SIGN1 = 0xd2
/** Messages of each type, with ids of their own, that changed ones are made from. */
const SEEDS_OF_EACH = 40

export async function runReceiving(options: ReceivingOptions): Promise<ReceivingReport> {
  const { messages, seed, edges, progress = () => undefined } = options
  const random = seededRandom(seed)
  const events: Record<string, number> = {}
  const problems: string[] = []
  let reached = 0
  for (let sent = 0; sent < messages; sent += ROUND) {
    const count = Math.min(ROUND, messages - sent)
    const round = await playRound(count, { random, edges, events })
    reached = Math.max(reached, round.reached)
    problems.push(...round.problems.map((problem) => `seed ${seed}, from ${sent}: ${problem}`))
    progress(`receiving: ${sent + count} of ${messages}, ${problems.length} problems`)
  }
  return { sent: messages, reached, events, problems }
}

interface Playing {
  readonly random: () => number
  readonly edges: Edges
  readonly events: Record<string, number>
}

async function playRound(
  count: number,
  { random, edges, events }: Playing,
): Promise<{ reached: number; problems: readonly string[] }> {
  const broker = memoryBroker()
  const net = {
    transport: async (clientId: string) => memoryTransport(broker, { clientId }),
    carried: () => broker.carried,
  }
  const { plant, desk, domainId, producer } = await makeTraffic(net)
  const { identity } = desk.parts
  const own = toHex(identity.id)
  const to = plant.parts.identity
  const signer: Signer = {
    sign: (author, bytes) => (author === own ? identity.signingKey.sign(bytes) : undefined),
    recipients: [to.id, null],
  }
  const seeds = [
    ...broker.carried.map(({ payload }) => payload),
    ...signer.recipients.flatMap((recipient) => memberMessages(desk, recipient, SEEDS_OF_EACH)),
  ]
  const corpus = new Corpus(seeds, edges)
  const inputs = new Inputs(corpus, { random, signer, structure: true })
  const recipient = { id: to.id, key: to.card.keys[0]! }
  const known = [to.card.bytes, identity.card.bytes]
  const topics = topicsOf(net, plant, domainId)
  const problems: string[] = []
  let input = new Uint8Array()
  const note = (event: WaxwingEvent): void => {
    const name = event.type === 'error' ? `error ${event.error.code}` : event.type
    events[name] = (events[name] ?? 0) + 1
    if (name !== 'error ERR_INTERNAL' || event.type !== 'error') return
    problems.push(`${event.error.stack} caused by ${String(event.error.cause)} at ${toHex(input)}`)
  }
  plant.on('event', note)
  desk.on('event', note)
  for (let i = 0; i < count; i++) {
    input = inputs.next().slice()
    const isSigned = input[0] === TAG_SIGN1
    const isToBeSealed = isSigned && random() < 0.5
    const packed = isSigned && random() < 0.25 ? packMessage(sodiumProvider, input, known) : input
    const sent = isToBeSealed ? await sealMessage(sodiumProvider, packed, recipient) : packed
    corpus.clear()
    broker.inject(topics[Math.floor(random() * topics.length)] ?? STREAM, sent)
    await broker.idle()
    await turn()
    if (corpus.look()) corpus.keep(input)
  }
  problems.push(...(await worksOn(broker, desk, producer)))
  await desk.close()
  await plant.close()
  return { reached: corpus.reached, problems }
}

/** What is published now is opened by who was granted it. */
async function worksOn(
  broker: MemoryBroker,
  desk: Endpoint,
  producer: Producer,
): Promise<readonly string[]> {
  await producer.publish('last')
  const published = broker.carried.findLast(({ address }) => address === STREAM)
  if (published === undefined) return ['nothing is published any more']
  const message = await desk.reader('plant/#', { name: 'after' }).open(published.payload)
  return message.kind === 'message' && message.text() === 'last' ? [] : ['nothing is read any more']
}
