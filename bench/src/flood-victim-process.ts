// SPDX-License-Identifier: Apache-2.0
/**
 * Who is flooded: an endpoint that produces and answers requests, and another one that reads, in one
 * process whose memory is watched.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import {
  memoryStore,
  openEndpoint,
  type Endpoint,
  type Producer,
  type Reader,
} from '@waxwing/client'
import { mqttTransport } from '@waxwing/mqtt'
import { serve } from './worker.ts'

export interface VictimState {
  readonly published: number
  /** Of the published ones, those that the reading endpoint opened. */
  readonly opened: number
  /** Control messages that were refused, one event each. */
  readonly refused: number
  /** Control messages that were given up because there were too many. */
  readonly dropped: number
  /** Objects that were refused, and parked, and given up again. */
  readonly notAuthentic: number
  readonly parked: number
  readonly evicted: number
  /** Errors that no caller saw. */
  readonly errors: readonly string[]
  /** Now, and the most ever. */
  readonly memoryMiB: number
  readonly peakMiB: number
}

const STREAM = 'plant/1/level'
const PUBLISH_MS = 20

const endpoints: Endpoint[] = []
const seen = { published: 0, opened: 0, refused: 0, dropped: 0 }
const data = { notAuthentic: 0, parked: 0, evicted: 0 }
const errors: string[] = []

/** Opens both. @returns What the domain needs to admit them. */
async function open(url: string): Promise<Uint8Array[]> {
  for (const name of ['plant', 'desk']) {
    const endpoint = await openEndpoint({
      store: memoryStore(),
      transport: mqttTransport({ url, clientId: name }),
      name,
      decide: (request) => request.grant(),
    })
    count(endpoint)
    endpoints.push(endpoint)
  }
  return Promise.all(endpoints.map((endpoint) => endpoint.enrolment()))
}

/** Begins to publish and to read. @returns One object, as the broker carries it. */
async function start(admissions: readonly Uint8Array[]): Promise<Uint8Array> {
  const [plant, desk] = endpoints
  if (plant === undefined || desk === undefined) throw new TypeError('open comes first')
  for (const [i, admission] of admissions.entries()) await endpoints[i]?.admit(admission)
  const reader = desk.reader('plant/#')
  await reader.start() // what is published from now on comes
  void readAll(reader)
  const producer = await plant.producer(STREAM)
  const first = producer.seal('the first')
  void publishOn(producer)
  return first
}

/** Waits for nothing: the broker's answers come behind what the flood sends us. */
async function publishOn(producer: Producer): Promise<never> {
  for (;;) {
    producer.publish('genuine').then(
      () => seen.published++,
      (error: unknown) => errors.push(String(error)),
    )
    await sleep(PUBLISH_MS)
  }
}

async function readAll(reader: Reader): Promise<void> {
  for await (const message of reader) {
    seen.opened++
    void message.acknowledge()
  }
}

function count(endpoint: Endpoint): void {
  endpoint.on('event', (event) => {
    if (event.type === 'control-refused') seen.refused++
    else if (event.type === 'overload') seen.dropped += event.dropped
    else if (event.type === 'not-authentic') data.notAuthentic++
    else if (event.type === 'parked') data.parked++
    else if (event.type === 'evicted') data.evicted++
    else if (event.type === 'error' && errors.length < 20) errors.push(event.error.message)
  })
}

function state(): VictimState {
  const memoryMiB = process.memoryUsage.rss() / 2 ** 20
  return { ...seen, ...data, errors, memoryMiB, peakMiB: process.resourceUsage().maxRSS / 1024 }
}

serve({ open, start, state })
