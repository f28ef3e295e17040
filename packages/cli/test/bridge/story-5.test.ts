// SPDX-License-Identifier: Apache-2.0
/**
 * Story 5: an object goes from MQTT to a stream of RabbitMQ, to NATS and into an archive, by three
 * bridges that have no key. Its bytes are the same everywhere, and everywhere a reader of its own opens it.
 * Then one bridge is killed in the middle of a stream, and brokers are.
 */

import { createReadStream, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { amqpTransport } from '@waxwing/amqp'
import {
  Domain,
  memoryStore,
  Message,
  openEndpoint,
  type Endpoint,
  type EndpointOptions,
  type Producer,
  type Reader,
} from '@waxwing/client'
import type { Transport } from '@waxwing/core'
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
  type Mosquitto,
  type Nats,
  type Rabbitmq,
} from '@waxwing/testkit'
import { BridgeProcess } from './bridge-process.js'
import { archived, mqttTap, natsStored, streamTap } from './taps.js'

const STREAM = 'plant/1/temperature'
const HISTORY = 'plant.history'
const COUNT = 500
/** Pauses before another attempt to connect grow while a broker is away. */
const LONG = { timeout: 60_000 }
/** As much as NATS takes at once. */
const maxPayloadBytes = 2 ** 20

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const available = mosquittoAvailable() && rabbitmqAvailable() && natsAvailable()

requireOrSkip('mosquitto, rabbitmq and nats-server', available)('a chain of bridges', () => {
  const folder = mkdtempSync(join(tmpdir(), 'waxwing-story-5-'))
  const archive = join(folder, 'plant.wax')
  const opened: Endpoint[] = []
  let [mosquitto, rabbitmq, nats]: [Mosquitto?, Rabbitmq?, Nats?] = []
  let bridges: readonly BridgeProcess[] = []
  let producer: Producer
  let live: string[] = []
  let urls: Readonly<Record<'mqtt' | 'amqp' | 'nats', string>>
  let readers: Readonly<Record<'atRabbitmq' | 'ofArchive', Reader>>

  beforeAll(async () => {
    ;[mosquitto, rabbitmq, nats] = await Promise.all([
      startMosquitto({ persistence: true, config: ['max_queued_messages 0'] }),
      startRabbitmq(),
      startNats(),
    ])
    urls = { mqtt: mosquitto.url, amqp: rabbitmq.url, nats: nats.url }
    bridges = [
      bridge(urls.mqtt, `${urls.amqp}?history=${HISTORY}`, 'plant/# -> plant.#'),
      bridge(urls.amqp, urls.nats, 'plant.# -> plant.#'),
      bridge(urls.nats, archive, 'plant/#'),
    ]
    await Promise.all(bridges.map((one) => one.start()))
    await admitAll()
  })

  afterAll(async () => {
    for (const endpoint of opened) await endpoint.close()
    await Promise.all(bridges.map((one) => one.kill()))
    for (const broker of [mosquitto, rabbitmq, nats]) await broker?.close()
    rmSync(folder, { recursive: true, force: true })
  })

  function bridge(from: string, to: string, map: string): BridgeProcess {
    return new BridgeProcess(folder, '--from', from, '--to', to, '--map', map)
  }

  /** Each has an identity, a store and a broker of its own. */
  async function admitAll(): Promise<void> {
    const domain = await Domain.create({ store: memoryStore(), name: 'works', recovery: false })
    const admitted = async (
      name: string,
      transport: Transport,
      produces: readonly string[] = [],
      options: Partial<EndpointOptions> = {},
    ): Promise<Endpoint> => {
      const endpoint = await openEndpoint({ store: memoryStore(), transport, name, ...options })
      opened.unshift(endpoint)
      const admission = await domain.admit(await endpoint.enrolment({ name }), { produces })
      await endpoint.admit(admission, { domainId: domain.id })
      return endpoint
    }
    const plant = await admitted(
      'plant',
      mqttTransport({ url: urls.mqtt, maxPayloadBytes }),
      ['plant/#'],
      {
        decide: (request) => request.grant({ from: new Date(0) }),
      },
    )
    producer = await plant.producer(STREAM)
    const history = { stream: HISTORY }
    const [atRabbitmq, atNats, ofArchive] = await Promise.all([
      admitted('auditor', amqpTransport({ url: urls.amqp, history })),
      admitted('desk', natsTransport({ url: urls.nats, name: 'desk', maxPayloadBytes })),
      admitted('vault', natsTransport({ url: urls.nats })),
    ])
    live = collect(atNats.reader('plant/#'))
    readers = {
      atRabbitmq: atRabbitmq.reader('plant/#'),
      ofArchive: ofArchive.reader(STREAM),
    }
  }

  it('carries each object unchanged, and requests and grants back and forth', async () => {
    const sent = await mqttTap(urls.mqtt, 'plant/#')
    const atRabbitmq = await streamTap(urls.amqp, HISTORY)
    const texts = ['21.5', '', 'ä'.repeat(300_000)]
    for (const text of texts) await producer.publish(text)
    await expect.poll(() => sent).toHaveLength(texts.length)
    await expect.poll(() => atRabbitmq).toEqual(sent)
    await expect.poll(() => natsStored(urls.nats, 'WAXWING_DATA')).toEqual(sent)
    await expect.poll(() => archived(archive)).toEqual(sent)

    // Nobody was granted anything yet: each asks the producer, the last two over two bridges.
    await expect.poll(() => live).toEqual(texts)
    expect(await pastOf(readers.atRabbitmq)).toEqual(texts)
    await expect.poll(() => openedOf(readers.ofArchive, archive)).toEqual(texts)
  })

  it('loses nothing and invents nothing when a bridge and brokers are killed', async () => {
    const sent = await mqttTap(urls.mqtt, 'plant/#')
    const before = await archived(archive)
    live.length = 0
    const texts = Array.from({ length: COUNT }, (_, i) => `measurement ${i}`)
    let restarted: Promise<void> | undefined
    for (const [i, text] of texts.entries()) {
      await producer.publish(text)
      if (i === 100) await bridges[1]?.kill()
      if (i === 200) await nats?.stop('SIGKILL')
      if (i === 250) await rabbitmq?.leave()
      if (i === 300) restarted = bridges[1]?.start()
      if (i === 350) await nats?.start()
      if (i === 400) await rabbitmq?.comeBack()
    }
    await restarted
    await expect.poll(() => live, LONG).toEqual(texts)
    await expect.poll(() => sent).toHaveLength(COUNT)
    const all = new Set([...before, ...sent])
    const atRabbitmq = await streamTap(urls.amqp, HISTORY)
    await expect.poll(() => new Set(atRabbitmq), LONG).toEqual(all)
    await expect.poll(async () => new Set(await natsStored(urls.nats, 'WAXWING_DATA'))).toEqual(all)
    await expect.poll(async () => new Set(await archived(archive)), LONG).toEqual(all)
    expect((await pastOf(readers.atRabbitmq)).slice(-COUNT)).toEqual(texts)
    const inArchive = await openedOf(readers.ofArchive, archive)
    expect(new Set(inArchive)).toEqual(new Set(await pastOf(readers.atRabbitmq)))
  })

  it('says at the end what crossed, and that nothing was refused', async () => {
    for (const one of bridges) {
      const said = await one.end()
      expect(said).toMatch(/There: [1-9]\d* messages/)
      expect(said).not.toMatch(/\d REFUSED|is LOST/)
    }
  })
})

/** Collects what a reader hands over. */
function collect(reader: Reader): string[] {
  const texts: string[] = []
  const collecting = async (): Promise<void> => {
    for await (const item of reader) {
      if (item.kind !== 'message') continue
      texts.push(item.text())
      await item.acknowledge()
    }
  }
  void collecting()
  return texts
}

/** What a reader finds in its broker's history. */
async function pastOf(reader: Reader): Promise<readonly string[]> {
  return textsOf(reader.history())
}

/** What a reader opens of an archive. */
async function openedOf(reader: Reader, path: string): Promise<readonly string[]> {
  return textsOf(reader.readArchive(createReadStream(path)))
}

async function textsOf(
  items: AsyncIterable<Message | { readonly kind: string }>,
): Promise<readonly string[]> {
  const texts: string[] = []
  for await (const item of items) if (item instanceof Message) texts.push(item.text())
  return texts
}
