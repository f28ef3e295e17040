// SPDX-License-Identifier: Apache-2.0
/**
 * The producer that gets killed: it publishes numbered messages and writes down each that the broker has
 * taken. It is also who decides what its readers may have.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Endpoint, Producer } from '@waxwing/client'
import { WaxwingError, type CounterMode } from '@waxwing/core'
import { serve } from '../worker.ts'
import { placeOf } from './life-log.ts'
import { Life, type LifeSetup } from './life.ts'

export interface ProducerSetup extends LifeSetup {
  readonly stream: string
  readonly epochSeconds: number
  readonly counterMode: CounterMode
  /** The number of this life: the first part of its messages. */
  readonly number: number
  /** So many messages; `allow` says how many more. */
  readonly limit: number
  /** Whether readers are granted what they ask for. */
  readonly grants: boolean
}

/** How often and how many are published at once. */
const BURST_MS = 20
const BURST = 4
const HISTORY_SECONDS = 10 * 365 * 86_400

let life: Life | undefined
let sent = 0
let limit = 0

/** Never resolves: it publishes until it is killed. */
async function run(setup: ProducerSetup): Promise<void> {
  const own = new Life(setup)
  life = own
  limit = setup.limit
  const plant = await own.open()
  if (setup.grants) void own.untilDone(() => grantAll(plant))
  const { stream, epochSeconds, counterMode } = setup
  const choices = { epochSeconds, counterMode }
  const producer = await own.untilDone(() => plant.producer(stream, choices))
  own.begun.resolve()
  for (;;) {
    await sleep(BURST_MS)
    const count = Math.max(0, Math.min(BURST, limit - sent))
    const burst = Array.from({ length: count }, () => `${setup.number}.${sent++}`)
    await Promise.all(burst.map((text) => publish(own, producer, text)))
  }
}

/** Publishes once. Whether a message that failed went out nobody knows. */
async function publish(own: Life, producer: Producer, text: string): Promise<void> {
  try {
    const receipt = await producer.publish(text)
    own.log({ kind: 'published', text, ...placeOf(receipt) })
  } catch (error) {
    own.failed(error)
  }
}

/** What was asked, and what will be. */
async function grantAll(plant: Endpoint): Promise<void> {
  await plant.rules.set({
    id: 'readers',
    streams: '#',
    to: { role: 'reader' },
    historySeconds: HISTORY_SECONDS,
  })
  const terms = { from: new Date(0) }
  for (const { requestId } of await plant.requests()) {
    try {
      await plant.decide(requestId, { kind: 'grant', terms })
    } catch (error) {
      // By the rule, which is set, it may have been granted just now.
      if (!(error instanceof WaxwingError) || error.code !== 'ERR_KEY_UNKNOWN') throw error
    }
  }
}

serve({
  run,
  jump: (offsetMs: number) => life?.jump(offsetMs),
  setFull: (isFull: boolean) => life?.setFull(isFull),
  begun: () => life?.begun.promise,
  allow: (more: number) => {
    limit = sent + more
  },
})
