// SPDX-License-Identifier: Apache-2.0
/**
 * Chapter 4: granting unasked, and revoking.
 *
 * @module
 */

import type { Message } from '@waxwing/client'
import type { Actor } from '../actor.js'
import { comesTrue, holds, quiet } from '../claims.js'
import type { Text } from '../layout.js'
import { eventWords, openedWords } from '../plain-words.js'
import { inboxOf, STREAM, type Reading, type Stage } from '../stage.js'

export async function somebodyIsRevoked(stage: Stage, dashboard: Actor): Promise<void> {
  const { screen, clock } = stage
  clock.set(0, 13)
  await screen.chapter(
    '4. A contractor may read for a while, and is revoked',
    'Revoking needs nothing from the broker. The thermometer goes on with a new key; everyone who' +
      ' may still read asks for it and gets it without a person, and the contractor does not.',
  )
  const contractor = await stage.reader('contractor', 'to repair the heating')
  for (const actor of [dashboard, contractor]) await grantFromNow(stage, actor)
  const before = await stage.publish(21.7, [
    [dashboard, 'opened'],
    [contractor, 'opened'],
  ])
  await revoke(stage, contractor)
  const after = await publishAfter(stage, dashboard, contractor)
  await quiet()
  const opened = contractor.opened.map((message) => message.text())
  const claim = 'The contractor opened nothing that was sealed after it was revoked.'
  holds(claim, !opened.includes(after.text), opened.join(' '))
  await screen.checked(claim)

  const again = await readAgain(contractor, before)
  const kept = 'What it had been given it keeps: nobody can take back what was read.'
  holds(kept, again?.text() === before.text, again?.text() ?? 'it does not open any more')
  await screen.checked(kept)
  await contractor.endpoint.close()
}

/** Grants before anything was asked for: the broker keeps the grant until whoever it is for comes. */
async function grantFromNow(stage: Stage, actor: Actor): Promise<void> {
  const { endpoint } = stage.thermometer
  const { trustBook } = endpoint.parts
  await comesTrue(
    `the ${actor.name} has published the key that it receives on`,
    () => {
      const principal = trustBook.findPrincipal(actor.name)
      return principal && trustBook.cardOf(principal.id)
    },
    () => 'no key card came',
  )
  const mark = stage.broker.carried.length
  const seen = actor.events.length
  await endpoint.grant(STREAM, actor.name, { from: new Date(stage.clock.now()) })
  await actor.event('grant', seen)
  await stage.show(`The owner grants the ${actor.name} whatever comes from now on.`, {
    broker: await stage.carriedSince(mark, inboxOf(actor)),
    readers: [{ who: actor.name, lines: [{ text: 'granted: from now on', tone: 'strong' }] }],
  })
}

/** The first reading under the new key: both readers ask, and only one is answered with a key. */
async function publishAfter(stage: Stage, dashboard: Actor, contractor: Actor): Promise<Reading> {
  const { thermometer } = stage
  const marks = {
    asked: thermometer.events.length,
    dashboard: dashboard.events.length,
    contractor: contractor.events.length,
  }
  const reading = await stage.send(22.3)
  const parked = await contractor.parks(reading.receipt)
  const told = await contractor.event('denial', marks.contractor)
  await dashboard.event('grant', marks.dashboard)
  const opened = await dashboard.opens(reading.receipt)
  const toPeople = thermometer.events.slice(marks.asked).filter(({ type }) => type === 'request')
  holds('Nobody had to decide.', toPeople.length === 0, `${toPeople.length} requests wait`)
  const again: Text = { text: 'asked for the new key, and got it at once', tone: 'strong' }
  await stage.showReading(reading, [
    { who: dashboard.name, lines: [again, ...openedWords(opened)] },
    { who: contractor.name, lines: [...eventWords(parked), ...eventWords(told)] },
  ])
  return reading
}

async function revoke(stage: Stage, contractor: Actor): Promise<void> {
  const { producer, thermometer } = stage
  const former = producer.kid
  const seen = thermometer.events.length
  const [mark, heard] = [stage.broker.carried.length, contractor.events.length]
  await producer.revoke(contractor.name)
  const { kid } = await thermometer.event('rotated', seen)
  holds('The thermometer has a new key.', kid !== former, `the kid is still ${kid}`)
  const sent = stage.broker.carried.slice(mark).map(({ topic }) => topic)
  const toContractor = sent.filter((topic) => topic.startsWith(inboxOf(contractor)))
  const told = contractor.events.slice(heard).map(({ type }) => type)
  const found = [...toContractor, ...told]
  holds('Nothing had to be said to the contractor.', found.length === 0, found.join(' '))
  await stage.show(`The owner revokes the ${contractor.name}: the thermometer takes a new key.`, {
    broker: [{ text: 'nothing of it', tone: 'faint' }],
    readers: [
      { who: contractor.name, lines: [{ text: 'knows nothing of it yet', tone: 'faint' }] },
    ],
  })
}

/** Opens an object once more, from a recording. */
async function readAgain(reader: Actor, { object }: Reading): Promise<Message | undefined> {
  async function* recording(): AsyncGenerator<Uint8Array> {
    yield object.payload
  }
  for await (const item of reader.reader.readArchive(recording())) {
    if (item.kind === 'message') return item
  }
  return undefined
}
