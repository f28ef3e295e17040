// SPDX-License-Identifier: Apache-2.0
/** Wills that are sealed, from their producer's death to whoever reads of it. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { fromHex, toHex } from '@waxwing/core'
import {
  Domain,
  memoryStore,
  openEndpoint,
  type Endpoint,
  type Message,
  type ReaderOptions,
  type WaxwingEvent,
} from '@waxwing/client'
import { mqttTransport, type MqttTransport } from '@waxwing/mqtt'
import {
  mosquittoAvailable,
  requireOrSkip,
  startMosquitto,
  startProxy,
  type CuttingProxy,
  type Mosquitto,
} from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const STREAM = 'state'

interface Reading {
  readonly events: WaxwingEvent[]
  /** The next message, acknowledged. */
  next(): Promise<Message>
}

for (const protocolVersion of [4, 5] as const) {
  const name = protocolVersion === 4 ? 'MQTT 3.1.1' : 'MQTT 5'
  for (const order of ['arrival', 'session'] as const) {
    describeWithMosquitto(`a sealed will, read in the order of ${order} (${name})`, () => {
      it('tells of each death once, in a session of its own, and of no gap', async () => {
        const broker = await start()
        const proxy = await relay(broker)
        const domain = await makeDomain()
        const { endpoint, transport } = await openMortal(domain, proxy.url, protocolVersion)
        const producer = await endpoint.producer(STREAM)
        const reading = await read(domain, broker, { order, protocolVersion })
        await transport.setWill({ address: STREAM, payload: () => producer.sealWill('dead') })
        const told: Message[] = []
        for (const step of ['one', 'two', 'three']) {
          if (step === 'three') await producer.newSession() // its trail counts no wills
          await producer.publish(step)
          told.push(await reading.next())
          if (step === 'three') break
          proxy.cut()
          told.push(await reading.next())
        }
        await publishMarker(broker, reading)
        expect(told.map((message) => message.text())).toEqual([
          'one',
          'dead',
          'two',
          'dead',
          'three',
        ])
        const [one, firstWill, two, secondWill, three] = told.map(({ receipt }) => receipt)
        expect([one, two, three].map((receipt) => receipt?.counter)).toEqual([0, 1, 0])
        expect(two?.session).toBe(one?.session)
        const sessions = [one, firstWill, secondWill, three].map((receipt) => receipt?.session)
        expect(new Set(sessions).size).toBe(4)
        expect([firstWill, secondWill]).toMatchObject([{ counter: 0 }, { counter: 0 }])
        expect(alarms(reading.events)).toEqual([])
      })
    })
  }

  describeWithMosquitto(`a producer with a sealed will (${name})`, () => {
    it('that is killed is told of', async () => {
      const [broker, domain] = [await start(), await makeDomain()]
      const script = fileURLToPath(new URL('mortal.ts', import.meta.url))
      const options = JSON.stringify({ url: broker.url, protocolVersion })
      const mortal = spawn(process.execPath, [script, options], {
        stdio: ['pipe', 'pipe', 'inherit'],
      })
      onTestFinished(() => void mortal.kill('SIGKILL'))
      const lines = createInterface({ input: mortal.stdout })[Symbol.asyncIterator]()
      const enrolment = fromHex((await lines.next()).value ?? '')
      const admission = await domain.admit(enrolment, { produces: [STREAM] })
      mortal.stdin.write(`${toHex(admission)} ${toHex(domain.id)}\n`)
      expect(await lines.next()).toMatchObject({ value: 'ready' })
      const reading = await read(domain, broker, { protocolVersion })
      mortal.stdin.write('publish\n')
      expect((await reading.next()).text()).toBe('alive')
      mortal.kill('SIGKILL')
      expect((await reading.next()).text()).toBe('dead')
      expect(alarms(reading.events)).toEqual([])
    })

    it('that closes is not told of, and the sessions after it miss no will', async () => {
      const [broker, domain, store] = [await start(), await makeDomain(), memoryStore()]
      const first = await openMortal(domain, broker.url, protocolVersion, store)
      const producer = await first.endpoint.producer(STREAM)
      const reading = await read(domain, broker, { protocolVersion })
      const payload = (): Uint8Array => producer.sealWill('dead')
      await first.transport.setWill({ address: STREAM, payload })
      await producer.publish('one')
      expect((await reading.next()).text()).toBe('one')
      await first.endpoint.close()

      const second = await openMortal(domain, broker.url, protocolVersion, store)
      await (await second.endpoint.producer(STREAM)).publish('two')
      expect((await reading.next()).text()).toBe('two')
      expect(alarms(reading.events)).toEqual([])
    })

    it('that cannot seal it at the time says so, and has none until the next connection', async () => {
      const [proxy, domain] = [await relay(await start()), await makeDomain()]
      const { endpoint, transport } = await openMortal(domain, proxy.url, protocolVersion)
      const producer = await endpoint.producer(STREAM)
      await transport.setWill({ address: STREAM, payload: () => producer.sealWill('dead') })
      await producer.close()
      const { promise, resolve } = Promise.withResolvers<unknown>()
      transport.onStatus((status) => {
        if (status.state === 'error' && String(status.error).includes('producer'))
          resolve(status.error)
      })
      proxy.cut()
      expect(await promise).toMatchObject({ code: 'ERR_CLOSED' })
      await transport.send('other', Uint8Array.of(1))
    })
  })
}

async function start(): Promise<Mosquitto> {
  const broker = await startMosquitto()
  onTestFinished(() => broker.close())
  return broker
}

async function relay(broker: Mosquitto): Promise<CuttingProxy & { url: string }> {
  const proxy = await startProxy(broker.port)
  onTestFinished(() => proxy.close())
  return Object.assign(proxy, { url: `mqtt://127.0.0.1:${proxy.port}` })
}

function makeDomain(): Promise<Domain> {
  return Domain.create({ name: 'plant', store: memoryStore(), recovery: false })
}

async function openMortal(
  domain: Domain,
  url: string,
  protocolVersion: 4 | 5,
  store = memoryStore(),
): Promise<{ endpoint: Endpoint; transport: MqttTransport }> {
  const transport = mqttTransport({ url, protocolVersion, reconnectMinMs: 20 })
  const endpoint = await openEndpoint({ store, transport, decide: (request) => request.grant() })
  onTestFinished(() => endpoint.close())
  const admission = await domain.admit(await endpoint.enrolment(), { produces: [STREAM] })
  await endpoint.admit(admission, { domainId: domain.id })
  return { endpoint, transport }
}

/** Reads the stream, beside its producer on the broker. */
async function read(
  domain: Domain,
  { url }: Mosquitto,
  { order = 'arrival', protocolVersion }: Pick<ReaderOptions, 'order'> & { protocolVersion: 4 | 5 },
): Promise<Reading> {
  const transport = mqttTransport({ url, protocolVersion })
  const endpoint = await openEndpoint({ store: memoryStore(), transport })
  onTestFinished(() => endpoint.close())
  await endpoint.admit(await domain.admit(await endpoint.enrolment()), { domainId: domain.id })
  const events: WaxwingEvent[] = []
  endpoint.on('event', (event) => events.push(event))
  const reader = endpoint.reader(STREAM, { order, passUnprotected: true })
  await reader.start()
  const iterator = reader[Symbol.asyncIterator]()
  return {
    events,
    async next() {
      const { value } = await iterator.next()
      if (value === undefined) throw new Error('the reader has ended')
      await value.acknowledge()
      return value
    },
  }
}

/** Shows that nothing else came before it. */
async function publishMarker({ url }: Mosquitto, reading: Reading): Promise<void> {
  const transport = mqttTransport({ url })
  await transport.send(STREAM, new TextEncoder().encode('marker'))
  await transport.close()
  expect(await reading.next()).toMatchObject({ kind: 'unprotected' })
}

function alarms(events: readonly WaxwingEvent[]): WaxwingEvent[] {
  const harmless = new Set(['requested', 'grant', 'parked', 'drained', 'trust', 'clock'])
  return events.filter(({ type }) => !harmless.has(type))
}
