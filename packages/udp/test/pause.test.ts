// SPDX-License-Identifier: Apache-2.0
/** Waiting that a signal ends. */
import { getEventListeners } from 'node:events'
import { expect, it } from 'vitest'
import { pause } from '../src/pause.ts'

it('leaves nothing with a signal that lives as long as the transport', async () => {
  const { signal } = new AbortController()
  await Promise.all(Array.from({ length: 20 }, () => pause(1, signal)))
  expect(getEventListeners(signal, 'abort')).toEqual([])
})

it('ends at once with its signal', async () => {
  const ending = new AbortController()
  const waiting = pause(1e9, ending.signal)
  ending.abort()
  await expect(waiting).resolves.toBeUndefined()
  await expect(pause(1e9, ending.signal)).resolves.toBeUndefined()
})
