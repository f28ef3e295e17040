// SPDX-License-Identifier: Apache-2.0
/** What is special to MQTT, over a real broker: sessions, restarts, wills, shares, TLS, rights. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it, onTestFinished } from 'vitest'
import { inboxAddress, type Transport, type TransportStatus } from '@waxwing/core'
import { mqttTransport, type MqttTransport, type MqttTransportOptions } from '@waxwing/mqtt'
import {
  createAuthority,
  expectReceived,
  MessageLog,
  mosquittoAvailable,
  requireOrSkip,
  startMosquitto,
  startProxy,
  type CuttingProxy,
  type Mosquitto,
  type MosquittoOptions,
} from '@waxwing/testkit'

const describeWithMosquitto = requireOrSkip('mosquitto', mosquittoAvailable())
const INBOX = inboxAddress(Uint8Array.of(1, 2, 3))
const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

describeWithMosquitto('a restart of the broker', () => {
  it('loses nothing where the broker persists', async () => {
    const broker = await start({ persistence: true })
    const receiver = open(broker, { clientId: 'receiver' })
    const sender = open(broker, { clientId: 'sender' })
    const [data, control] = [new MessageLog(), new MessageLog()]
    await receiver.subscribe('plant/#', data.acknowledge)
    await receiver.subscribe(INBOX, control.acknowledge)
    await sender.send('plant/1', bytes(1))
    await expectReceived(data, bytes(1))
    await broker.stop()
    const sends = [sender.send('plant/1', bytes(2)), sender.send(INBOX, bytes(3))]
    await broker.start()
    await Promise.all(sends)
    await expectReceived(data, bytes(2))
    await expectReceived(control, bytes(3))
  })

  it('makes the subscriptions again where the broker forgot the session', async () => {
    const broker = await start()
    const transport = open(broker)
    const [data, control] = [new MessageLog(), new MessageLog()]
    await transport.subscribe('plant/#', data.acknowledge)
    await transport.subscribe(INBOX, control.acknowledge)
    await broker.stop('SIGKILL')
    const back = nextState(transport, 'connected')
    await broker.start()
    await back
    await transport.send(INBOX, bytes(1))
    await expectReceived(control, bytes(1))
    await transport.send('plant/1', bytes(2))
    await expectReceived(data, bytes(2))
  })

  it('is no end of sends and subscriptions made while there is no broker', async () => {
    const broker = await start()
    await broker.stop()
    const transport = open(broker)
    const refused = nextError(transport)
    const log = new MessageLog()
    const subscribed = transport.subscribe('a', log.acknowledge)
    const sent = transport.send('b', bytes(1))
    expect(await refused).toMatchObject({ code: 'ERR_TRANSPORT' })
    await broker.start()
    await Promise.all([subscribed, sent])
    await transport.send('a', bytes(2))
    await expectReceived(log, bytes(2))
  })
})

describeWithMosquitto('a break of the connection', () => {
  it('loses nothing, even without a name of the session (MQTT 5)', async () => {
    const broker = await start()
    const [proxy, sender] = [await relay(broker), open(broker)]
    const [reader, log] = [open(proxy), new MessageLog()]
    await reader.subscribe('a', log.acknowledge)
    proxy.sever()
    await nextState(reader, 'disconnected')
    await sender.send('a', bytes(1))
    proxy.heal()
    await expectReceived(log, bytes(1))
  })
})

describeWithMosquitto('waiting sends', () => {
  it('all go out when the broker comes, in any number', async () => {
    const broker = await start()
    await broker.stop()
    const [transport, log] = [open(broker, { maxWaitingSends: 20_000 }), new MessageLog()]
    const empty = new Uint8Array()
    const sends = Array.from({ length: 19_999 }, () => transport.send('a', empty, { qos: 0 }))
    sends.push(transport.send('b', bytes(1)))
    await broker.start()
    await Promise.all(sends)
    await transport.subscribe('b', log.acknowledge)
    await transport.send('b', bytes(2))
    await expectReceived(log, bytes(2))
  })

  it('are bounded in number and in bytes', async () => {
    const broker = await start()
    await broker.stop()
    const transport = open(broker, { maxWaitingSends: 3, maxWaitingBytes: 100, closeTimeoutMs: 1 })
    const waiting = [1, 2].map((value) => transport.send('a', bytes(value)))
    const tooLarge = transport.send('a', new Uint8Array(99))
    await expect(tooLarge).rejects.toMatchObject({ details: { rule: 'maxWaitingBytes' } })
    waiting.push(transport.send('a', new Uint8Array(98)))
    const tooMany = transport.send('a', new Uint8Array())
    await expect(tooMany).rejects.toMatchObject({ details: { rule: 'maxWaitingSends' } })
    await transport.close()
    for (const send of waiting) await expect(send).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describeWithMosquitto('an unacknowledged message', () => {
  it.each([
    [1, 5],
    [2, 5],
    [1, 4],
    [2, 4],
  ] as const)(
    'comes again after the reader was killed (QoS %i, MQTT version %i)',
    async (qos, protocolVersion) => {
      const broker = await start()
      const settings = { clientId: 'reader', protocolVersion, qos }
      const child = await startReader({ url: broker.url, ...settings }, 'plant/#')
      const sender = open(broker, { qos, protocolVersion })
      await sender.send('plant/1', bytes(1, 2))
      expect(await nextLine(child)).toBe('false 0102')
      child.kill('SIGKILL')
      await once(child, 'exit')

      const [reader, log] = [open(broker, settings), new MessageLog()]
      await reader.subscribe('plant/#', log.acknowledge)
      expect(await log.at(0)).toMatchObject({ redelivered: true, payload: bytes(1, 2) })
    },
  )

  it('cannot be acknowledged any more once the connection broke', async () => {
    const broker = await start()
    const proxy = await relay(broker)
    const [reader, log] = [open(proxy, { clientId: 'reader' }), new MessageLog()]
    await reader.subscribe('plant/#', log.hold)
    await reader.send('plant/1', bytes(1))
    const first = await log.at(0)
    proxy.cut()
    const again = await log.at(1)
    expect(again.redelivered).toBe(true)
    await expect(first.acknowledge()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(again.acknowledge()).resolves.toBeUndefined()
  })

  it('cannot be acknowledged any more once the transport is closed', async () => {
    const broker = await start()
    const [reader, log] = [open(broker), new MessageLog()]
    await reader.subscribe('a', log.hold)
    await reader.send('a', bytes(1))
    const message = await log.at(0)
    await reader.close()
    await expect(message.acknowledge()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('is offered again to a handler that rejected, and marked', async () => {
    const broker = await start()
    const [transport, log] = [open(broker, { retryHandlerMs: 5 }), new MessageLog()]
    await transport.subscribe('a', async (message) => {
      if (!message.redelivered) throw new Error('not yet')
      await log.acknowledge(message)
    })
    const reported = nextError(transport)
    await transport.send('a', bytes(1))
    expect(await log.at(0)).toMatchObject({ redelivered: true, payload: bytes(1) })
    expect(String(await reported)).toContain('not yet')
  })

  it('of a closed subscription waits for the next one', async () => {
    const broker = await start()
    const [transport, held, log] = [open(broker), new MessageLog(), new MessageLog()]
    const subscription = await transport.subscribe('a/#', held.hold)
    await transport.send('a/1', bytes(1))
    await held.at(0)
    await subscription.close()
    await transport.subscribe('a/#', log.acknowledge)
    expect(await log.at(0)).toMatchObject({ redelivered: true, payload: bytes(1) })
  })
})

describeWithMosquitto('back-pressure', () => {
  it.each([0, 1, 2] as const)(
    'keeps few messages in the hands of handlers (QoS %i)',
    async (qos) => {
      const broker = await start()
      const sender = open(broker)
      const receiver = open(broker, { qos, maxUnacknowledged: 4 })
      let [held, most] = [0, 0]
      const log = new MessageLog()
      await receiver.subscribe('a', async (message) => {
        most = Math.max(most, ++held)
        await new Promise((resolve) => {
          setImmediate(resolve)
        })
        held--
        await log.acknowledge(message)
      })
      const payloads = Array.from({ length: 60 }, (_, index) => bytes(index))
      await Promise.all(payloads.map((payload) => sender.send('a', payload, { qos })))
      await expectReceived(log, ...payloads)
      expect(log.messages).toHaveLength(60)
      expect(most).toBeLessThanOrEqual(4)
    },
  )

  it('keeps the connection alive while nothing is read from it', async () => {
    const broker = await start()
    const sender = open(broker)
    const receiver = open(broker, { clientId: 'slow', maxUnacknowledged: 1, keepAliveSeconds: 2 })
    const log = new MessageLog()
    await receiver.subscribe('a', log.hold)
    for (const value of [1, 2, 3]) await sender.send('a', bytes(value), { qos: 0 })
    const first = await log.at(0)
    const states: string[] = []
    receiver.onStatus(({ state }) => states.push(state))
    await loggedTimes(broker, 'Received PINGREQ from slow\n', 3) // 3 s without an answer kill it
    await first.acknowledge()
    await (await log.at(1)).acknowledge()
    await log.at(2)
    expect(states).toEqual([])
  })
})

describeWithMosquitto('a will', () => {
  const will = { address: 'gone', payload: bytes(0, 255, 1), retained: true }

  it('is sent, as it was given, when the transport vanishes', async () => {
    const broker = await start()
    const [proxy, log] = [await relay(broker), new MessageLog()]
    const [mortal, witness] = [open(proxy, { will }), open(broker)]
    await witness.subscribe('gone', log.acknowledge)
    await mortal.send('here', bytes(1))
    proxy.sever()
    expect(await log.at(0)).toMatchObject({ payload: will.payload, retained: false })
    const [late, lateLog] = [open(broker), new MessageLog()]
    await late.subscribe('gone', lateLog.acknowledge)
    expect(await lateLog.at(0)).toMatchObject({ payload: will.payload, retained: true })
  })

  it.each([4, 5] as const)('is not sent after close (version %i)', async (protocolVersion) => {
    const broker = await start()
    const [mortal, witness] = [open(broker, { will, protocolVersion }), open(broker)]
    const log = new MessageLog()
    await witness.subscribe('#', log.acknowledge)
    await mortal.subscribe('x', log.hold)
    await mortal.send('here', bytes(1))
    await mortal.close()
    await witness.send('marker', bytes(2))
    await expectReceived(log, bytes(1), bytes(2))
    expect(log.messages).toHaveLength(2)
  })
})

describeWithMosquitto('a shared subscription', () => {
  it.each([4, 5] as const)('divides the messages (version %i)', async (protocolVersion) => {
    const broker = await start()
    const sender = open(broker)
    const logs = [new MessageLog(), new MessageLog()]
    for (const log of logs) {
      const member = open(broker, { protocolVersion })
      await member.subscribe('$share/group/plant/+', (message) => {
        both.record(message)
        return log.acknowledge(message)
      })
    }
    const both = new MessageLog()
    const payloads = Array.from({ length: 40 }, (_, index) => bytes(index))
    for (const payload of payloads) await sender.send('plant/1', payload)
    await expectReceived(both, ...payloads)
    expect(both.messages).toHaveLength(40)
    for (const log of logs) expect(log.messages.length).toBeGreaterThan(0)
  })
})

describeWithMosquitto('rights and identities', () => {
  const users = { owner: 'correct horse', guest: '' }

  it('are asked for at each connection, and the password may come from a function', async () => {
    const broker = await start({ users })
    const proxy = await relay(broker)
    let callCount = 0
    const password = async (): Promise<string> => {
      callCount++
      return users.owner
    }
    const transport = open(proxy, { username: 'owner', password })
    await transport.send('a', bytes(1))
    expect(callCount).toBe(1)
    const back = nextState(transport, 'connected')
    proxy.cut()
    await back
    await transport.send('a', bytes(2))
    expect(callCount).toBe(2)
  })

  it('that fail to come are reported, and asked for again', async () => {
    const broker = await start({ users })
    let callCount = 0
    const password = (): string => {
      if (callCount++ === 0) throw new Error('the vault is closed')
      return users.owner
    }
    const transport = open(broker, { username: 'owner', password })
    const error = nextError(transport)
    await transport.send('a', bytes(1))
    expect(String(await error)).toContain('the vault is closed')
  })

  it('refuse a send that the broker forbids (MQTT 5)', async () => {
    const acl = ['user owner', 'topic readwrite #', 'user guest', 'topic read public/#']
    const broker = await start({ users: { owner: 'a', guest: 'b' }, acl })
    const guest = open(broker, { username: 'guest', password: 'b' })
    const sent = guest.send('public/1', bytes(1))
    await expect(sent).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(sent).rejects.toThrow('public/1: Not authorized')
    const owner = open(broker, { username: 'owner', password: 'a' })
    await expect(owner.send('public/1', bytes(1))).resolves.toBeUndefined()
  })
})

describeWithMosquitto('TLS', () => {
  it('takes a client certificate for the user', async () => {
    const broker = await start({ tls: 'mutual', acl: ['user device-7', 'topic readwrite d7/#'] })
    const { ca } = broker.authority ?? createAuthority('none')
    const identity = broker.authority?.issue('device-7')
    const [device, log] = [open(broker, { tls: { ca, ...identity } }), new MessageLog()]
    await device.subscribe('d7/#', log.acknowledge)
    await device.send('d7/1', bytes(1))
    await expectReceived(log, bytes(1))
    await expect(device.send('d8/1', bytes(1))).rejects.toThrow(/Not authorized/)
  })

  it('trusts nobody but the authority given', async () => {
    const broker = await start({ tls: true })
    const stranger = open(broker, { tls: { ca: createAuthority('stranger').ca } })
    expect(await nextError(stranger)).toMatchObject({ code: 'ERR_TRANSPORT' })
    const naive = open(broker)
    expect(await nextError(naive)).toMatchObject({ code: 'ERR_TRANSPORT' })
  })
})

describeWithMosquitto('sizes', () => {
  it('over what the broker takes are refused without harm to the connection', async () => {
    const broker = await start({ config: ['max_packet_size 2000'] })
    const [transport, log] = [open(broker), new MessageLog()]
    await transport.subscribe('a', log.acknowledge)
    const states: string[] = []
    transport.onStatus(({ state }) => states.push(state))
    const sent = transport.send('a', new Uint8Array(2000))
    await expect(sent).rejects.toMatchObject({ code: 'ERR_LIMIT' })
    await transport.send('a', new Uint8Array(1900))
    await log.at(0)
    expect(states).toEqual([])
  })

  it('over what this reader takes are dropped and reported, and others arrive', async () => {
    const broker = await start()
    const sender = open(broker)
    const reader = open(broker, { maxPayloadBytes: 10, protocolVersion: 4, clientId: 'small' })
    const [log, error] = [new MessageLog(), nextError(reader)]
    await reader.subscribe('a', log.acknowledge)
    await sender.send('a', new Uint8Array(11))
    await sender.send('a', new Uint8Array(10))
    expect((await log.at(0)).payload).toHaveLength(10)
    expect(await error).toMatchObject({ code: 'ERR_LIMIT', details: { rule: 'maxPayloadBytes' } })
  })
})

describeWithMosquitto('a quality of service', () => {
  it.each([0, 1, 2] as const)('of %i carries messages both ways', async (qos) => {
    const broker = await start()
    const [transport, log] = [open(broker, { qos }), new MessageLog()]
    await transport.subscribe('a', log.acknowledge)
    await transport.send('a', bytes(1))
    await transport.send('a', bytes(2), { qos: 0 })
    await transport.send('a', bytes(3), { qos: 2 })
    await expectReceived(log, bytes(1), bytes(2), bytes(3))
    expect(log.messages).toHaveLength(3)
  })
})

async function start(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const broker = await startMosquitto(options)
  onTestFinished(() => broker.close())
  return broker
}

async function relay(broker: Mosquitto): Promise<CuttingProxy & { url: string }> {
  const proxy = await startProxy(broker.port)
  onTestFinished(() => proxy.close())
  return Object.assign(proxy, { url: `mqtt://127.0.0.1:${proxy.port}` })
}

function open(
  broker: { readonly url: string },
  options: Partial<MqttTransportOptions> = {},
): MqttTransport {
  const transport = mqttTransport({ url: broker.url, reconnectMinMs: 20, ...options })
  onTestFinished(() => transport.close())
  return transport
}

function nextStatus(
  transport: Transport,
  met: (status: TransportStatus) => boolean,
): Promise<TransportStatus> {
  const { promise, resolve } = Promise.withResolvers<TransportStatus>()
  transport.onStatus((status) => {
    if (met(status)) resolve(status)
  })
  return promise
}

async function nextState(transport: Transport, state: TransportStatus['state']): Promise<void> {
  await nextStatus(transport, (status) => status.state === state)
}

async function nextError(transport: Transport): Promise<unknown> {
  const status = await nextStatus(transport, ({ state }) => state === 'error')
  return status.state === 'error' ? status.error : undefined
}

/** Waits until the broker has logged this so often. */
async function loggedTimes(broker: Mosquitto, text: string, count: number): Promise<void> {
  while (broker.log().split(text).length <= count) {
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
  }
}

/** A process that reads and never acknowledges; it says what it gets, line by line. */
async function startReader(options: MqttTransportOptions, filter: string): Promise<ChildProcess> {
  const script = fileURLToPath(new URL('reader.ts', import.meta.url))
  const child = spawn(process.execPath, [script, JSON.stringify({ options, filter })], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  expect(await nextLine(child)).toBe('ready')
  return child
}

async function nextLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('the reader has no output')
  const lines = createInterface({ input: child.stdout })
  const [line] = (await once(lines, 'line')) as [string]
  lines.close()
  return line
}
