// SPDX-License-Identifier: Apache-2.0
/** From arrival to acknowledgement, packet by packet, on a connection that is only pretended. */
import type { IPublishPacket } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { MessageHandler, Received } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { Inbound } from '../src/inbound.js'
import { resolveOptions, type MqttTransportOptions } from '../src/options.js'
import { Subscriptions } from '../src/subscriptions.js'

beforeEach(() => {
  vi.useFakeTimers()
})

afterEach(() => {
  vi.useRealTimers()
})

describe('acknowledging', () => {
  it('tells the broker PUBACK or PUBREC, by QoS, once, and nothing for QoS 0', async () => {
    const stage = stageOf()
    const log = stage.subscribe('a')
    for (const qos of [0, 1, 2] as const) stage.arrive({ qos, messageId: 0x0102 + qos })
    for (const message of log.messages) {
      await message.acknowledge()
      await message.acknowledge()
    }
    expect(stage.written).toEqual(['40020103', '50020104'])
  })

  it('waits for all handlers that got the message', async () => {
    const stage = stageOf()
    const [one, other] = [stage.subscribe('a'), stage.subscribe('+')]
    stage.arrive({})
    await one.messages[0]?.acknowledge()
    expect(stage.written).toEqual([])
    await other.messages[0]?.acknowledge()
    expect(stage.written).toHaveLength(1)
  })

  it('waits only for those whom the broker named (MQTT 5)', async () => {
    const stage = stageOf()
    const [one, other] = [stage.subscribe('a'), stage.subscribe('+')]
    const [registration] = stage.subscriptions.takersOf(packet({}))
    const subscriptionIdentifier = registration?.identifier ?? 0
    stage.arrive({ properties: { subscriptionIdentifier } })
    expect([one.messages.length, other.messages.length]).toEqual([1, 0])
    await one.messages[0]?.acknowledge()
    expect(stage.written).toHaveLength(1)
  })

  it('fails on another network connection than the message came on', async () => {
    const stage = stageOf()
    const log = stage.subscribe('a')
    stage.arrive({})
    stage.reconnect()
    await expect(log.messages[0]?.acknowledge()).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    expect(stage.written).toEqual([])
  })

  it('answers a QoS 2 message again, and does not deliver it again, until it is released', async () => {
    const stage = stageOf()
    const log = stage.subscribe('a')
    stage.arrive({ qos: 2 })
    await log.messages[0]?.acknowledge()
    stage.reconnect()
    stage.arrive({ qos: 2, dup: true })
    expect([log.messages.length, stage.written.length]).toEqual([1, 2])
    stage.inbound.released(1)
    stage.arrive({ qos: 2 })
    expect(log.messages).toHaveLength(2)
  })

  it('takes the same identifier for another message when the session is new', async () => {
    const stage = stageOf()
    const log = stage.subscribe('a')
    stage.arrive({ qos: 2 })
    await log.messages[0]?.acknowledge()
    stage.inbound.answered(true)
    stage.arrive({ qos: 2 })
    expect(log.messages).toHaveLength(1)
    stage.inbound.answered(false)
    stage.arrive({ qos: 2 })
    expect(log.messages).toHaveLength(2)
  })
})

describe('a subscription that ends', () => {
  it('acknowledges nothing of a network connection that is gone', async () => {
    const stage = stageOf()
    const [one] = [
      stage.subscribe('a'),
      stage.subscribe('+', () => Promise.withResolvers<void>().promise),
    ]
    const leaving = stage.subscriptions.takersOf(packet({})).find(({ filter }) => filter === '+')
    stage.arrive({})
    await one.messages[0]?.acknowledge()
    stage.reconnect()
    if (leaving !== undefined) stage.inbound.release(leaving)
    expect(leaving).toBeDefined()
    expect(stage.written).toEqual([])
  })
})

describe('a handler that rejects', () => {
  it('is called again after growing pauses, with redelivered, until it acknowledges', async () => {
    const stage = stageOf({ retryHandlerMs: 1000 })
    const seen: Received[] = []
    stage.subscribe('a', async (message) => {
      seen.push(message)
      if (seen.length < 4) throw new Error(`failure ${seen.length}`)
      await message.acknowledge()
    })
    stage.arrive({})
    for (const pause of [1000, 2000, 4000]) {
      const { length } = seen
      await vi.advanceTimersByTimeAsync(pause - 1)
      expect(seen).toHaveLength(length)
      await vi.advanceTimersByTimeAsync(1)
      expect(seen).toHaveLength(length + 1)
    }
    expect(seen.map(({ redelivered }) => redelivered)).toEqual([false, true, true, true])
    expect(stage.errors.map(String)).toEqual([1, 2, 3].map((n) => `Error: failure ${n}`))
    expect(stage.written).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  it('is not called again for QoS 0, nor on another network connection, nor when closed', async () => {
    const failing = async (): Promise<void> => {
      throw new Error('always')
    }
    const lossy = stageOf()
    lossy.subscribe('a', failing)
    lossy.arrive({ qos: 0 })
    const broken = stageOf()
    broken.subscribe('a', failing)
    broken.arrive({})
    const closed = stageOf()
    closed.subscribe('a', failing)
    closed.arrive({})
    await vi.advanceTimersByTimeAsync(0)
    broken.reconnect()
    closed.inbound.close()
    expect(vi.getTimerCount()).toBe(0)
  })
})

describe('reading', () => {
  it('stops while too many messages are unacknowledged, and goes on when one is', async () => {
    const stage = stageOf({ maxUnacknowledged: 2 })
    const log = stage.subscribe('a')
    const next = [1, 2, 3].map((messageId) => stage.arrive({ messageId }))
    expect(next.map((each) => each.mock.calls.length)).toEqual([1, 1, 0])
    expect(log.messages).toHaveLength(2)
    await log.messages[0]?.acknowledge()
    expect(log.messages).toHaveLength(3)
    expect(next[2]).toHaveBeenCalledTimes(1)
  })

  it('pings while it stops, as often as the broker must hear of us', async () => {
    const stage = stageOf({ maxUnacknowledged: 1, keepAliveSeconds: 10 })
    const log = stage.subscribe('a')
    for (const messageId of [1, 2]) stage.arrive({ messageId })
    await vi.advanceTimersByTimeAsync(20_000)
    expect(stage.pings()).toBe(4)
    await log.messages[0]?.acknowledge()
    await vi.advanceTimersByTimeAsync(20_000)
    expect(stage.pings()).toBe(4)
  })

  it('does not start a crowd of handlers when connections break again and again', async () => {
    const stage = stageOf({ maxUnacknowledged: 2 })
    let callCount = 0
    stage.subscribe('a', () => {
      callCount++
      return Promise.withResolvers<void>().promise
    })
    for (let round = 0; round < 5; round++) {
      for (let messageId = 1, flows = true; messageId <= 10 && flows; messageId++) {
        flows = stage.arrive({ messageId }).mock.calls.length > 0
      }
      stage.reconnect()
    }
    expect(callCount).toBe(2)
  })

  it('never stops for control; what is too much is left to the broker and reported', async () => {
    const stage = stageOf({ maxUnacknowledged: 2 }, false)
    const log = stage.subscribe('a')
    for (let messageId = 1; messageId <= 10; messageId++) {
      const next = stage.arrive({ messageId })
      await vi.advanceTimersByTimeAsync(0)
      expect(next).toHaveBeenCalledTimes(1)
    }
    expect(log.messages).toHaveLength(8)
    expect(stage.errors).toHaveLength(2)
    expect(stage.errors[0]).toMatchObject({ code: 'ERR_LIMIT' })
    expect(stage.written).toEqual([])
  })
})

describe('control messages that come in one piece', () => {
  it('are all handled, however many, where handlers need only a turn', async () => {
    const stage = stageOf({ maxUnacknowledged: 2 }, false)
    let handled = 0
    stage.subscribe('a', async (message) => {
      await Promise.resolve()
      handled++
      await message.acknowledge()
    })
    const arriveAll = (messageId: number): void => {
      if (messageId <= 100) stage.arrive({ messageId }, () => arriveAll(messageId + 1))
    }
    arriveAll(1)
    await vi.advanceTimersByTimeAsync(1000)
    expect(handled).toBe(100)
    expect(stage.errors).toEqual([])
  })

  it('are not taken from a connection that broke meanwhile', async () => {
    const stage = stageOf({ maxUnacknowledged: 1 }, false)
    const log = stage.subscribe('a')
    stage.arrive({ messageId: 1 })
    const next = stage.arrive({ messageId: 2 })
    stage.reconnect()
    await vi.advanceTimersByTimeAsync(1000)
    expect(next).not.toHaveBeenCalled()
    expect(log.messages).toHaveLength(1)
  })
})

describe('a message that no subscription wants', () => {
  it('waits unacknowledged for the subscription, and is said to wait', async () => {
    const stage = stageOf()
    stage.arrive({})
    await vi.advanceTimersByTimeAsync(10_000)
    expect(String(stage.errors[0])).toContain('1 messages of the session, the first to a')
    expect(stage.written).toEqual([])
    expect(stage.subscribe('b').messages).toHaveLength(0)
    const log = stage.subscribe('a')
    await log.messages[0]?.acknowledge()
    expect(stage.written).toHaveLength(1)
  })

  it('goes to the first subscription that is made for it, and to no other', () => {
    const stage = stageOf()
    stage.arrive({})
    const [first, second] = [stage.subscribe('a'), stage.subscribe('a')]
    expect([first.messages.length, second.messages.length]).toEqual([1, 0])
  })

  it('is not kept in any number', () => {
    const stage = stageOf({ maxUnacknowledged: 2 })
    for (let messageId = 1; messageId <= 10; messageId++) stage.arrive({ messageId })
    expect(stage.errors).toHaveLength(2)
    expect(stage.subscribe('a').messages).toHaveLength(8)
  })

  it('is not kept over a break of the connection: it comes again', () => {
    const stage = stageOf()
    stage.arrive({})
    stage.reconnect()
    expect(stage.subscribe('a').messages).toHaveLength(0)
  })

  it('is acknowledged when a handler of it did so before the last one left', async () => {
    const stage = stageOf()
    const [one, other] = [stage.subscribe('a'), stage.subscribe('+')]
    const leaving = stage.subscriptions.takersOf(packet({})).find(({ filter }) => filter === '+')
    stage.arrive({})
    await one.messages[0]?.acknowledge()
    if (leaving !== undefined) stage.inbound.release(leaving)
    expect(stage.written).toHaveLength(1)
    await other.messages[0]?.acknowledge()
    expect(stage.written).toHaveLength(1)
  })
})

interface Stage {
  readonly inbound: Inbound
  readonly subscriptions: Subscriptions
  readonly written: string[]
  readonly errors: unknown[]
  subscribe(filter: string, handler?: MessageHandler): MessageLog
  arrive(
    changes: Partial<IPublishPacket>,
    readOn?: () => void,
  ): ReturnType<typeof vi.fn<() => void>>
  reconnect(): void
  pings(): number
}

function stageOf(options: Partial<MqttTransportOptions> = {}, mayStall = true): Stage {
  const [subscriptions, written, errors]: [Subscriptions, string[], unknown[]] = [
    new Subscriptions(),
    [],
    [],
  ]
  const connection = {
    network: {} as object | undefined,
    write: (bytes: Uint8Array) => void written.push(Buffer.from(bytes).toString('hex')),
    ping: vi.fn<() => void>(),
  }
  const inbound = new Inbound({
    connection,
    subscriptions,
    options: resolveOptions({ url: 'mqtt://127.0.0.1:1', ...options }),
    mayStall,
    report: (error) => void errors.push(error),
  })
  return {
    inbound,
    subscriptions,
    written,
    errors,
    subscribe(filter, handler) {
      const log = new MessageLog()
      const record: MessageHandler = async (message) => log.record(message)
      inbound.claim(subscriptions.add(filter, handler ?? record))
      return log
    },
    arrive(changes, readOn) {
      const next = vi.fn<() => void>(readOn)
      inbound.arrived(packet(changes), next)
      return next
    },
    reconnect() {
      connection.network = undefined
      inbound.disconnected()
      connection.network = {}
    },
    pings: () => connection.ping.mock.calls.length,
  }
}

function packet(changes: Partial<IPublishPacket>): IPublishPacket {
  const payload = Buffer.from([1])
  const common = { cmd: 'publish', topic: 'a', payload, messageId: 1 } as const
  return { ...common, qos: 1, dup: false, retain: false, ...changes }
}
