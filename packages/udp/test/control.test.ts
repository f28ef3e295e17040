// SPDX-License-Identifier: Apache-2.0
/** Control messages: to whom they go, and who cannot keep them from whom. */
import { randomBytes } from 'node:crypto'
import { inboxAddress } from '@waxwing/core'
import { memoryStore } from '@waxwing/client'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { expect, it, onTestFinished } from 'vitest'
import { udpTransport, type UdpTransport, type UdpTransportOptions } from '../src/index.ts'
import { loopbackOptions } from './loopback.ts'

const FIRST = Uint8Array.of(1)
const SECOND = Uint8Array.of(2)

type Open = (more?: UdpTransportOptions) => Promise<UdpTransport>

function lan(): Open {
  const options = { ...loopbackOptions(), discoveryMs: 300 }
  return async (more = {}) => {
    const transport = await udpTransport({ ...options, ...more })
    onTestFinished(() => transport.close())
    return transport
  }
}

it('reaches the owner of an inbox though somebody else takes what is sent there, from the second on', async () => {
  const open = lan()
  const [sender, thief, owner] = [await open(), await open(), await open()]
  const inbox = inboxAddress(randomBytes(32))
  const [stolen, log] = [new MessageLog(), new MessageLog()]
  await thief.subscribe(inbox, stolen.acknowledge)
  await sender.send(inbox, FIRST)
  await owner.subscribe(inbox, log.acknowledge)
  await sender.send(inbox, SECOND)
  await expectReceived(log, SECOND)
  expect(stolen.messages).toHaveLength(2)
})

it('goes straight to who named its inbox in a request, also when the group is not heard', async () => {
  const open = lan()
  const [asker, granter] = [await open(), await open()]
  const [inbox, other] = [inboxAddress(randomBytes(32)), inboxAddress(randomBytes(32))]
  const [answers, requests] = [new MessageLog(), new MessageLog()]
  await asker.subscribe(`${inbox}/#`, answers.acknowledge)
  await granter.subscribe(other, requests.acknowledge)
  await asker.send(other, FIRST)
  await granter.send(`${inbox}/some-grant`, Buffer.alloc(5_000, 7))
  expect((await answers.at(0)).payload).toHaveLength(5_000)
})

it('leaves a message with its sender until the endpoint has acknowledged it', async () => {
  const open = lan()
  const [sender, receiver] = [await open(), await open({ retryHandlerMs: 50 })]
  const inbox = inboxAddress(randomBytes(32))
  const order: string[] = []
  await receiver.subscribe(inbox, async (message) => {
    if (order.length === 0) {
      order.push('failed')
      throw new Error('not yet')
    }
    order.push(message.redelivered ? 'again' : 'first')
    await message.acknowledge()
  })
  await sender.send(inbox, FIRST)
  expect(order).toEqual(['failed', 'again'])
})

it('remembers over a restart who is reached where', async () => {
  const open = lan()
  const store = memoryStore()
  const [asker, before] = [await open(), await open({ store })]
  const [inbox, other] = [inboxAddress(randomBytes(32)), inboxAddress(randomBytes(32))]
  const answers = new MessageLog()
  await asker.subscribe(inbox, answers.acknowledge)
  await before.subscribe(other, new MessageLog().acknowledge)
  await asker.send(other, FIRST)
  await before.close()
  const after = await open({ store })
  await after.send(inbox, SECOND)
  await expectReceived(answers, SECOND)
  expect(await store.scan('udp-peers', { limit: 10 })).toHaveLength(1)
})

it('is not for who merely hears everything', async () => {
  const open = lan()
  const [sender, curious] = [await open({ controlTimeoutMs: 200 }), await open()]
  const log = new MessageLog()
  await curious.subscribe('#', log.acknowledge)
  const inbox = inboxAddress(randomBytes(32))
  await expect(sender.send(inbox, FIRST)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
  expect(log.messages).toEqual([])
})

it('is refused above its limit, and fails when the transport is closed meanwhile', async () => {
  const open = lan()
  const sender = await open({ maxControlBytes: 2_000, closeTimeoutMs: 50 })
  const inbox = inboxAddress(randomBytes(32))
  await expect(sender.send(inbox, new Uint8Array(2_001))).rejects.toThrow(RangeError)
  const [sent] = await Promise.allSettled([sender.send(inbox, FIRST), sender.close()])
  expect(sent).toMatchObject({ status: 'rejected', reason: { code: 'ERR_CLOSED' } })
})

it('fetches what one peer retains for several subscribers at once', async () => {
  const open = lan()
  const [sender, reader] = [await open(), await open()]
  const bases = Array.from({ length: 8 }, (_, index) => `waxwing/v1/trust/domain-${index}`)
  for (const [index, base] of bases.entries()) {
    await sender.send(base, Buffer.alloc(9_000, index), { retained: true })
  }
  const logs = bases.map(() => new MessageLog())
  const errors: unknown[] = []
  reader.onStatus((status) => errors.push(status))
  await Promise.all(
    bases.map((base, index) => reader.subscribe(`${base}/#`, logs[index]?.acknowledge ?? fail)),
  )
  for (const [index, log] of logs.entries()) {
    expect((await log.at(0)).payload).toEqual(new Uint8Array(9_000).fill(index))
  }
  expect(errors).toEqual([])
})

it('hands over all of many messages that somebody retains at once', async () => {
  const open = lan()
  const [sender, reader] = [await open({ leisureMs: 250 }), await open({ leisureMs: 250 })]
  const log = new MessageLog()
  await reader.subscribe('waxwing/v1/inbox/#', log.acknowledge)
  const inboxes = Array.from({ length: 700 }, () => inboxAddress(randomBytes(32)))
  for (const inbox of inboxes) await sender.send(inbox, randomBytes(40), { retained: true })
  const got = (): Set<string> => new Set(log.messages.map(({ address }) => address))
  await expect.poll(() => got().size, { timeout: 30_000 }).toBe(inboxes.length)
  expect(got()).toEqual(new Set(inboxes))
})

function fail(): never {
  throw new Error('there is a log for each')
}
