// SPDX-License-Identifier: Apache-2.0
/**
 * Chapter 5: the broker does what a broker in other hands could do.
 *
 * @module
 */

import type { WaxwingEvent } from '@waxwing/client'
import { utf8 } from '@waxwing/core'
import type { Actor } from '../actor.js'
import { holds, quiet } from '../claims.js'
import type { Carried } from '../embedded-broker.js'
import type { Text } from '../layout.js'
import { eventWords, openedWords } from '../plain-words.js'
import { STREAM, type Reading, type Stage } from '../stage.js'
import { wireView } from '../wire-view.js'

const OTHER_TOPIC = 'plant/2/temperature'

interface Scene {
  readonly stage: Stage
  readonly dashboard: Actor
}

export async function theBrokerTurns(stage: Stage, dashboard: Actor): Promise<void> {
  await stage.screen.chapter(
    '5. The broker turns against them',
    'Now it replays, drops, reorders, tampers, moves and invents. It can do that to any bytes, and' +
      ' the dashboard cannot prevent it. It can tell, each time, what happened.',
  )
  const scene = { stage, dashboard }
  const opened = dashboard.opened.length
  await replays(scene)
  await drops(scene)
  await reorders(scene)
  await tampers(scene)
  await moves(scene)
  await invents(scene)
  await stage.publish(25.0, [[dashboard, 'opened']])
  await quiet()
  const texts = dashboard.opened.slice(opened).map((message) => message.text())
  const wanted = [24.0, 24.2, 24.4, 24.3, 25.0].map((celsius) => JSON.stringify({ celsius }))
  const claim =
    'Six tricks, six reports of what each one was; only genuine readings were opened, each once.'
  holds(claim, texts.join() === wanted.join(), `opened ${texts.join(' ')}`)
  await stage.screen.checked(claim)
}

async function replays(scene: Scene): Promise<void> {
  const { object } = await scene.stage.publish(24.0, [[scene.dashboard, 'opened']])
  await trick(scene, 'duplicate', 'It replays the same message.', object)
}

async function drops(scene: Scene): Promise<void> {
  const [dropped, next] = await takes(scene.stage, 24.1, 24.2)
  const lines = [...(await provokes(scene, 'gap', next.object)), ...(await opens(scene, next))]
  await scene.stage.show('It drops one message, and passes on the next.', {
    broker: [
      { text: `dropped: number ${dropped.receipt.counter}`, tone: 'bad' },
      ...wireView(next.object),
    ],
    readers: [{ who: scene.dashboard.name, lines }],
  })
}

async function reorders(scene: Scene): Promise<void> {
  const [first, second] = await takes(scene.stage, 24.3, 24.4)
  for (const [reading, event, what] of [
    [second, 'gap', 'Of two messages, it passes on the later one first.'],
    [first, 'gap-filled', 'Then the earlier one.'],
  ] as const) {
    const told = await provokes(scene, event, reading.object)
    const lines = [...told, ...(await opens(scene, reading))]
    const readers = [{ who: scene.dashboard.name, lines }]
    await scene.stage.show(what, { broker: reading.object, readers })
  }
}

async function tampers(scene: Scene): Promise<void> {
  const [{ object }] = await takes(scene.stage, 24.5)
  const payload = object.payload.slice()
  const last = payload.length - 1
  payload[last] = (payload[last] ?? 0) ^ 1
  await trick(scene, 'not-authentic', 'It changes one single bit.', { ...object, payload })
}

async function moves(scene: Scene): Promise<void> {
  const [{ object }] = await takes(scene.stage, 24.6)
  const moved = { ...object, topic: OTHER_TOPIC }
  await trick(scene, 'moved', `It moves a message to ${OTHER_TOPIC}.`, moved)
}

async function invents(scene: Scene): Promise<void> {
  const invented = { topic: STREAM, payload: utf8('{"celsius":99.9}') }
  await trick(scene, 'malformed', 'It makes up a reading of its own: 99.9 °C.', invented)
}

/** The broker sends something; the dashboard says what it is. */
async function trick(
  scene: Scene,
  type: WaxwingEvent['type'],
  what: string,
  message: Carried,
): Promise<void> {
  const lines = await provokes(scene, type, message)
  await scene.stage.show(what, {
    broker: message,
    readers: [{ who: scene.dashboard.name, lines }],
  })
}

/** Has the broker send something, and waits for the event that must come of it. */
async function provokes(
  { stage, dashboard }: Scene,
  type: WaxwingEvent['type'],
  message: Carried,
): Promise<Text[]> {
  const mark = dashboard.events.length
  await stage.broker.send(message)
  return eventWords(await dashboard.event(type, mark))
}

/** The thermometer publishes; the broker keeps it. */
async function takes<T extends readonly number[]>(
  stage: Stage,
  ...celsius: T
): Promise<{ [K in keyof T]: Reading }> {
  const readings: Reading[] = []
  await stage.broker.withhold(async () => {
    for (const value of celsius) readings.push(await stage.send(value))
  })
  return readings as { [K in keyof T]: Reading }
}

async function opens({ dashboard }: Scene, { receipt }: Reading): Promise<Text[]> {
  return openedWords(await dashboard.opens(receipt))
}
