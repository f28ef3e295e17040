// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import type { Received, Transport, TransportStatus } from '@waxwing/core'
import { fixedClock, memoryBroker, memoryTransport } from '@waxwing/client/testing'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)

/** Subscribes and keeps what comes, acknowledged at once unless told otherwise. */
async function collect(
  transport: Transport,
  filter: string,
  options: { acknowledge?: boolean } = {},
): Promise<Received[]> {
  const received: Received[] = []
  await transport.subscribe(filter, async (message) => {
    received.push(message)
    if (options.acknowledge ?? true) await message.acknowledge()
  })
  return received
}

const payloads = (messages: readonly Received[]): number[][] =>
  messages.map(({ payload }) => [...payload])

describe('memory broker: delivery', () => {
  it('delivers to every matching subscription, in order, with copies of its own', async () => {
    const broker = memoryBroker()
    const sender = memoryTransport(broker)
    const exact = await collect(memoryTransport(broker), 'plant/1/temperature')
    const level = await collect(memoryTransport(broker), 'plant/+/temperature')
    const rest = await collect(memoryTransport(broker), 'plant/#')
    const other = await collect(memoryTransport(broker), 'plant/+')
    const payload = bytes(1)
    const sent = sender.send('plant/1/temperature', payload)
    payload[0] = 9
    await sent
    await sender.send('plant/1/temperature', bytes(2))
    await broker.idle()
    for (const got of [exact, level, rest]) expect(payloads(got)).toEqual([[1], [2]])
    expect(other).toEqual([])
    exact[0]!.payload[0] = 7
    expect(level[0]!.payload[0]).toBe(1)
    expect(broker.carried.map((one) => Array.from(one.payload))).toEqual([[1], [2]])
  })

  it('matches a/# with a, and no wildcard with $ topics', async () => {
    const broker = memoryBroker()
    const parent = await collect(memoryTransport(broker), 'a/#')
    const all = await collect(memoryTransport(broker), '#')
    broker.inject('a', bytes(1))
    broker.inject('$SYS/load', bytes(2))
    await broker.idle()
    expect(payloads(parent)).toEqual([[1]])
    expect(payloads(all)).toEqual([[1]])
  })

  it('gives late subscribers the retained message, marked, until an empty one removes it', async () => {
    const broker = memoryBroker()
    const sender = memoryTransport(broker)
    const live = await collect(memoryTransport(broker), 'a')
    await sender.send('a', bytes(1), { retained: true })
    await sender.send('a', bytes(2), { retained: true })
    const late = await collect(memoryTransport(broker), 'a')
    await broker.idle()
    expect(live.map((one) => one.retained)).toEqual([false, false])
    expect(late.map((one) => [one.payload[0], one.retained])).toEqual([[2, true]])
    await sender.send('a', bytes(), { retained: true })
    expect(broker.retained('a')).toBeUndefined()
    expect(await collect(memoryTransport(broker), 'a')).toEqual([])
  })

  it('takes turns among the members of a shared subscription', async () => {
    const broker = memoryBroker()
    const one = await collect(memoryTransport(broker), '$share/g/a/#')
    const two = await collect(memoryTransport(broker), '$share/g/a/#')
    const payload = new Uint8Array(1)
    for (const value of [1, 2, 3, 4]) {
      payload[0] = value // what is injected is copied
      broker.inject('a/b', payload)
    }
    await broker.idle()
    expect(payloads(one)).toEqual([[1], [3]])
    expect(payloads(two)).toEqual([[2], [4]])
  })

  it('gives what a member of a group leaves for good to the others, and waits for one that comes back', async () => {
    const broker = memoryBroker()
    const lost = memoryTransport(broker)
    const kept = memoryTransport(broker, { clientId: 'kept' })
    const unacknowledged = await collect(lost, '$share/g/a', { acknowledge: false })
    const first = await collect(kept, '$share/g/a', { acknowledge: false })
    for (const value of [1, 2]) broker.inject('a', bytes(value))
    await broker.idle()
    expect([payloads(unacknowledged), payloads(first)]).toEqual([[[1]], [[2]]])
    lost.disconnect()
    await broker.idle()
    expect(payloads(first)).toEqual([[2], [1]])
    expect(first.map(({ redelivered }) => redelivered)).toEqual([false, true])
    kept.disconnect()
    kept.reconnect()
    await broker.idle()
    expect(payloads(first.slice(2))).toEqual([[2], [1]])
  })

  it('sets aside what is rejected, once and instead of an acknowledgement', async () => {
    const broker = memoryBroker({ deadLetters: true })
    const reader = memoryTransport(broker, { clientId: 'reader' })
    const received = await collect(reader, 'a', { acknowledge: false })
    for (const value of [1, 2, 3]) broker.inject('a', bytes(value))
    await broker.idle()
    await received[0]?.reject?.('é'.repeat(200))
    await received[0]?.reject?.('again')
    await received[1]?.acknowledge()
    await received[1]?.reject?.('too late')
    reader.disconnect()
    await received[2]?.reject?.('not connected')
    expect(broker.rejected.map(({ reason }) => reason)).toEqual(['é'.repeat(127)])
    reader.reconnect()
    await broker.idle()
    expect(payloads(received.slice(3))).toEqual([[3]])
    expect(memoryBroker().rejected).toEqual([])
  })

  it('has no way to reject unless it keeps dead letters', async () => {
    const broker = memoryBroker()
    const received = await collect(memoryTransport(broker), 'a')
    broker.inject('a', bytes(1))
    await broker.idle()
    expect(received[0]).not.toHaveProperty('reject')
  })

  it('drops what expired while it waited', async () => {
    const clock = fixedClock(0)
    const broker = memoryBroker({ clock })
    const reader = memoryTransport(broker, { clientId: 'reader' })
    const received = await collect(reader, 'a')
    reader.disconnect()
    const sender = memoryTransport(broker)
    await sender.send('a', bytes(1), { expiresAfterSeconds: 10 })
    await sender.send('a', bytes(2))
    clock.advance(10_000)
    reader.reconnect()
    await broker.idle()
    expect(payloads(received)).toEqual([[2]])
  })

  it('replays its history by filter and time where it keeps one', async () => {
    const clock = fixedClock(1000)
    const broker = memoryBroker({ clock, history: 'all' })
    for (const value of [1, 2, 3]) {
      broker.inject('a', bytes(value))
      broker.inject('b', bytes(value))
      clock.advance(1000)
    }
    const transport = memoryTransport(broker)
    const span = { from: new Date(2000), until: new Date(3000) }
    const found = await Array.fromAsync(transport.replay!('a', span))
    expect(payloads(found)).toEqual([[2], [3]])
    expect(found.map(({ storedAt }) => storedAt?.getTime())).toEqual([2000, 3000])
    expect(transport.limits.history).toBe('all')
    expect(memoryTransport(memoryBroker()).replay).toBeUndefined()
    await transport.close()
    const closed = transport.replay!('a', span)[Symbol.asyncIterator]().next()
    await expect(closed).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })

  it('replays what is retained where that is all its history', async () => {
    const broker = memoryBroker({ history: 'newest' })
    for (const value of [1, 2]) broker.inject('a', bytes(value), { retained: true })
    broker.inject('a', bytes(3))
    const transport = memoryTransport(broker)
    const found = await Array.fromAsync(transport.replay!('#', {}))
    expect(found).toMatchObject([{ address: 'a', payload: bytes(2), retained: true }])
    expect(transport.limits.history).toBe('newest')
  })
})

describe('memory broker: acknowledgement and sessions', () => {
  it('delivers again, marked, what was not acknowledged before the connection broke', async () => {
    const broker = memoryBroker()
    const reader = memoryTransport(broker, { clientId: 'reader' })
    const received = await collect(reader, 'a', { acknowledge: false })
    for (const value of [1, 2]) broker.inject('a', bytes(value))
    await broker.idle()
    await received[0]!.acknowledge()
    reader.disconnect()
    broker.inject('a', bytes(3))
    await received[1]!.acknowledge() // over a connection that is gone
    await broker.idle()
    expect(received).toHaveLength(2)
    reader.reconnect()
    await broker.idle()
    expect(received.slice(2).map((one) => [one.payload[0], one.redelivered])).toEqual([
      [2, true],
      [3, false],
    ])
  })

  it('takes no late acknowledgement for a message that it delivers again', async () => {
    const broker = memoryBroker()
    const reader = memoryTransport(broker, { clientId: 'reader' })
    const received = await collect(reader, 'a', { acknowledge: false })
    broker.inject('a', bytes(1))
    for (let deliveries = 1; deliveries <= 3; deliveries++) {
      await broker.idle()
      expect(received).toHaveLength(deliveries)
      if (deliveries > 1) await received[0]!.acknowledge()
      reader.disconnect()
      reader.reconnect()
    }
  })

  it('keeps the queue of a named client for its next transport', async () => {
    const broker = memoryBroker()
    const first = memoryTransport(broker, { clientId: 'reader' })
    await collect(first, 'a', { acknowledge: false })
    broker.inject('a', bytes(1))
    await broker.idle()
    await first.close()
    broker.inject('a', bytes(2))
    const received = await collect(memoryTransport(broker, { clientId: 'reader' }), 'a')
    await broker.idle()
    expect(received.map((one) => [one.payload[0], one.redelivered])).toEqual([
      [1, true],
      [2, false],
    ])
  })

  it('keeps nothing for a client without a name, and subscribes it again', async () => {
    const broker = memoryBroker()
    const reader = memoryTransport(broker)
    const received = await collect(reader, 'a')
    reader.disconnect()
    broker.inject('a', bytes(1))
    broker.inject('a', bytes(3), { retained: true })
    reader.reconnect()
    broker.inject('a', bytes(2))
    await broker.idle()
    expect(payloads(received)).toEqual([[3], [2]])
  })

  it('lets the newer of two transports of one name take the session over', async () => {
    const broker = memoryBroker()
    const older = memoryTransport(broker, { clientId: 'reader' })
    const states: TransportStatus[] = []
    older.onStatus((status) => states.push(status))
    const olderGot = await collect(older, 'a')
    const newerGot = await collect(memoryTransport(broker, { clientId: 'reader' }), 'a')
    broker.inject('a', bytes(1))
    await broker.idle()
    expect(states).toEqual([{ state: 'disconnected' }])
    expect([olderGot.length, newerGot.length]).toEqual([0, 1])
  })

  it('holds back data, and never control messages, while too much is unacknowledged', async () => {
    const broker = memoryBroker()
    const reader = memoryTransport(broker, { receiveMaximum: 2 })
    const received = await collect(reader, '#', { acknowledge: false })
    for (const value of [1, 2, 3]) broker.inject('data', bytes(value))
    for (const value of [4, 5, 6]) broker.inject('waxwing/v1/inbox/x', bytes(value))
    await broker.idle()
    expect(payloads(received)).toEqual([[4], [5], [6], [1], [2]])
    await received[3]!.acknowledge()
    await broker.idle()
    expect(payloads(received).at(-1)).toEqual([3])
  })

  it('reports a handler that fails and goes on with the subscription', async () => {
    const broker = memoryBroker()
    const reader = memoryTransport(broker)
    const states: TransportStatus[] = []
    reader.onStatus((status) => states.push(status))
    let calls = 0
    await reader.subscribe('a', async () => {
      if (++calls === 1) throw new Error('handler failed')
    })
    broker.inject('a', bytes(1))
    broker.inject('a', bytes(2))
    await broker.idle()
    expect(calls).toBe(2)
    expect(states).toMatchObject([{ state: 'error', error: { message: 'handler failed' } }])
  })

  it('waits in idle for handlers that send and for what they cause', async () => {
    const broker = memoryBroker()
    const transport = memoryTransport(broker)
    await transport.subscribe('ping', async ({ payload }) => {
      await new Promise((resolve) => {
        setTimeout(resolve, 5)
      })
      if (payload[0]! < 3) await transport.send('ping', bytes(payload[0]! + 1))
    })
    broker.inject('ping', bytes(0))
    await broker.idle()
    expect(broker.carried).toHaveLength(4)
  })
})

describe('memory transport', () => {
  it('keeps sends back while disconnected, in order', async () => {
    const broker = memoryBroker()
    const sender = memoryTransport(broker)
    sender.disconnect()
    const sends = [sender.send('a', bytes(1)), sender.send('a', bytes(2))]
    await broker.idle()
    expect(broker.carried).toEqual([])
    sender.reconnect()
    await Promise.all(sends)
    expect(broker.carried.map((one) => one.payload[0])).toEqual([1, 2])
  })

  it('refuses what is too long, badly addressed, or late', async () => {
    const broker = memoryBroker({ maxPayloadBytes: 2 })
    const transport = memoryTransport(broker)
    await expect(transport.send('a', bytes(1, 2, 3))).rejects.toThrow(RangeError)
    await expect(transport.send('a/+', bytes(1))).rejects.toThrow(TypeError)
    await expect(transport.subscribe('a/#/b', async () => {})).rejects.toThrow(TypeError)
    expect(() => memoryTransport({} as never)).toThrow(TypeError)
    const last = transport.send('a', bytes(1))
    await transport.close()
    await transport.close()
    await last
    expect(broker.carried).toHaveLength(1)
    await expect(transport.send('a', bytes(1))).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    await expect(transport.subscribe('a', async () => {})).rejects.toMatchObject({
      code: 'ERR_CLOSED',
    })
  })

  it('stops the handlers of closed subscriptions and closed transports', async () => {
    const broker = memoryBroker()
    const reader = memoryTransport(broker)
    const received: number[] = []
    const one = await reader.subscribe('a', async () => void received.push(1))
    await reader.subscribe('a', async () => void received.push(2))
    await one.close()
    await one.close()
    broker.inject('a', bytes(1))
    await broker.idle()
    await reader.close()
    broker.inject('a', bytes(1))
    await broker.idle()
    expect(received).toEqual([2])
  })
})
