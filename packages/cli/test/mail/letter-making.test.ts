// SPDX-License-Identifier: Apache-2.0
import { memoryStore, openEndpoint } from '@waxwing/client'
import { fixedClock } from '@waxwing/client/testing'
import { decodeObject, epochStartMs } from '@waxwing/core'
import { expect, it } from 'vitest'
import { SealedLetter } from '../../src/mail/letter-making.js'
import { Output } from '../../src/output.js'

const sink = { write: () => true }

it('a grant in a mail covers the epochs of what the mail holds, whatever the clock says', async () => {
  const store = memoryStore()
  const end = epochStartMs(500_000, 3600)
  const epochs: number[] = []
  // Shortly before an epoch ends, a process prepares the next one: who comes then seals in that.
  for (const [index, seconds] of [50, 40, 30, 20].entries()) {
    const clock = fixedClock(end - seconds * 1000)
    const endpoint = await openEndpoint({ store, clock })
    const producer = await endpoint.producer('plant/1')
    const output = new Output({ json: false, quiet: true, stdout: sink, stderr: sink })
    const letter = new SealedLetter(producer, output, new AbortController().signal)
    await letter.seal({ files: [], message: Uint8Array.of(index), contentType: undefined })
    const [{ payload } = { payload: new Uint8Array() }] = letter.items
    const { from, until } = await letter.grant(endpoint, [], {})
    const { epoch } = decodeObject(payload)
    epochs.push(epoch)
    expect(from?.getTime()).toBe(epochStartMs(epoch, 3600))
    expect(until?.getTime()).toBe(epochStartMs(epoch, 3600))
    await new Promise((resolve) => setTimeout(resolve, 100)) // the next epoch is prepared meanwhile
    await endpoint.close()
  }
  expect(epochs.at(-1)).toBe(500_000)
})
