// SPDX-License-Identifier: Apache-2.0
/**
 * Chapter 3: who has the bytes has nothing yet.
 *
 * @module
 */

import type { Actor } from '../actor.js'
import { holds, quiet } from '../claims.js'
import { eventWords } from '../plain-words.js'
import type { Stage } from '../stage.js'

export async function somebodyIsDenied(stage: Stage, dashboard: Actor): Promise<void> {
  const { screen, clock, thermometer } = stage
  clock.set(0, 11)
  await screen.chapter(
    '3. Somebody else asks, and is told no',
    'A visitor subscribes too; nobody stops it at the broker, and nobody has to. It gets the same' +
      ' bytes and asks for a key. An owner never answers with silence: it says no, and proves that' +
      ' it is the one who may say so.',
  )
  const visitor = await stage.reader('visitor', 'just curious')
  await stage.publish(18.9, [
    [dashboard, 'parked'],
    [visitor, 'parked'],
  ])
  await thermometer.event('request', 0, ({ name }) => name === visitor.name)
  const mark = visitor.events.length
  const denial = await stage.decide(visitor, (request) => request.deny('not-authorized'))
  const told = await visitor.event('denial', mark, ({ code }) => code === 'not-authorized')
  await stage.show('The visitor asks, and the owner says no.', {
    broker: denial,
    readers: [{ who: visitor.name, lines: eventWords(told) }],
  })
  await quiet()
  const claim = 'The visitor knows that it was refused, and opened nothing.'
  holds(claim, visitor.opened.length === 0, `${visitor.opened.length} opened`)
  await screen.checked(claim)
  await visitor.endpoint.close()
}
