// SPDX-License-Identifier: Apache-2.0
/** Wills as brokers see them: in CONNECT, and when the connection vanishes. */
import { setTimeout } from 'node:timers/promises'
import type { IConnectPacket, Packet } from 'mqtt-packet'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { TransportStatus } from '@waxwing/core'
import {
  mqttTransport,
  type MqttTransport,
  type MqttTransportOptions,
  type MqttWill,
} from '@waxwing/mqtt'
import {
  MessageLog,
  mosquittoAvailable,
  requireOrSkip,
  startMosquitto,
  startProxy,
} from '@waxwing/testkit'
import { friendly, startScriptedBroker, type ScriptedBroker } from './scripted-broker.js'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const handler = new MessageLog().acknowledge

function open(
  { url }: { readonly url: string },
  options: Partial<MqttTransportOptions> = {},
): MqttTransport {
  const transport = mqttTransport({ url, reconnectMinMs: 10, ...options })
  onTestFinished(() => transport.close())
  return transport
}

/** A will whose bytes tell how often it was made. */
function counted(address = 'gone'): MqttWill & { madeCount: number } {
  const will = { address, madeCount: 0, payload: () => bytes(++will.madeCount) }
  return will
}

/** The wills of the sending connections so far: address and bytes. */
function wills({ received }: ScriptedBroker): unknown[] {
  return connects(received, '-control').map(({ will }) => will && [will.topic, ...numbersOf(will)])
}

function numbersOf({ payload }: { readonly payload: Uint8Array | string }): number[] {
  return Array.from(Buffer.from(payload as Uint8Array))
}

function connects(received: ScriptedBroker['received'], suffix: string): IConnectPacket[] {
  return received
    .map(({ packet }) => packet)
    .filter((packet) => packet.cmd === 'connect')
    .filter(({ clientId }) => clientId.endsWith(suffix))
}

function errorsOf(transport: MqttTransport): unknown[] {
  const errors: unknown[] = []
  transport.onStatus((status: TransportStatus) => {
    if (status.state === 'error') errors.push(status.error)
  })
  return errors
}

describe('a will', () => {
  it('stands in what the sending connection begins with, and in no other', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const will = { address: 'gone', payload: bytes(1, 2), retained: true }
    const transport = open(broker, { clientId: 'x', will })
    await transport.subscribe('data', handler)
    await transport.send('a', bytes(1))
    const [sending] = connects(broker.received, 'x-control')
    expect(sending?.will).toMatchObject({ topic: 'gone', qos: 1, retain: true })
    expect(wills(broker)).toEqual([['gone', 1, 2]])
    const [data] = connects(broker.received, 'x')
    expect(data).toBeDefined()
    expect(data?.will).toBeUndefined()
  })

  it.each([
    [{ qos: 2 }, {}, 2],
    [{ qos: 2 }, { qos: 0 }, 0],
    [{ qos: 0 }, { address: 'waxwing/v1/inbox/AQID' }, 1],
  ] as const)('of a transport with %j, given with %j, has QoS %i', async (options, more, qos) => {
    const broker = await startScriptedBroker(5, friendly)
    const will = { address: 'gone', payload: bytes(1), ...more }
    await open(broker, { ...options, will }).send('a', bytes(1), { qos: 1 })
    expect(connects(broker.received, '-control')[0]?.will).toMatchObject({ qos })
  })

  it('that is a function is made anew for each connection', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect') connectCount++
      if (packet.cmd === 'publish' && connectCount < 3) peer.destroy()
      else friendly(packet, peer)
    })
    await open(broker, { will: counted() }).send('a', bytes(1))
    expect(wills(broker)).toEqual([
      ['gone', 1],
      ['gone', 2],
      ['gone', 3],
    ])
  })

  it('is not read again from what the application changes later', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const payload = bytes(1)
    const transport = open(broker, { will: { address: 'gone', payload } })
    payload.fill(9)
    await transport.send('a', bytes(1))
    expect(wills(broker)).toEqual([['gone', 1]])
  })
})

describe('setting a will', () => {
  it.each([4, 5] as const)(
    'says goodbye and connects again, with sessions kept (version %i)',
    async (protocolVersion) => {
      const broker = await startScriptedBroker(protocolVersion, friendly)
      const transport = open(broker, { protocolVersion, clientId: 'x', reconnectMinMs: 60_000 })
      await transport.send('a', bytes(1))
      await transport.setWill(counted())
      expect(wills(broker)).toEqual([undefined, ['gone', 1]])
      await transport.setWill(undefined)
      expect(wills(broker)).toEqual([undefined, ['gone', 1], undefined])
      const commands = broker.received.map(({ packet }) => packet.cmd)
      const visits = ['connect', 'publish', 'disconnect', 'connect', 'disconnect', 'connect']
      expect(commands).toEqual(visits)
      for (const { clean } of connects(broker.received, '-control')) expect(clean).toBe(false)
      for (const { packet } of broker.received) {
        if (packet.cmd === 'disconnect') expect(packet.properties).toBeUndefined()
      }
    },
  )

  it('lets what is in flight be answered, and sends what waits afterwards, each once', async () => {
    const held: (() => void)[] = []
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'publish' && held.length < 2) held.push(() => friendly(packet, peer))
      else friendly(packet, peer)
    })
    const transport = open(broker)
    const first = [1, 2].map((value) => transport.send('a', bytes(value)))
    await broker.until((packet) => packet.cmd === 'publish' && packet.payload[0] === 2)
    const set = transport.setWill(counted())
    const later = [3, 4].map((value) => transport.send('a', bytes(value)))
    await setTimeout(50)
    expect(broker.received.map(({ packet }) => packet.cmd)).not.toContain('disconnect')
    for (const answer of held) answer()
    await Promise.all([...first, set, ...later])
    const published = broker.received.flatMap(({ packet }) =>
      packet.cmd === 'publish' ? [`${packet.payload[0]} ${packet.dup}`] : [],
    )
    expect(published).toEqual(['1 false', '2 false', '3 false', '4 false'])
    expect(wills(broker)).toEqual([undefined, ['gone', 1]])
  })

  it('waits no longer than closing would for what nobody answers', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect') connectCount++
      if (packet.cmd !== 'publish' || connectCount > 1) friendly(packet, peer)
    })
    const transport = open(broker, { closeTimeoutMs: 50 })
    const sent = transport.send('a', bytes(1))
    await broker.until(isPublish)
    await transport.setWill(counted())
    await sent
    expect(wills(broker)).toEqual([undefined, ['gone', 1]])
  })

  it('while a connection is being made takes another one', async () => {
    const answers: (() => void)[] = []
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect' && answers.length === 0) {
        answers.push(() => friendly(packet, peer))
      } else friendly(packet, peer)
    })
    const transport = open(broker)
    await broker.until((packet) => packet.cmd === 'connect')
    const set = transport.setWill(counted())
    answers[0]?.()
    await set
    expect(wills(broker)).toEqual([undefined, ['gone', 1]])
    await transport.send('a', bytes(1))
  })

  it('twice at once ends with the later one', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const transport = open(broker)
    await transport.send('a', bytes(1))
    await Promise.all([transport.setWill(counted('one')), transport.setWill(counted('two'))])
    expect(wills(broker).at(-1)).toEqual(['two', 1])
    await transport.send('a', bytes(1))
  })

  it('fails where it cannot be made; the connection goes on without one', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const transport = open(broker)
    const errors = errorsOf(transport)
    await transport.send('a', bytes(1))
    const payload = (): never => {
      throw new Error('not ready')
    }
    await expect(transport.setWill({ address: 'gone', payload })).rejects.toThrow('not ready')
    await transport.send('a', bytes(2))
    expect(wills(broker)).toEqual([undefined, undefined])
    expect(errors).toEqual([])
  })

  it('that cannot be made again is reported, made the next time, and stops nothing', async () => {
    const made: (() => Uint8Array)[] = [() => bytes(1), () => bytes(...Array(70_000).keys())]
    let publishCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (isPublish(packet) && ++publishCount <= 2) peer.destroy()
      else friendly(packet, peer)
    })
    const transport = open(broker)
    const errors = errorsOf(transport)
    await transport.setWill({ address: 'gone', payload: () => made.shift()?.() ?? bytes(3) })
    await transport.send('a', bytes(1))
    expect(wills(broker).slice(-3)).toEqual([['gone', 1], undefined, ['gone', 3]])
    expect(errors.map(String)).toContainEqual(expect.stringMatching(/RangeError: will.payload/))
  })

  it('for which the broker refuses the connection is given up, and the connection comes back', async () => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect' && packet.will !== undefined) {
        peer.send({ cmd: 'connack', reasonCode: 135, sessionPresent: false })
      } else friendly(packet, peer)
    })
    const transport = open(broker)
    const errors = errorsOf(transport)
    await transport.send('a', bytes(1))
    const set = transport.setWill(counted())
    await expect(set).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await transport.send('a', bytes(2))
    expect(wills(broker)).toEqual([undefined, ['gone', 1], undefined])
    expect(errors).toEqual([])
  })

  it('wants a will, and a transport that is open', async () => {
    const broker = await startScriptedBroker(5, () => undefined)
    const transport = open(broker)
    const wrong = { address: 'gone/#', payload: bytes(1) }
    await expect(transport.setWill(wrong)).rejects.toThrow(TypeError)
    const text = { address: 'gone', payload: 'text' as unknown as Uint8Array }
    await expect(transport.setWill(text)).rejects.toThrow(/will.payload must be bytes/)
    const waiting = transport.setWill(counted())
    const closed = transport.close()
    await expect(waiting).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await closed
    await expect(transport.setWill(undefined)).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('is no hindrance to closing at the same time', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const transport = open(broker, { closeTimeoutMs: 60_000 })
    await transport.send('a', bytes(1))
    const set = transport.setWill(counted())
    const began = performance.now()
    await Promise.all([
      expect(set).rejects.toMatchObject({ code: 'ERR_CLOSED' }),
      transport.close(),
    ])
    expect(performance.now() - began).toBeLessThan(20_000)
    expect(broker.received.at(-1)?.packet.cmd).toBe('disconnect')
  })
})

const settings = [
  ['MQTT 3.1.1', { protocolVersion: 4 }, {}],
  ['MQTT 3.1.1 with a session', { protocolVersion: 4, clientId: 'mortal' }, {}],
  ['MQTT 5', { protocolVersion: 5 }, {}],
  ['MQTT 5 over WebSocket', { protocolVersion: 5 }, { websockets: true }],
] as const

describeWithMosquitto('a will that was set', () => {
  it.each(settings)('is published when the connection breaks (%s)', async (_, mqtt, how) => {
    const broker = await startMosquitto(how)
    onTestFinished(() => broker.close())
    const proxy = await startProxy(broker.port)
    onTestFinished(() => proxy.close())
    const { protocol } = new URL(broker.url)
    const mortal = open({ url: `${protocol}//127.0.0.1:${proxy.port}` }, mqtt)
    const [witness, log] = [open(broker), new MessageLog()]
    await witness.subscribe('+', log.acknowledge)
    await mortal.send('here', bytes(1))

    await mortal.setWill(counted('first'))
    await mortal.setWill(counted('second')) // takes the place of the first, which nobody sees
    await mortal.send('here', bytes(2))
    proxy.cut()
    await log.until((all) => all.some(({ address }) => address === 'second'))
    await mortal.send('here', bytes(3))
    proxy.cut()
    await mortal.send('here', bytes(4))
    await mortal.setWill(undefined)
    proxy.cut()
    await mortal.send('here', bytes(5))
    await log.until((all) => all.some(({ payload }) => payload[0] === 5))
    const came = log.messages.filter(({ address }) => address !== 'here')
    expect(came.map(({ address, payload }) => [address, ...payload])).toEqual([
      ['second', 1],
      ['second', 2],
    ])
  })

  it('and that the broker refuses is given up, and the connection comes back', async () => {
    const broker = await startMosquitto({ config: ['retain_available false'] })
    onTestFinished(() => broker.close())
    const transport = open(broker)
    await transport.send('here', bytes(1))
    const set = transport.setWill({ ...counted(), retained: true })
    await expect(set).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await transport.send('here', bytes(2))
    await transport.setWill(counted())
  })
})

function isPublish(packet: Packet): boolean {
  return packet.cmd === 'publish'
}
