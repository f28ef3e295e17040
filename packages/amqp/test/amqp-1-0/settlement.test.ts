// SPDX-License-Identifier: Apache-2.0
/** Outcomes, credit and settlement modes, as the other side sees them. */
import rhea, { type Container, type Delivery, type EventContext, type Sender } from 'rhea'
import { describe, expect, it } from 'vitest'
import type { Received, WaxwingError } from '@waxwing/core'
import { MessageLog } from '@waxwing/testkit'
import { sendPayload, startPeer, transportTo } from './scripted-peer.js'

const ONE = Uint8Array.of(1)

/** What the server is told of what it sent. */
function outcomesAt(container: Container): [string, unknown][] {
  const outcomes: [string, unknown][] = []
  for (const outcome of ['accepted', 'rejected', 'released', 'modified']) {
    container.on(outcome, ({ delivery }: EventContext) => {
      outcomes.push([outcome, Reflect.get(Object(delivery?.remote_state), 'error')])
    })
  }
  return outcomes
}

/** A server that sends these messages to whoever receives. */
function offering(container: Container, ...payloads: readonly (readonly number[])[]): void {
  container.once('sendable', ({ sender }: EventContext) => {
    for (const payload of payloads) sendPayload(sender, payload)
  })
}

describe('a message that came', () => {
  const received = async (
    settle: (message: Received) => Promise<void> | undefined,
  ): Promise<[string, unknown][]> => {
    let outcomes: [string, unknown][] = []
    const { url } = await startPeer((container) => {
      outcomes = outcomesAt(container)
      offering(container, [1])
    })
    await transportTo(url).subscribe('q', async (message) => settle(message))
    await expect.poll(() => outcomes.length).toBe(1)
    return outcomes
  }

  it('is accepted when it was acknowledged', async () => {
    expect(await received((message) => message.acknowledge())).toEqual([['accepted', undefined]])
  })

  it('is rejected with the reason', async () => {
    const [outcome] = await received((message) => message.reject?.('not a reading'))
    expect(outcome?.[0]).toBe('rejected')
    expect(outcome?.[1]).toMatchObject({
      condition: 'amqp:not-allowed',
      description: 'not a reading',
    })
  })

  it('is released, and not counted as failed, when nobody wants it any more', async () => {
    let outcomes: [string, unknown][] = []
    const { url } = await startPeer((container) => {
      outcomes = outcomesAt(container)
      offering(container, [1], [2])
    })
    const log = new MessageLog()
    const subscription = await transportTo(url).subscribe('q', log.hold)
    await log.at(1)
    await subscription.close()
    await expect.poll(() => outcomes.map(([name]) => name)).toEqual(['released', 'released'])
  })

  it('is rejected with the reason where it is none that can be handed over', async () => {
    let outcomes: [string, unknown][] = []
    const { url } = await startPeer((container) => {
      outcomes = outcomesAt(container)
      container.once('sendable', ({ sender }: EventContext) => {
        sender?.send({ body: 'text' })
        sendPayload(sender, [2])
      })
    })
    const log = new MessageLog()
    const transport = transportTo(url)
    const errors: unknown[] = []
    transport.onStatus((status) => status.state === 'error' && errors.push(status.error))
    await transport.subscribe('q', log.acknowledge)
    await log.containing(Uint8Array.of(2))
    await expect.poll(() => outcomes.map(([name]) => name)).toEqual(['rejected', 'accepted'])
    expect(outcomes[0]?.[1]).toMatchObject({ description: expect.stringMatching(/not binary/) })
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_TRANSPORT' })])
  })

  it('is rejected where it is longer than the limit, and is not kept in memory', async () => {
    let outcomes: [string, unknown][] = []
    const { url } = await startPeer((container) => {
      outcomes = outcomesAt(container)
      container.once('sendable', ({ sender }: EventContext) => {
        sender?.send({ body: rhea.message.data_section(Buffer.alloc(900_000)) })
        sendPayload(sender, [2])
      })
    })
    const log = new MessageLog()
    await transportTo(url, { maxPayloadBytes: 1_000 }).subscribe('q', log.acknowledge)
    await log.containing(Uint8Array.of(2))
    await expect.poll(() => outcomes.map(([name]) => name)).toEqual(['rejected', 'accepted'])
    expect(log.messages).toHaveLength(1)
  })

  it('says that it came before where the server counts that', async () => {
    const { url } = await startPeer((container) => {
      container.once('sendable', ({ sender }: EventContext) => {
        sender?.send({ delivery_count: 2, body: rhea.message.data_section(Buffer.from(ONE)) })
      })
    })
    const log = new MessageLog()
    await transportTo(url).subscribe('q', log.acknowledge)
    const message = await log.at(0)
    expect(message).toMatchObject({ redelivered: true, properties: { 'delivery-count': '2' } })
  })
})

/** What the client lets the server send now. */
function creditOf(sender: Sender | undefined): number {
  return Number(Reflect.get(Object(sender), 'credit'))
}

describe('credit', () => {
  it('is for as many messages as may be unsettled, and for more only as they are settled', async () => {
    let sent = 0
    const { url } = await startPeer((container) => {
      container.on('sendable', ({ sender }: EventContext) => {
        for (let left = creditOf(sender); left > 0; left--) sendPayload(sender, [sent++])
      })
    })
    const log = new MessageLog()
    await transportTo(url, { maxUnacknowledged: 4 }).subscribe('q', log.hold)
    const first = await log.at(3)
    expect(sent).toBe(4)
    await first.acknowledge()
    await log.at(4)
    expect(sent).toBe(5)
  })

  it('goes on far behind a message that nobody settles', async () => {
    let sent = 0
    const { url } = await startPeer((container) => {
      container.on('sendable', ({ sender }: EventContext) => {
        const count = Math.min(creditOf(sender), 6_000 - sent)
        for (let left = count; left > 0; left--) sendPayload(sender, [sent++ & 0xff])
      })
    })
    let count = 0
    await transportTo(url).subscribe('q', async (message) => {
      if (count++ > 0) await message.acknowledge()
    })
    await expect.poll(() => count).toBe(6_000)
  })
})

it('settles each of many messages with its own outcome, also those that are settled at once', async () => {
  const outcomes: string[] = []
  const { url } = await startPeer((container) => {
    for (const outcome of ['accepted', 'rejected']) {
      container.on(outcome, ({ delivery }: EventContext) => {
        outcomes[delivery?.id ?? -1] = outcome
      })
    }
    offering(container, ...Array.from({ length: 40 }, (_, index) => [index]))
  })
  const isGood = (index: number): boolean => index % 7 !== 0 && index % 5 !== 1
  await transportTo(url).subscribe('q', async (message) => {
    if (isGood(message.payload[0] ?? 0)) await message.acknowledge()
    else await message.reject?.('bad')
  })
  await expect.poll(() => outcomes.filter((each) => each !== undefined).length).toBe(40)
  expect(outcomes).toEqual(outcomes.map((_, index) => (isGood(index) ? 'accepted' : 'rejected')))
})

describe('a message that is sent', () => {
  const sent = async (
    answer: (context: EventContext) => void,
    payload: Uint8Array = ONE,
  ): Promise<unknown> => {
    const { url } = await startPeer((container) => container.on('message', answer))
    return transportTo(url)
      .send('q', payload)
      .catch((error: unknown) => error)
  }

  it('resolves when it was accepted', async () => {
    expect(await sent(({ delivery }) => delivery?.accept())).toBeUndefined()
  })

  it('fails with the reason when it was rejected', async () => {
    const error = await sent(({ delivery }) =>
      delivery?.reject({ condition: 'x:full', description: 'the queue is full' }),
    )
    expect(error).toMatchObject({ code: 'ERR_TRANSPORT' })
    expect((error as WaxwingError).message).toMatch(/rejected: the queue is full \(x:full\)/)
  })

  it('fails when it was released, modified, or settled without a word', async () => {
    const settled = (delivery: Delivery | undefined): void => delivery?.update(true)
    for (const answer of [
      ({ delivery }: EventContext): void => delivery?.release(),
      ({ delivery }: EventContext): void => delivery?.modified({ delivery_failed: true }),
      ({ delivery }: EventContext): void => settled(delivery),
    ]) {
      expect(await sent(answer)).toMatchObject({ code: 'ERR_TRANSPORT' })
    }
  })

  it('is refused before it is sent where the node takes no message of its size', async () => {
    let messages = 0
    const { url, container } = await startPeer((peer) => {
      peer.options['receiver_options'] = { max_message_size: 500, credit_window: 10 }
      peer.on('message', () => messages++)
    })
    container.options['receiver_options'] = { max_message_size: 500, credit_window: 10 }
    const transport = transportTo(url)
    await expect(transport.send('q', new Uint8Array(600))).rejects.toMatchObject({
      code: 'ERR_LIMIT',
    })
    await transport.send('q', ONE)
    expect(messages).toBe(1)
  })

  it('is sent again over another link where the server moves a link that had worked', async () => {
    const payloads: number[] = []
    const { url } = await startPeer((container) => {
      container.on('message', ({ message, delivery, receiver }: EventContext) => {
        const { content } = (message as { body: { content: Buffer } }).body
        payloads.push(content[0] ?? -1)
        if (payloads.length === 2) {
          receiver?.close({ condition: 'amqp:link:detach-forced', description: 'moved' })
        } else delivery?.accept()
      })
    })
    const transport = transportTo(url)
    for (const byte of [1, 2, 3]) await transport.send('q', Uint8Array.of(byte))
    expect(payloads).toEqual([1, 2, 2, 3])
  })

  it('fails with the link where the server ends that for good', async () => {
    const error = await sent(({ receiver }) =>
      receiver?.close({ condition: 'amqp:resource-deleted', description: 'the queue is gone' }),
    )
    expect((error as WaxwingError).message).toMatch(/the queue is gone \(amqp:resource-deleted\)/)
  })

  it('does not wait for a node that gives no credit, if it goes to another one', async () => {
    const { url } = await startPeer((container) => {
      container.options['receiver_options'] = { credit_window: 0, autoaccept: true }
      container.on('receiver_open', ({ receiver }: EventContext) => {
        if (receiver?.target.address !== 'full') receiver?.add_credit(10)
      })
    })
    const transport = transportTo(url, { closeTimeoutMs: 10 })
    const stuck = transport.send('full', ONE).catch((error: unknown) => error)
    await transport.send('empty', ONE)
    await transport.close()
    expect(await stuck).toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe('at most once', () => {
  it('sends what is settled already, and asks for the same', async () => {
    const seen: unknown[] = []
    const { url } = await startPeer((container) => {
      container.on('message', ({ delivery, receiver }: EventContext) => {
        seen.push([receiver?.target.address, delivery?.remote_settled])
        if (delivery?.remote_settled === false) delivery.accept()
      })
      container.on('sender_open', ({ sender }: EventContext) => {
        seen.push(['asks', sender?.source.address, sender?.snd_settle_mode])
      })
    })
    const transport = transportTo(url, { settlement: 'at-most-once' })
    await transport.subscribe('q', new MessageLog().acknowledge)
    await transport.subscribe('waxwing/v1/inbox/x', new MessageLog().acknowledge)
    await transport.send('q', ONE)
    await transport.send('waxwing/v1/inbox/y', ONE)
    await expect.poll(() => seen.length).toBe(4)
    expect(seen).toEqual(
      expect.arrayContaining([
        ['asks', 'q', 1],
        ['asks', 'waxwing/v1/inbox/x', 0],
        ['q', true],
        ['waxwing/v1/inbox/y', false],
      ]),
    )
  })

  it('hands over what comes settled, which cannot be rejected', async () => {
    const { url } = await startPeer((container) => {
      container.once('sendable', ({ sender }: EventContext) => {
        const message = { body: rhea.message.data_section(Buffer.from(ONE)) }
        const delivery = sender?.send(message)
        if (delivery !== undefined) Reflect.set(delivery, 'settled', true)
      })
    })
    const log = new MessageLog()
    await transportTo(url, { settlement: 'at-most-once' }).subscribe('q', log.hold)
    const message = await log.at(0)
    expect(message.reject).toBeUndefined()
    await expect(message.acknowledge()).resolves.toBeUndefined()
  })
})
