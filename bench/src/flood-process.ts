// SPDX-License-Identifier: Apache-2.0
/**
 * The flood: junk and forgeries, at a rate, by a plain MQTT client that has no key at all.
 *
 * @module
 */

import { randomBytes, randomInt } from 'node:crypto'
import mqtt, { type MqttClient } from 'mqtt'
import { serve } from './worker.ts'

export interface FloodSetup {
  readonly url: string
  /** Where requests go, and where objects go. */
  readonly requestTopic: string
  readonly dataTopic: string
  /** What somebody lawful sent: to be forged. */
  readonly request: Uint8Array
  readonly object: Uint8Array
  /** Where the kid stands in the object. */
  readonly kidAt: number
}

/** How many of each are sent each second. */
export interface FloodRates {
  /** Bytes that are no control message, to the topic of requests. */
  readonly malformed: number
  /** Whole requests whose signature is random. */
  readonly forged: number
  /** Whole objects under kids of their own, under eight made-up ones, and under the stream's own. */
  readonly strangeKids: number
  readonly repeatedKids: number
  readonly copiedKids: number
}

/** How many of each were sent. */
export type FloodSent = { -readonly [K in keyof FloodRates]: number } & { seconds: number }

const TICK_MS = 10
const SIGNATURE_BYTES = 64
const KID_BYTES = 8
const NONE: FloodRates = { malformed: 0, forged: 0, strangeKids: 0, repeatedKids: 0, copiedKids: 0 }
const REPEATED_KIDS: readonly Uint8Array[] = Array.from({ length: 8 }, () => randomBytes(KID_BYTES))
const sent: FloodSent = { ...NONE, seconds: 0 }
/** What was not sent yet, in parts of a message. */
const due: { -readonly [K in keyof FloodRates]: number } = { ...NONE }
let client: MqttClient | undefined
let timer: ReturnType<typeof setInterval> | undefined
let startedAt = 0
let pouredAt = 0
let rates: FloodRates | undefined

async function start(setup: FloodSetup): Promise<void> {
  client = await mqtt.connectAsync(setup.url, { protocolVersion: 5 })
  startedAt = performance.now()
  timer = setInterval(() => pour(setup), TICK_MS)
}

function setRates(wanted: FloodRates): void {
  rates = wanted
  pouredAt = performance.now()
}

async function stop(): Promise<FloodSent> {
  clearInterval(timer)
  const seconds = (performance.now() - startedAt) / 1000
  await client?.endAsync()
  return { ...sent, seconds }
}

/** Sends what is due since the last time; a process that was held up does not make up for it. */
function pour({ requestTopic, dataTopic, request, object, kidAt }: FloodSetup): void {
  if (rates === undefined) return
  const now = performance.now()
  const seconds = Math.min(0.1, (now - pouredAt) / 1000)
  pouredAt = now
  const junk = (kid?: Uint8Array): Uint8Array => {
    const copy = withRandom(object, object.length - 32)
    if (kid !== undefined) copy.set(kid, kidAt)
    return copy
  }
  const makers: Readonly<Record<keyof FloodRates, () => Pair>> = {
    malformed: () => [requestTopic, malformed(request)],
    forged: () => [requestTopic, withRandom(request, request.length - SIGNATURE_BYTES)],
    strangeKids: () => [dataTopic, junk(randomBytes(KID_BYTES))],
    repeatedKids: () => [dataTopic, junk(REPEATED_KIDS[randomInt(REPEATED_KIDS.length)])],
    copiedKids: () => [dataTopic, junk()],
  }
  for (const [kind, make] of Object.entries(makers) as [keyof FloodRates, () => Pair][]) {
    due[kind] += seconds * rates[kind]
    for (; due[kind] >= 1; due[kind]--) {
      const [topic, payload] = make()
      client?.publish(topic, Buffer.from(payload))
      sent[kind]++
    }
  }
}

type Pair = readonly [topic: string, payload: Uint8Array]

/** Random bytes, a part of something whole, or something whole with one byte changed. */
function malformed(whole: Uint8Array): Uint8Array {
  const kind = randomInt(3)
  if (kind === 0) return randomBytes(randomInt(400))
  if (kind === 1) return whole.subarray(0, randomInt(whole.length))
  return withRandom(whole, randomInt(4), 1)
}

function withRandom(bytes: Uint8Array, at: number, count = bytes.length - at): Uint8Array {
  const copy = bytes.slice()
  copy.set(randomBytes(count), at)
  return copy
}

serve({ start, setRates, stop })
