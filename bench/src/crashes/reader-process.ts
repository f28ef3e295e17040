// SPDX-License-Identifier: Apache-2.0
/**
 * The reader that gets killed: it takes one message at a time, and writes down each before it
 * acknowledges it, when it begins to, and after.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Message } from '@waxwing/client'
import { serve } from '../worker.ts'
import { placeOf } from './life-log.ts'
import { Life, type LifeSetup } from './life.ts'

export interface ReaderSetup extends LifeSetup {
  readonly filter: string
  readonly order: 'arrival' | 'session'
}

/** What the application does with a message takes a while, in which it can be killed. */
const HANDLING_MS = 2

let life: Life | undefined

/** Never resolves: it reads until it is killed. */
async function run(setup: ReaderSetup): Promise<void> {
  const own = new Life(setup)
  life = own
  const desk = await own.open()
  await own.untilDone(async () => {
    const reader = desk.reader(setup.filter, { order: setup.order })
    try {
      // Not waited for: what the broker has for it may come before its answer, and has to be taken.
      reader.start().then(own.begun.resolve, () => undefined)
      for await (const message of reader) await take(own, message)
    } finally {
      await reader.close({ keepSubscription: true })
    }
  })
}

async function take(own: Life, message: Message): Promise<void> {
  const place = placeOf(message.receipt)
  const { redelivered } = message
  const text = message.text()
  own.log({ kind: 'handed-over', redelivered, text, ...place })
  await sleep(HANDLING_MS)
  await own.untilDone(async () => {
    own.log({ kind: 'acknowledging', ...place })
    await message.acknowledge()
  })
  own.log({ kind: 'acknowledged', ...place })
}

serve({
  run,
  begun: () => life?.begun.promise,
  jump: (offsetMs: number) => life?.jump(offsetMs),
  setFull: (isFull: boolean) => life?.setFull(isFull),
})
