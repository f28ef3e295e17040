// SPDX-License-Identifier: Apache-2.0
/**
 * Between two real brokers, whose connections are cut and which are killed.
 */

import { createHash, randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { inboxAddress, type Transport } from '@waxwing/core'
import { mqttTransport, type MqttTransport } from '@waxwing/mqtt'
import {
  mosquittoAvailable,
  requireOrSkip,
  startMosquitto,
  startProxy,
  type CuttingProxy,
  type Mosquitto,
} from '@waxwing/testkit'
import { bridge, type Bridge, type BridgeOptions } from '../src/index.js'
import { controlOf, numberOf, objectOf } from './support/frames.js'

const INBOX = inboxAddress(randomBytes(32))
const PLANT = [{ from: 'plant/#', to: 'works/#' }]

async function broker(): Promise<Mosquitto> {
  const one = await startMosquitto({ persistence: true })
  onTestFinished(() => one.close())
  return one
}

async function cable(to: Mosquitto): Promise<CuttingProxy> {
  const proxy = await startProxy(to.port)
  onTestFinished(() => proxy.close())
  return proxy
}

function client(port: number, clientId?: string): MqttTransport {
  const url = `mqtt://127.0.0.1:${port}`
  const quick = { reconnectMinMs: 20, reconnectMaxMs: 200, closeTimeoutMs: 500 }
  const transport = mqttTransport({
    url,
    ...quick,
    ...(clientId === undefined ? {} : { clientId }),
  })
  onTestFinished(() => transport.close())
  return transport
}

interface Running {
  readonly running: Bridge
  readonly sides: readonly Transport[]
}

async function run(
  near: number,
  far: number,
  options: Partial<BridgeOptions> = {},
): Promise<Running> {
  const [from, to] = [client(near, 'bridge-near'), client(far, 'bridge-far')]
  const running = await bridge({ from, to, maps: PLANT, settleMs: 50, retryMinMs: 10, ...options })
  onTestFinished(() => running.close())
  return { running, sides: [from, to] }
}

/** What arrives, by address, each payload where it came first. */
async function watched(port: number, filter: string): Promise<Map<string, Uint8Array[]>> {
  const seen = new Map<string, Uint8Array[]>()
  await client(port, 'reader').subscribe(filter, async ({ address, payload, acknowledge }) => {
    const before = seen.get(address) ?? []
    const isNew = !before.some((one) => Buffer.compare(one, payload) === 0)
    seen.set(address, isNew ? [...before, payload] : before)
    await acknowledge().catch(() => undefined)
  })
  return seen
}

const upTo = (count: number): readonly number[] => Array.from({ length: count }, (_, i) => i)
const sum = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

requireOrSkip('mosquitto', mosquittoAvailable())('a bridge between two brokers', () => {
  it('carries bytes as they are, and control messages both ways, and then there is peace', async () => {
    const [near, far] = [await broker(), await broker()]
    const { running } = await run(near.port, far.port, { both: true })
    const [there, back] = [await watched(far.port, '#'), await watched(near.port, '#')]
    const [device, reader] = [client(near.port), client(far.port)]
    const payloads = [objectOf(1), objectOf(2, 0), objectOf(3, 200_000)]
    for (const payload of payloads) await device.send('plant/1', payload)
    await reader.send(INBOX, controlOf(1))
    await expect.poll(() => there.get('works/1')?.map(sum)).toEqual(payloads.map(sum))
    await expect.poll(() => back.get(INBOX)?.map(sum)).toEqual([sum(controlOf(1))])
    // Each message has come back to the bridge itself, which did not pass it on.
    await expect
      .poll(() => running.counters)
      .toMatchObject({
        there: { data: { messages: 3, duplicates: 0 }, control: { messages: 0, duplicates: 1 } },
        back: { data: { messages: 0, duplicates: 3 }, control: { messages: 1, duplicates: 0 } },
      })
  })

  it('loses nothing, and no order, while both sides are cut again and again', async () => {
    const [near, far] = [await broker(), await broker()]
    const [nearCable, farCable] = [await cable(near), await cable(far)]
    const { running } = await run(nearCable.port, farCable.port)
    const there = await watched(far.port, 'works/#')
    const device = client(near.port)
    for (const i of upTo(400)) {
      await device.send(`plant/${i % 3}`, objectOf(i))
      if (i % 50 === 20) nearCable.cut()
      if (i % 50 === 40) farCable.cut()
    }
    for (const part of upTo(3)) {
      const expected = upTo(400).filter((i) => i % 3 === part)
      await expect.poll(() => there.get(`works/${part}`)?.map(numberOf)).toEqual(expected)
    }
    expect(running.counters.reconnects.from).toBeGreaterThan(0)
    expect(running.counters.reconnects.to).toBeGreaterThan(0)
  })

  it('goes on when the far broker was killed and comes back', async () => {
    const [near, far] = [await broker(), await broker()]
    const { running } = await run(near.port, far.port)
    const device = client(near.port)
    await device.send('plant/1', objectOf(0))
    await expect.poll(() => running.counters.there.data.messages).toBe(1)
    await far.stop()
    for (const i of upTo(100)) await device.send('plant/1', objectOf(i + 1))
    await device.send(INBOX, controlOf(1))
    await far.start()
    const there = await watched(far.port, 'works/#')
    await device.send('plant/1', objectOf(101))
    await expect.poll(() => running.counters.there.data.messages).toBe(102)
    await expect.poll(() => running.counters.there.control.messages).toBe(1)
    await expect.poll(() => there.get('works/1')?.map(numberOf).at(-1)).toBe(101)
  })

  it('finds what came while it was away', async () => {
    const [near, far] = [await broker(), await broker()]
    const first = await run(near.port, far.port)
    await first.running.close({ keepSubscriptions: true })
    await Promise.all(first.sides.map((side) => side.close()))
    const device = client(near.port)
    for (const i of upTo(100)) await device.send('plant/1', objectOf(i))
    await device.send(INBOX, controlOf(1))
    const there = await watched(far.port, '#')
    await run(near.port, far.port)
    await expect.poll(() => there.get('works/1')?.map(numberOf)).toEqual(upTo(100))
    await expect.poll(() => there.get(INBOX)?.map(sum)).toEqual([sum(controlOf(1))])
  })

  it('puts what the far broker has no room for among the dead letters', async () => {
    const near = await broker()
    const far = await startMosquitto({ config: ['max_packet_size 2000'] })
    onTestFinished(() => far.close())
    const items: Uint8Array[] = []
    const append = async (item: Uint8Array): Promise<void> => void items.push(item)
    const { running } = await run(near.port, far.port, { deadLetters: { append } })
    const there = await watched(far.port, '#')
    const device = client(near.port)
    await device.send('plant/1', objectOf(1, 5000))
    await device.send('plant/1', objectOf(2))
    await expect.poll(() => there.get('works/1')?.map(numberOf)).toEqual([2])
    await expect.poll(() => items.map(sum)).toEqual([sum(objectOf(1, 5000))])
    expect(running.counters.there.data.refused).toBe(1)
  })
})
