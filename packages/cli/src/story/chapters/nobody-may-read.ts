// SPDX-License-Identifier: Apache-2.0
/**
 * Chapter 1: distribute first.
 *
 * @module
 */

import { requestAddress } from '@waxwing/core'
import type { Actor } from '../actor.js'
import { holds } from '../claims.js'
import { FILTER, type Stage } from '../stage.js'
import { decoded } from '../wire-view.js'

const REASON = 'to show it on the wall'
const THREE_DAYS: readonly (readonly [day: number, celsius: readonly number[]])[] = [
  [-2, [19.8, 20.1]],
  [-1, [22.4, 22.9]],
  [0, [18.3, 18.7]],
]

/** @returns The dashboard, which has six objects and no key. */
export async function nobodyMayRead(stage: Stage): Promise<Actor> {
  const { screen, clock } = stage
  await screen.chapter(
    '1. A thermometer publishes, and nobody may read it yet',
    'It seals each reading once, without knowing who will ever read it. The broker sees a topic, a' +
      ' size, which key (kid) and which hour (epoch); the rest is noise to it. The dashboard gets' +
      ' the same bytes: it parks them, and asks.',
  )
  const dashboard = await stage.reader('dashboard', REASON)
  for (const [day, celsius] of THREE_DAYS) {
    for (const [index, value] of celsius.entries()) {
      clock.set(day, 9, index * 4)
      await stage.publish(value, [[dashboard, 'parked']])
      if (stage.readings.length === 1) await showRequest(stage, dashboard)
    }
  }
  const parked = await dashboard.parkedCount()
  const claim = 'Six readings over three days: the dashboard holds all of them and opened none.'
  const found = `${parked} parked, ${dashboard.opened.length} opened`
  holds(claim, parked === 6 && dashboard.opened.length === 0, found)
  await screen.checked(claim)
  return dashboard
}

async function showRequest(stage: Stage, dashboard: Actor): Promise<void> {
  await dashboard.event('requested')
  const [first] = stage.readings
  const kid = first && decoded(first.object.payload)?.kid
  if (kid === undefined) throw new TypeError(`nothing was published for ${FILTER}`)
  const request = await stage.carriedSince(0, requestAddress(kid))
  await stage.thermometer.event('request')
  await stage.show(
    'The dashboard asks, through the broker. The owner of the thermometer may take time.',
    {
      broker: request,
      readers: [{ who: dashboard.name, lines: [{ text: `asks, ${REASON}`, tone: 'waiting' }] }],
    },
  )
}
