// SPDX-License-Identifier: Apache-2.0
/** What happens when a broker says no. */
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Packet } from 'mqtt-packet'
import { inboxAddress, type Transport, type TransportStatus } from '@waxwing/core'
import { mqttTransport, type MqttTransport, type MqttTransportOptions } from '@waxwing/mqtt'
import { MessageLog, startAedes } from '@waxwing/testkit'
import { friendly, startScriptedBroker } from './scripted-broker.js'

const BYTES = Uint8Array.of(1)
const handler = new MessageLog().acknowledge

describe('a refused connection', () => {
  it('fails everything, and says which version to set, on a broker of MQTT 3.1.1 only', async () => {
    const broker = await startAedes()
    onTestFinished(() => broker.close())
    const transport = open({ url: broker.url })
    const waiting = [transport.send('a', BYTES), transport.subscribe('a', handler)]
    for (const call of waiting) {
      await expect(call).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
      await expect(call).rejects.toThrow(/protocolVersion to 4/)
    }
    await expect(transport.send('a', BYTES)).rejects.toThrow(/protocolVersion to 4/)
    await expect(transport.subscribe('a', handler)).rejects.toThrow(/protocolVersion to 4/)
  })

  it('says to set version 5 where 3.1.1 is refused', async () => {
    const broker = await startScriptedBroker(4, (packet, peer) => {
      if (packet.cmd === 'connect') {
        peer.send({ cmd: 'connack', returnCode: 1, sessionPresent: false })
      }
    })
    const transport = open({ url: broker.url, protocolVersion: 4 })
    await expect(transport.send('a', BYTES)).rejects.toThrow(/protocolVersion to 5/)
  })

  it('for wrong credentials is final, and reported', async () => {
    const broker = await startAedes({
      authenticate: (_client, _user, password, done) => done(null, String(password) === 'right'),
    })
    onTestFinished(() => broker.close())
    const credentials = { username: 'me', password: 'wrong' }
    const transport = open({ url: broker.url, protocolVersion: 4, ...credentials })
    const error = nextError(transport)
    await expect(transport.send('a', BYTES)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    expect(await error).toMatchObject({ code: 'ERR_TRANSPORT' })

    const welcome = open({ url: broker.url, protocolVersion: 4, ...credentials, password: 'right' })
    await expect(welcome.send('a', BYTES)).resolves.toBeUndefined()
  })

  it('is tried again where the broker is only busy', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect' && connectCount++ === 0) {
        peer.send({ cmd: 'connack', reasonCode: 137, sessionPresent: false })
      } else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    const error = nextError(transport)
    await transport.send('a', BYTES)
    expect(await error).toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('is tried again where it is refused after it once worked', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect' && connectCount++ === 1) {
        peer.send({ cmd: 'connack', reasonCode: 135, sessionPresent: false })
      } else if (packet.cmd === 'publish' && connectCount === 1) peer.destroy()
      else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    await transport.send('a', BYTES)
    expect(connectCount).toBe(3)
  })

  it('is reported where the broker hangs up without a word', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect' && connectCount++ === 0) peer.destroy()
      else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    const error = nextError(transport)
    await transport.send('a', BYTES)
    expect(String(await error)).toMatch(/without an answer|ECONNRESET/)
  })
})

describe('a connection that the broker ends', () => {
  it('is reported with the reason (MQTT 5), and made again', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      friendly(packet, peer)
      if (packet.cmd !== 'connect' || connectCount++ > 0) return
      peer.send({ cmd: 'disconnect', reasonCode: 142 })
    })
    const transport = open({ url: broker.url })
    expect(String(await nextError(transport))).toContain('Session taken over')
    await expect(transport.send('a', BYTES)).resolves.toBeUndefined()
  })
})

describe('a broker that sends nonsense', () => {
  it('is reported, and connected to again', async () => {
    let connectCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      friendly(packet, peer)
      if (packet.cmd === 'connect' && connectCount++ === 0) {
        peer.sendBytes(Uint8Array.of(0x36, 2, 0, 0)) // a PUBLISH with QoS 3
      }
    })
    const transport = open({ url: broker.url })
    expect(await nextError(transport)).toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(transport.send('a', BYTES)).resolves.toBeUndefined()
    expect(connectCount).toBe(2)
  })
})

describe('a broker that hangs up at once, again and again', () => {
  it('is asked after growing pauses', async () => {
    const times: number[] = []
    const broker = await startScriptedBroker(5, (packet, peer) => {
      friendly(packet, peer)
      if (packet.cmd === 'connect' && times.push(performance.now()) < 5) peer.destroy()
    })
    const transport = open({ url: broker.url, reconnectMinMs: 40 })
    await transport.send('a', BYTES)
    const [first = 0, , , , last = 0] = times
    expect(last - first).toBeGreaterThan((40 + 80 + 160 + 320) / 2 - 10) // jitter halves at most
  })
})

describe('a broker that does not answer', () => {
  it('is asked again when the connection broke before the answer', async () => {
    let subscribeCount = 0
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'subscribe' && subscribeCount++ === 0) peer.destroy()
      else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    await transport.subscribe('a', handler)
    expect(subscribeCount).toBe(2)
  })

  it('does not keep the transport from closing with a farewell', async () => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect') friendly(packet, peer)
    })
    const transport = open({ url: broker.url, closeTimeoutMs: 200 })
    const calls = [transport.subscribe(inboxAddress(BYTES), handler), transport.send('a', BYTES)]
    await broker.until(({ cmd }) => cmd === 'publish')
    const closed = transport.close()
    for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await closed
    // A session that nobody can find again ends with the connection.
    expect(await broker.until(({ cmd }) => cmd === 'disconnect')).toMatchObject({
      properties: { sessionExpiryInterval: 0 },
    })
  })

  it('is left with its session where that has a name', async () => {
    const broker = await startScriptedBroker(5, friendly)
    const transport = open({ url: broker.url, clientId: 'named' })
    await transport.subscribe('a', handler)
    await transport.send('a', BYTES)
    await transport.close()
    const farewell = await broker.until(
      ({ cmd }, clientId) => cmd === 'disconnect' && clientId === 'named',
    )
    expect(farewell).not.toHaveProperty('properties.sessionExpiryInterval')
    const commands = broker.received.map(({ packet }) => packet.cmd)
    expect(commands).not.toContain('unsubscribe')
  })
})

describe('a refused subscription', () => {
  it('names the filter (MQTT 3.1.1)', async () => {
    const broker = await startAedes({
      authorizeSubscribe: (_client, subscription, done) =>
        done(null, subscription.topic.startsWith('secret') ? null : subscription),
    })
    onTestFinished(() => broker.close())
    const transport = open({ url: broker.url, protocolVersion: 4 })
    await expect(transport.subscribe('secret/#', handler)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('secret/#'),
    })
    const log = new MessageLog()
    await transport.subscribe('open', log.acknowledge)
    await transport.send('open', BYTES)
    expect(await log.at(0)).toMatchObject({ address: 'open' })
  })

  it('names the filter and the reason (MQTT 5), on either connection', async () => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'subscribe') {
        peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [135] })
      } else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    for (const filter of ['data/+', inboxAddress(BYTES)]) {
      const refused = transport.subscribe(filter, handler)
      await expect(refused).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
      await expect(refused).rejects.toThrow(`${filter}: Not authorized`)
    }
  })

  it('is reported when it is refused only after the session was lost', async () => {
    let [subscribeCount, publishCount] = [0, 0]
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'subscribe' && subscribeCount++ > 0) {
        peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [135] })
      } else if (packet.cmd === 'publish' && publishCount++ === 0) peer.destroy()
      else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    await transport.subscribe(inboxAddress(BYTES), handler)
    const error = nextError(transport, /subscribe/)
    await transport.send('a', BYTES)
    expect(await error).toMatchObject({ code: 'ERR_TRANSPORT' })
  })

  it('is reported where the broker grants less than was asked', async () => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'subscribe') {
        peer.send({ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [0] })
      } else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    const error = nextError(transport)
    await transport.subscribe('a', handler)
    expect(String(await error)).toMatch(/grants QoS 0 to a, asked for 1/)
  })
})

describe('a refused send', () => {
  const answering = async (
    server: object,
    puback: Partial<Packet> = {},
  ): Promise<MqttTransport> => {
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect') {
        const connack = { cmd: 'connack', reasonCode: 0, sessionPresent: false } as const
        peer.send({ ...connack, properties: server })
      } else if (packet.cmd === 'publish' && 'reasonCode' in puback) {
        peer.send({ ...puback, cmd: 'puback', messageId: packet.messageId ?? 0 })
      } else friendly(packet, peer)
    })
    return open({ url: broker.url })
  }

  it('says why (MQTT 5 reason codes)', async () => {
    const transport = await answering({}, { reasonCode: 151 })
    await expect(transport.send('a', BYTES)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining('Quota exceeded'),
    })
  })

  it('does not fail because nobody subscribes', async () => {
    const transport = await answering({}, { reasonCode: 16 })
    await expect(transport.send('a', BYTES)).resolves.toBeUndefined()
  })

  it('is refused here where the broker would break the connection over it', async () => {
    const limits = { maximumPacketSize: 100, maximumQoS: 1, retainAvailable: false }
    const transport = await answering(limits)
    await expect(transport.send('a', new Uint8Array(200))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
      details: { rule: 'maximumPacketSize' },
    })
    await expect(transport.send('a', BYTES, { qos: 2 })).rejects.toThrow(/QoS 1/)
    await expect(transport.send('a', BYTES, { retained: true })).rejects.toThrow(/retained/)
    await expect(transport.send('a', BYTES)).resolves.toBeUndefined()
  })

  it.each([4, 5] as const)(
    'over which the broker breaks the connection fails, and others do not (version %i)',
    async (protocolVersion) => {
      const broker = await startScriptedBroker(protocolVersion, (packet, peer) => {
        if (packet.cmd === 'publish' && packet.topic === 'bad') peer.destroy()
        else friendly(packet, peer)
      })
      const transport = open({ url: broker.url, protocolVersion, reconnectMinMs: 2 })
      const sends = ['good', 'bad', 'good'].map((address) => transport.send(address, BYTES))
      await expect(sends[1]).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
      await expect(sends[1]).rejects.toThrow(/breaks the connection over a message to bad/)
      await Promise.all([sends[0], sends[2]])
    },
  )

  it('keeps within the window that the broker gave', async () => {
    let [open_, most] = [0, 0]
    const broker = await startScriptedBroker(5, (packet, peer) => {
      if (packet.cmd === 'connect') {
        const properties = { receiveMaximum: 3 }
        peer.send({ cmd: 'connack', reasonCode: 0, sessionPresent: false, properties })
      } else if (packet.cmd === 'publish') {
        most = Math.max(most, ++open_)
        setImmediate(() => {
          open_--
          friendly(packet, peer)
        })
      } else friendly(packet, peer)
    })
    const transport = open({ url: broker.url })
    await Promise.all(Array.from({ length: 30 }, () => transport.send('a', BYTES)))
    expect(most).toBe(3)
  })

  it.each([
    ['an address with a wildcard', 'a/+', {}, TypeError],
    ['an unknown QoS', 'a', { qos: 3 as 2 }, RangeError],
    ['a fractional expiry', 'a', { expiresAfterSeconds: 0.5 }, RangeError],
  ])('for %s is a bug of the caller', async (_, address, options, error) => {
    const transport = open({ url: 'mqtt://127.0.0.1:1' })
    await expect(transport.send(address, BYTES, options)).rejects.toThrow(error)
  })

  it('with properties is unsupported in MQTT 3.1.1', async () => {
    const transport = open({ url: 'mqtt://127.0.0.1:1', protocolVersion: 4 })
    const sent = transport.send('a', BYTES, { properties: { a: 'b' } })
    await expect(sent).rejects.toMatchObject({ code: 'ERR_UNSUPPORTED' })
  })
})

function open(options: MqttTransportOptions): MqttTransport {
  const transport = mqttTransport({ reconnectMinMs: 20, closeTimeoutMs: 500, ...options })
  onTestFinished(() => transport.close())
  return transport
}

function nextError(transport: Transport, pattern = /./): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>()
  transport.onStatus((status: TransportStatus) => {
    if (status.state === 'error' && pattern.test(String(status.error))) resolve(status.error)
  })
  return promise
}
