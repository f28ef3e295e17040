// SPDX-License-Identifier: Apache-2.0
/**
 * Where the story plays: one organisation with a thermometer, a broker that nobody has to trust, and
 * those who would like to read. Real MQTT clients, on loopback.
 *
 * @module
 */

import {
  Domain,
  memoryStore,
  openEndpoint,
  type Decision,
  type IncomingRequest,
  type Producer,
} from '@waxwing/client'
import { CONTROL_PREFIX, toHex } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { Actor } from './actor.js'
import { comesTrue, NotAsTold } from './claims.js'
import { EmbeddedBroker, type Carried } from './embedded-broker.js'
import type { Text } from './layout.js'
import { eventWords, openedWords, shownReading } from './plain-words.js'
import type { ReaderCell, Screen } from './screen.js'
import { StoryClock } from './story-clock.js'
import { decoded, wireView } from './wire-view.js'

/** The stream, and the topic under which it is published. */
export const STREAM = 'plant/1/temperature'
export const FILTER = 'plant/+/temperature'

const BETWEEN_READINGS_MS = 20_000

/** What was published: what went in, and what the broker got. */
export interface Reading {
  readonly celsius: number
  readonly text: string
  readonly object: Carried
  readonly receipt: Awaited<ReturnType<Producer['publish']>>
}

interface World {
  readonly broker: EmbeddedBroker
  readonly clock: StoryClock
  readonly domain: Domain
  readonly open: AsyncDisposableStack
}

/** Who is listening, and what comes of it. */
export type Expected = readonly (readonly [Actor, 'opened' | 'parked'])[]

export class Stage {
  readonly screen: Screen
  readonly broker: EmbeddedBroker
  readonly clock: StoryClock
  readonly readings: Reading[] = []
  readonly thermometer: Actor
  readonly producer: Producer
  readonly #world: World

  /** Sets the stage. Whatever it opens, now and later, is closed with `open`. */
  static async set(screen: Screen, open: AsyncDisposableStack): Promise<Stage> {
    const broker = open.use(await EmbeddedBroker.start())
    const clock = new StoryClock(new Date())
    clock.set(-2, 9)
    // One who can re-open everything after a loss is left out here: the guide has it.
    const domain = await Domain.create({
      store: memoryStore(),
      clock,
      name: 'plant',
      recovery: false,
    })
    const world = { broker, clock, domain, open }
    const thermometer = await admit(world, 'thermometer', [STREAM])
    const producer = await thermometer.endpoint.producer(STREAM)
    return new Stage(screen, world, thermometer, producer)
  }

  private constructor(screen: Screen, world: World, thermometer: Actor, producer: Producer) {
    this.screen = screen
    this.broker = world.broker
    this.clock = world.clock
    this.thermometer = thermometer
    this.producer = producer
    this.#world = world
  }

  /** Somebody of the same organisation who would like to read. */
  async reader(name: string, reason: string): Promise<Actor> {
    const actor = await admit(this.#world, name, [])
    await actor.read(FILTER, reason)
    return actor
  }

  /**
   * Decides what somebody asked for, as the owner: a person.
   *
   * @returns What the broker carried to whoever asked.
   */
  async decide(asker: Actor, choose: (request: IncomingRequest) => Decision): Promise<Carried> {
    const { endpoint } = this.thermometer
    const mark = this.broker.carried.length
    const waiting = await endpoint.requests()
    const request = waiting.findLast(({ principal }) => principal.id === asker.endpoint.id)
    if (request === undefined) throw new NotAsTold(`the ${asker.name} asked`, 'no request waits')
    await endpoint.decide(request.requestId, choose(request))
    return this.carriedSince(mark, inboxOf(asker))
  }

  /** Publishes a reading, and shows what becomes of it. */
  async publish(celsius: number, expected: Expected): Promise<Reading> {
    const reading = await this.send(celsius)
    const readers: ReaderCell[] = []
    for (const [actor, outcome] of expected) {
      const lines =
        outcome === 'opened'
          ? openedWords(await actor.opens(reading.receipt))
          : eventWords(await actor.parks(reading.receipt))
      readers.push({ who: actor.name, lines })
    }
    await this.showReading(reading, readers)
    return reading
  }

  showReading({ text, object }: Reading, readers: readonly ReaderCell[]): Promise<void> {
    const what = `The thermometer publishes ${shownReading(text)}.`
    return this.show(what, { broker: object, readers })
  }

  /** Publishes a reading, and shows nothing. */
  async send(celsius: number): Promise<Reading> {
    this.clock.move(BETWEEN_READINGS_MS)
    const text = JSON.stringify({ celsius })
    const { broker, producer } = this
    const receipt = await producer.publish(text, { contentType: 'application/json' })
    const { session, counter } = receipt
    const object = await comesTrue(
      'the broker carries what was published',
      () =>
        broker.carried.find(({ payload }) => {
          const frame = decoded(payload)
          return frame?.counter === counter && toHex(frame.session) === session
        }),
      () => `${broker.carried.length} messages carried`,
    )
    const reading = { celsius, text, object, receipt }
    this.readings.push(reading)
    return reading
  }

  /** Shows one thing that happened. */
  show(
    what: string,
    { broker, readers }: { broker: Carried | readonly Text[]; readers: readonly ReaderCell[] },
  ): Promise<void> {
    const seen = 'payload' in broker ? wireView(broker) : broker
    return this.screen.row({ when: this.clock.shown, what, broker: seen, readers })
  }

  /** The first message since `mark` at a topic that begins so. */
  carriedSince(mark: number, topicBegins: string): Promise<Carried> {
    const { carried } = this.broker
    return comesTrue(
      `the broker carries a message to ${topicBegins}`,
      () => carried.slice(mark).find(({ topic }) => topic.startsWith(topicBegins)),
      () =>
        `it carried ${
          carried
            .slice(mark)
            .map(({ topic }) => topic)
            .join(' ') || 'nothing'
        }`,
    )
  }
}

/** Where the broker keeps what is addressed to somebody. */
export function inboxOf({ endpoint }: Actor): string {
  return `${CONTROL_PREFIX}inbox/${endpoint.id}`
}

/** A principal of the organisation: keys of its own, and a credential by the organisation's anchor. */
async function admit(
  { broker, clock, domain, open }: World,
  name: string,
  produces: readonly string[],
): Promise<Actor> {
  const transport = mqttTransport({ url: broker.url, protocolVersion: 4 })
  const store = memoryStore()
  const options = { store, transport, clock, name, announce: true }
  const endpoint = open.use(await openEndpoint(options))
  const admission = await domain.admit(await endpoint.enrolment({ name }), { produces })
  await endpoint.admit(admission, { domainId: domain.id })
  return new Actor(name, endpoint)
}
