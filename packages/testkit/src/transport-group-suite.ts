// SPDX-License-Identifier: Apache-2.0
/**
 * Groups: endpoints that compete for messages, and endpoints that do not.
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { Transport } from '@waxwing/core'
import { expectReceived, MessageLog } from './message-log.js'
import {
  manyPayloads,
  need,
  stageTest,
  type TransportFeatures,
  type TransportSetup,
} from './transport-stage.js'

/** More than transports leave unacknowledged by default. */
const MANY = manyPayloads(150)
const FEW = manyPayloads(20)
const LATER = MANY.map((payload) => Uint8Array.of(...payload, 1))

export function describeGroups(setup: TransportSetup, features: TransportFeatures): void {
  describeSharing(setup, features)
  describeHandover(setup, features)
  describeFanOut(setup, features)
}

function describeSharing(setup: TransportSetup, features: TransportFeatures): void {
  it('gives each message to one endpoint of a group, and some to each', async (context) => {
    need(context, features, 'groups')
    const { open, address, shared } = await stageTest(setup)
    const [sender, log] = [await open(), new MessageLog()]
    const shares = new Map<Transport, number>()
    const everybodyHasOne = Promise.withResolvers<void>()
    for (const member of [await open(), await open()]) {
      await member.subscribe(shared(address), async (message) => {
        shares.set(member, (shares.get(member) ?? 0) + 1)
        if (shares.size === 2) everybodyHasOne.resolve()
        await everybodyHasOne.promise
        await message.acknowledge()
        log.record(message)
      })
    }
    await Promise.all(MANY.map((payload) => sender.send(address, payload)))
    await expectReceived(log, ...MANY)
    expect(log.messages).toHaveLength(MANY.length)
  })

  it('gives each of two groups every message, and so whoever is of no group', async (context) => {
    need(context, features, 'groups')
    need(context, features, 'fan-out')
    const { open, address, shared } = await stageTest(setup)
    const sender = await open()
    const filters = [shared(address, 'one'), shared(address, 'two'), address]
    const logs = new Map(filters.map((filter) => [filter, new MessageLog()]))
    for (const [filter, log] of logs) await (await open()).subscribe(filter, log.acknowledge)
    for (const payload of FEW) await sender.send(address, payload)
    for (const log of logs.values()) {
      await expectReceived(log, ...FEW)
      expect(log.messages).toHaveLength(FEW.length)
    }
  })

  it('gives a group what matches its wildcards', async (context) => {
    need(context, features, 'groups')
    need(context, features, 'wildcards')
    const { open, address, shared } = await stageTest(setup)
    const [sender, member, log] = [await open(), await open(), new MessageLog()]
    await member.subscribe(shared(`${address}/+/t`), log.acknowledge)
    await sender.send(`${address}/1/x`, Uint8Array.of(0))
    await sender.send(`${address}/1/t`, Uint8Array.of(1))
    await sender.send(`${address}/2/t`, Uint8Array.of(2))
    await expectReceived(log, Uint8Array.of(1), Uint8Array.of(2))
    expect(log.messages.map((message) => message.address).toSorted()).toEqual([
      `${address}/1/t`,
      `${address}/2/t`,
    ])
  })
}

function describeHandover(setup: TransportSetup, features: TransportFeatures): void {
  const expectHandover = async (end: 'close' | 'vanish'): Promise<void> => {
    const { open, address, shared, vanish } = await stageTest(setup)
    const [sender, leaving, staying] = [await open(), await open(), await open()]
    const [held, done] = [new MessageLog(), new MessageLog()]
    await leaving.subscribe(shared(address), held.hold)
    await staying.subscribe(shared(address), done.acknowledge)
    await Promise.all(FEW.map((payload) => sender.send(address, payload)))
    await held.at(0)
    if (end === 'close') await leaving.close()
    else await vanish(leaving)
    await Promise.all(LATER.map((payload) => sender.send(address, payload)))
    await expectReceived(done, ...FEW, ...LATER)
  }

  it('gives what an endpoint of a group left when it closed to another one', async (context) => {
    need(context, features, 'groups')
    need(context, features, 'group-handover')
    await expectHandover('close')
  })

  it('gives what an endpoint of a group held when it vanished to another one', async (context) => {
    need(context, features, 'groups')
    need(context, features, 'group-handover')
    need(context, features, 'vanishing')
    await expectHandover('vanish')
  })

  it('loses nothing of a group while connections break', async (context) => {
    need(context, features, 'groups')
    need(context, features, 'interruption')
    const { open, interrupt, address, shared, session } = await stageTest(setup)
    const [sender, log] = [await open(session), new MessageLog()]
    for (const member of [await open(`${session}-1`), await open(`${session}-2`)]) {
      await member.subscribe(shared(address), log.tolerant)
    }
    const sends: Promise<void>[] = []
    for (const [index, payload] of MANY.entries()) {
      sends.push(sender.send(address, payload))
      if (index % 50 === 25) await interrupt()
    }
    await Promise.all(sends)
    await expectReceived(log, ...MANY)
  })
}

function describeFanOut(setup: TransportSetup, features: TransportFeatures): void {
  it('gives every message to each endpoint that is not of a group', async (context) => {
    need(context, features, 'fan-out')
    need(context, features, 'every-message')
    const { open, address } = await stageTest(setup)
    const [sender, logs] = [await open(), [new MessageLog(), new MessageLog()]]
    for (const log of logs) await (await open()).subscribe(address, log.acknowledge)
    for (const payload of FEW) await sender.send(address, payload)
    for (const log of logs) {
      await expectReceived(log, ...FEW)
      expect(log.messages).toHaveLength(FEW.length)
    }
  })
}
