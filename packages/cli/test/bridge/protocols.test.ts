// SPDX-License-Identifier: Apache-2.0
/**
 * A bridge from MQTT to each other protocol and back: it knows none of them.
 */

import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { amqpTransport } from '@waxwing/amqp'
import { bridge } from '@waxwing/bridge'
import { requestAddress, signStatement, trustAddress, type Transport } from '@waxwing/core'
import { mqttTransport } from '@waxwing/mqtt'
import { natsTransport } from '@waxwing/nats'
import {
  mosquittoAvailable,
  natsAvailable,
  rabbitmqAvailable,
  requireOrSkip,
  startMosquitto,
  startNats,
  startRabbitmq,
} from '@waxwing/testkit'

const COUNT = 200

/** A control message by its form. Nobody signed it. */
function control(): Uint8Array {
  return signStatement({
    type: 'request',
    author: randomBytes(32),
    key: { sign: () => new Uint8Array(64) } as never,
    recipient: null,
    payload: new Map([[1, 1]]),
  })
}

/** What comes to an address filter, as hex by address. */
async function watched(transport: Transport, ...filters: string[]): Promise<string[]> {
  const seen: string[] = []
  for (const filter of filters) {
    await transport.subscribe(filter, async ({ address, payload, acknowledge }) => {
      seen.push(`${address} ${Buffer.from(payload).toString('hex')}`)
      await acknowledge()
    })
  }
  return seen
}

async function expectCarried(open: (name: string) => Transport): Promise<void> {
  const mosquitto = await startMosquitto()
  onTestFinished(() => mosquitto.close())
  const mqtt = (clientId: string): Transport => mqttTransport({ url: mosquitto.url, clientId })
  const [from, to, device, reader] = [
    mqtt('bridge'),
    open('bridge'),
    mqtt('device'),
    open('reader'),
  ]
  const maps = [{ from: 'plant/#', to: 'works/#' }]
  const running = await bridge({ from, to, maps, both: true, any: true, settleMs: 50 })
  onTestFinished(async () => {
    await running.close()
    await Promise.all([from, to, device, reader].map((one) => one.close()))
  })
  const there = await watched(reader, 'works/#', 'waxwing/v1/#')
  const back = await watched(device, 'waxwing/v1/#', 'plant/back')

  const sent = Array.from({ length: COUNT }, () => randomBytes(40))
  await Promise.all(sent.map((payload) => device.send('plant/1/t', payload)))
  const [bundle, request, answer] = [control(), control(), randomBytes(30)]
  const [trust, ask] = [trustAddress(randomBytes(32)), requestAddress(randomBytes(8))]
  await device.send(trust, bundle, { retained: true })
  await reader.send(ask, request)
  await reader.send('works/back', answer)

  const data = sent.map((payload) => `works/1/t ${payload.toString('hex')}`)
  await expect.poll(() => there.filter((one) => one.startsWith('works/1'))).toEqual(data)
  await expect.poll(() => there).toContain(`${trust} ${Buffer.from(bundle).toString('hex')}`)
  await expect.poll(() => back).toContain(`${ask} ${Buffer.from(request).toString('hex')}`)
  await expect.poll(() => back).toContain(`plant/back ${answer.toString('hex')}`)
  // All of it came back to the bridge, which let it rest.
  await expect
    .poll(() => running.counters)
    .toMatchObject({
      there: { data: { messages: COUNT, duplicates: 1 }, control: { messages: 1, duplicates: 1 } },
      back: { data: { messages: 1, duplicates: COUNT }, control: { messages: 1, duplicates: 1 } },
    })
}

/** Of a domain whose trust bundle changed twice while the bridge was away. */
async function expectNewestKept(open: (name: string) => Transport): Promise<void> {
  const mosquitto = await startMosquitto()
  onTestFinished(() => mosquitto.close())
  const mqtt = (clientId: string): Transport => mqttTransport({ url: mosquitto.url, clientId })
  const run = async (): Promise<() => Promise<void>> => {
    const [from, to] = [open('bridge-of-trust'), mqtt('bridge-of-trust')]
    const running = await bridge({ from, to, maps: [], settleMs: 300 })
    return async () => {
      await running.close({ keepSubscriptions: true })
      await Promise.all([from.close(), to.close()])
    }
  }
  await (
    await run()
  )()
  const [owner, trust] = [open('owner'), trustAddress(randomBytes(32))]
  const bundles = Array.from({ length: 3 }, control)
  for (const bundle of bundles) await owner.send(trust, bundle, { retained: true })
  await owner.close()

  const end = await run()
  const reader = mqtt('reader')
  onTestFinished(() => Promise.all([end(), reader.close()]).then(() => undefined))
  const kept = async (): Promise<unknown> => {
    const found: string[] = []
    for await (const { payload } of reader.replay?.(trust, {}) ?? []) {
      found.push(Buffer.from(payload).toString('hex'))
    }
    return found
  }
  const newest = bundles.at(-1) ?? new Uint8Array()
  await expect.poll(kept).toEqual([Buffer.from(newest).toString('hex')])
  await end()
  expect(await kept()).toEqual([Buffer.from(newest).toString('hex')])
}

requireOrSkip('mosquitto and nats-server', mosquittoAvailable() && natsAvailable())('NATS', () => {
  it('is bridged to MQTT, both ways', { timeout: 60_000 }, async () => {
    const nats = await startNats()
    onTestFinished(() => nats.close())
    await expectCarried((name) => natsTransport({ url: nats.url, name }))
    await expectNewestKept((name) => natsTransport({ url: nats.url, name }))
  })
})

requireOrSkip('mosquitto and rabbitmq', mosquittoAvailable() && rabbitmqAvailable())('AMQP', () => {
  it('is bridged to MQTT, both ways', { timeout: 120_000 }, async () => {
    const rabbitmq = await startRabbitmq()
    onTestFinished(() => rabbitmq.close())
    await expectCarried((name) => amqpTransport({ url: rabbitmq.url, name }))
    await expectNewestKept((name) => amqpTransport({ url: rabbitmq.url, name }))
  })
})
