// SPDX-License-Identifier: Apache-2.0
/**
 * The stories that must work, end to end, over every transport (`docs/spec/01-conventions.md`): each
 * is told once and played over the memory broker and over real ones.
 *
 * @module
 */

import { describe, it } from 'vitest'
import { accessLater } from './access-later.js'
import { deviceLost } from './device-lost.js'
import { hostileBroker } from './hostile-broker.js'
import { nothingLeaks } from './nothing-leaks.js'
import { revocation } from './revocation.js'
import { threeDomains } from './three-domains.js'
import { World, type Net } from './world.js'

export { World, Collector, waitFor, waitForEvent, settle, MovableClock, type Net } from './world.js'

const STORIES: readonly (readonly [string, (world: World) => Promise<void>])[] = [
  [
    'distribute first, give access later: a dashboard reads the granted span and no other',
    accessLater,
  ],
  ['a revoked reader keeps what it had and opens nothing sealed after', revocation],
  ['three domains share one broker and see only what is theirs or was granted', threeDomains],
  ['a hostile broker is seen through: every trick is reported as what it is', hostileBroker],
  ['a lost device: its history stays readable, a replacement carries on', deviceLost],
  ['the broker carries neither plaintext, nor key, nor stream name', nothingLeaks],
]

/** Plays every story over one kind of broker. */
export function describeStories(name: string, setup: () => Promise<Net>): void {
  describe(`stories over ${name}`, () => {
    it.each(STORIES)('%s', async (_title, story) => {
      const world = new World(await setup())
      try {
        await story(world)
      } finally {
        await world.close()
      }
    })
  })
}
