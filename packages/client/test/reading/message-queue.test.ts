// SPDX-License-Identifier: Apache-2.0
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, expect, it } from 'vitest'
import { MessageQueue } from '../../src/reading/message-queue.js'
import { InFlight } from '../../src/reading/seen-session.js'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void
afterAll(() => setFlagsFromString('--no-expose-gc'))

function entry(counter: number): InFlight {
  const nothing = { session: undefined, generation: undefined, digest: new Uint8Array(0) }
  return new InFlight({ ...nothing, counter, isRecorded: false })
}

/** Takes messages and puts in as many, so that it is never empty. */
function goThrough(queue: MessageQueue, count: number): readonly WeakRef<InFlight>[] {
  const taken: WeakRef<InFlight>[] = []
  for (let i = 0; i < count; i++) {
    queue.push(entry(i + 3))
    const one = queue.take()
    expect(one?.counter).toBe(i)
    if (one !== undefined) taken.push(new WeakRef(one))
  }
  return taken
}

it('lets go of messages that were taken, also where others always wait', async () => {
  const queue = new MessageQueue()
  for (let i = 0; i < 3; i++) queue.push(entry(i))
  const taken = goThrough(queue, 200)
  await new Promise((resolve) => setImmediate(resolve)) // weak references hold until the turn is over
  collect()
  expect(taken.filter((one) => one.deref() !== undefined)).toHaveLength(0)
  expect([queue.take(), queue.take(), queue.take()].map((one) => one?.counter)).toEqual([
    200, 201, 202,
  ])
  expect(queue.take()).toBeUndefined()
})
