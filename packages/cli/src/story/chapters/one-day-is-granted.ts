// SPDX-License-Identifier: Apache-2.0
/**
 * Chapter 2: give access later, to a span of the past.
 *
 * @module
 */

import { isControlAddress } from '@waxwing/core'
import type { Actor } from '../actor.js'
import { comesTrue, holds, quiet } from '../claims.js'
import type { Carried } from '../embedded-broker.js'
import type { Text } from '../layout.js'
import { openedWords, shownReading } from '../plain-words.js'
import type { Stage } from '../stage.js'
import { formatDay } from '../story-clock.js'

const GRANTED_DAY = -1

export async function oneDayIsGranted(stage: Stage, dashboard: Actor): Promise<void> {
  const { screen, clock, broker } = stage
  clock.set(0, 10)
  const [from, until] = [clock.at(GRANTED_DAY, 0), clock.at(GRANTED_DAY, 23, 59)]
  const day = formatDay(from)
  await screen.chapter(
    `2. The owner grants one day of the past: ${day}`,
    'A grant is a few keys for a span of time, however many messages lie in it. Nothing is' +
      ' encrypted again, and nothing is sent again: the dashboard has the objects already.',
  )
  const mark = broker.carried.length
  const grant = await stage.decide(dashboard, (request) => request.grant({ from, until }))
  await showGrant(stage, dashboard, grant, day)

  const wanted = stage.readings.slice(2, 4).map(({ text }) => text)
  const texts = dashboard.opened.map((message) => message.text())
  const parked = await dashboard.parkedCount()
  const claim = `The dashboard opened exactly the two readings of ${day}; the other four stay shut.`
  const found = `opened ${texts.map(shownReading).join(', ') || 'none'}; ${parked} parked`
  holds(claim, texts.join() === wanted.join() && parked === 4, found)
  await screen.checked(claim)

  const sent = broker.carried.slice(mark).filter(({ topic }) => !isControlAddress(topic))
  const again = 'No reading was sent a second time: a grant is enough.'
  holds(again, sent.length === 0, `${sent.length} other messages`)
  await screen.checked(again)
}

async function showGrant(
  stage: Stage,
  dashboard: Actor,
  grant: Carried,
  day: string,
): Promise<void> {
  await dashboard.event('grant')
  await comesTrue(
    `the dashboard opens what was published on ${day}`,
    () => (dashboard.opened.length >= 2 ? true : undefined),
    () => `${dashboard.opened.length} opened`,
  )
  await quiet() // anything else that this grant opened would come now
  const lines: Text[] = [
    { text: `granted: ${day}`, tone: 'strong' },
    ...dashboard.opened.flatMap(openedWords),
    { text: `still parked: ${await dashboard.parkedCount()}`, tone: 'waiting' },
  ]
  await stage.show(`The owner lets the dashboard read ${day}.`, {
    broker: grant,
    readers: [{ who: dashboard.name, lines }],
  })
}
