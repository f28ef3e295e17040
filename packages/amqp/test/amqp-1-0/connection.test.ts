// SPDX-License-Identifier: Apache-2.0
/** Connections: refused, silent, broken, idle; and who they say this is. */
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import rhea, { type EventContext } from 'rhea'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { AmqpTransport } from '@waxwing/amqp'
import { MessageLog } from '@waxwing/testkit'
import { sendPayload, socketOf, startPeer, transportTo } from './scripted-peer.js'

const ONE = Uint8Array.of(1)

/** The errors that a transport reports, as they come. */
function errorsOf(transport: AmqpTransport): unknown[] {
  const errors: unknown[] = []
  transport.onStatus((status) => {
    if (status.state === 'error') errors.push(status.error)
  })
  return errors
}

/** What rhea is about to say of its end of a link or connection. */
function localOf(endpoint: unknown): { readonly attach: object; readonly open: object } {
  return Reflect.get(Object(endpoint), 'local') as { attach: object; open: object }
}

/** A server that lets in whom it knows. */
async function startGuardedPeer(isKnown: (user: string, word: string) => boolean): Promise<string> {
  const container = rhea.create_container()
  const mechanisms = container.sasl_server_mechanisms as {
    enable_plain(check: (user: string, word: string) => boolean): void
  }
  mechanisms.enable_plain(isKnown)
  const { url } = await startPeer(
    (peer) => peer.on('message', ({ delivery }: EventContext) => delivery?.accept()),
    container,
  )
  return url
}

it('leaves no timer behind that would keep the process', async () => {
  const timers = vi.spyOn(globalThis, 'setTimeout')
  onTestFinished(() => timers.mockRestore())
  const { url } = await startPeer((peer) => {
    peer.on('message', ({ delivery }: EventContext) => delivery?.accept())
  })
  const transport = transportTo(url, { heartbeatSeconds: 77 })
  await transport.subscribe('other', new MessageLog().hold)
  await transport.send('q', ONE)
  await transport.close()
  const beats = timers.mock.calls.flatMap(([, ms], index) =>
    ms === 154_000 ? [timers.mock.results[index]?.value as unknown] : [],
  )
  expect(beats.length).toBeGreaterThan(0)
  const running = (): number =>
    beats.filter((timer) => Reflect.get(Object(timer), '_destroyed') === false).length
  await expect.poll(running).toBe(0)
})

describe('credentials', () => {
  it('that are wrong fail everything, for good, with the reason', async () => {
    const url = await startGuardedPeer(() => false)
    const transport = transportTo(url, { username: 'a', password: 'wrong' })
    const errors = errorsOf(transport)
    const sent = transport.send('q', ONE)
    const subscribed = transport.subscribe('waxwing/v1/inbox/x', new MessageLog().hold)
    await expect(sent).rejects.toThrow(/refused the connection.*unauthorized/)
    await expect(subscribed).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(transport.send('q', ONE)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    expect(errors).toHaveLength(1)
  })

  it('may have any characters, and come from a function before each connection', async () => {
    const asked: [string, string][] = []
    const url = await startGuardedPeer((user, word) => asked.push([user, word]) > 0)
    let calls = 0
    const password = async (): Promise<string> => `päßwört ${++calls}`
    await transportTo(url, { username: 'jürgen', password }).send('q', ONE)
    expect(asked).toEqual([['jürgen', 'päßwört 1']])
  })

  it('are asked for again when their function fails', async () => {
    const url = await startGuardedPeer(() => true)
    let calls = 0
    const transport = transportTo(url, {
      username: 'a',
      password: () => {
        if (++calls === 1) throw new Error('the vault is locked')
        return 'b'
      },
    })
    const errors = errorsOf(transport)
    await transport.send('q', ONE)
    expect(errors).toEqual([new Error('the vault is locked')])
  })

  it('are never given to a server that does not ask for them in the way that was meant', async () => {
    const container = rhea.create_container()
    const mechanisms = container.sasl_server_mechanisms as { enable_anonymous(): void }
    mechanisms.enable_anonymous()
    const { url, connections } = await startPeer(() => undefined, container)
    const transport = transportTo(url, { username: 'a', password: 'b' })
    await expect(transport.send('q', ONE)).rejects.toThrow(/No suitable mechanism/)
    expect(connections).toHaveLength(0)
  })
})

describe('a server', () => {
  const startSilent = async (): Promise<{ url: string; sockets: Socket[] }> => {
    const sockets: Socket[] = []
    const server = createServer((socket) => sockets.push(socket.on('error', () => undefined)))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => {
      server.close()
      for (const socket of sockets) socket.destroy()
    })
    return { url: `amqp://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets }
  }

  it('that says nothing is left after the time given, and tried again', async () => {
    const { url, sockets } = await startSilent()
    const transport = transportTo(url, { connectTimeoutMs: 20 })
    const errors = errorsOf(transport)
    await expect.poll(() => sockets.length).toBeGreaterThan(1)
    expect(errors[0]).toMatchObject({ code: 'ERR_TRANSPORT' })
    expect(String(errors[0])).toMatch(/no answer within 20 ms/)
  })

  it('that falls silent in the middle is noticed', async () => {
    const { url, connections } = await startPeer((container) =>
      container.on('message', ({ delivery }: EventContext) => delivery?.accept()),
    )
    const transport = transportTo(url, { heartbeatSeconds: 1 })
    const changes: string[] = []
    transport.onStatus(({ state }) => changes.push(state))
    await transport.send('q', ONE)
    const first = connections[0]
    if (first === undefined) throw new Error('it was connected')
    // It reads on, and never writes again.
    Reflect.set(socketOf(first), 'write', () => true)
    // A busy machine may be silent for a second by itself, later.
    await expect
      .poll(() => changes.filter((state) => state !== 'error').slice(0, 3))
      .toEqual(['connected', 'disconnected', 'connected'])
    await transport.send('q', ONE)
  })

  it('that ends a link is asked for another one, and what went wrong is reported', async () => {
    let attaches = 0
    const { url } = await startPeer((container) => {
      container.on('sendable', ({ sender }: EventContext) => {
        if (++attaches === 3) sendPayload(sender, [7])
        else sender?.close({ condition: 'amqp:resource-deleted', description: 'deleted' })
      })
    })
    const transport = transportTo(url)
    const errors = errorsOf(transport)
    const log = new MessageLog()
    await transport.subscribe('q', log.acknowledge)
    await log.containing(Uint8Array.of(7))
    expect(errors).toHaveLength(2)
    expect(String(errors[0])).toMatch(/ended the link with q: deleted/)
  })

  it('that refuses the first link of a filter refuses the subscription', async () => {
    const { url } = await startPeer((container) => {
      container.on('sender_open', ({ sender }: EventContext) => {
        sender?.set_source({ address: undefined as unknown as string })
        Reflect.set(localOf(sender).attach, 'source', null)
        sender?.close({ condition: 'amqp:not-found', description: 'no such node' })
      })
    })
    const transport = transportTo(url)
    await expect(transport.subscribe('q', new MessageLog().hold)).rejects.toThrow(/no such node/)
  })

  it('that takes too few sessions says so, and not by breaking the connection', async () => {
    const { url } = await startPeer((container) => {
      container.options['channel_max'] = 1
      container.on('connection_open', ({ connection }: EventContext) => {
        Reflect.set(localOf(connection).open, 'channel_max', 1)
      })
      container.on('message', ({ delivery }: EventContext) => delivery?.accept())
    })
    const transport = transportTo(url)
    for (const node of ['a', 'b']) await transport.send(node, ONE)
    await expect(transport.send('c', ONE)).rejects.toThrow(/2 sessions/)
    await transport.send('a', ONE)
  })

  it('that is RabbitMQ is not taken for one of plain queues, and the other way round', async () => {
    const { url } = await startPeer(() => undefined)
    await expect(transportTo(url, { nodes: 'rabbitmq' }).send('q', ONE)).rejects.toThrow(
      /this is no RabbitMQ/,
    )
  })
})

describe('sends', () => {
  it('that were not answered when a connection broke are sent again, in their order', async () => {
    const payloads: number[] = []
    let isFirst = true
    const { url } = await startPeer((container) => {
      container.on('message', ({ message, delivery, connection }: EventContext) => {
        const { content } = (message as { body: { content: Buffer } }).body
        if (isFirst && content[0] === 20) {
          isFirst = false
          socketOf(connection).destroy()
        }
        if (isFirst) return // nothing is answered before
        payloads.push(content[0] ?? -1)
        delivery?.accept()
      })
    })
    const transport = transportTo(url)
    const numbers = Array.from({ length: 40 }, (_, index) => index)
    await Promise.all(numbers.map((index) => transport.send('q', Uint8Array.of(index))))
    const first = new Set(payloads)
    expect([...first].toSorted((a, b) => a - b)).toEqual(numbers)
    expect(payloads.slice(-40)).toEqual(numbers)
  })

  it('go to more nodes than there may be links at once', async () => {
    const seen = new Set<string>()
    const { url } = await startPeer((container) =>
      container.on('message', ({ receiver, delivery }: EventContext) => {
        seen.add(receiver?.target.address ?? '')
        delivery?.accept()
      }),
    )
    const transport = transportTo(url)
    for (let index = 0; index < 200; index++) await transport.send(`node/${index}`, ONE)
    expect(seen.size).toBe(200)
  })
})

describe('options', () => {
  const withOptions = (options: object) => () => transportTo('amqp://127.0.0.1:1', options)

  it('that are wrong are refused by name', () => {
    expect(withOptions({ nodes: undefined })).toThrow(/nodes must be/)
    expect(withOptions({ nodes: { target: String } })).toThrow(/nodes must be/)
    expect(withOptions({ settlement: 'exactly-once' })).toThrow(/settlement must be one of/)
    expect(withOptions({ inbox: true })).toThrow(/inbox must be one of/)
    expect(withOptions({ queueType: 'classic' })).toThrow(/queueType needs nodes: 'rabbitmq'/)
    expect(withOptions({ url: 'amqp://127.0.0.1/path' })).toThrow(/url must not have a path/)
  })

  it('may name nodes by two functions', async () => {
    const targets: string[] = []
    const { url } = await startPeer((container) => {
      container.on('message', ({ receiver, message, delivery }: EventContext) => {
        targets.push(`${receiver?.target.address} ${message?.['to']}`)
        delivery?.accept()
      })
      container.on('sendable', ({ sender }: EventContext) => {
        for (const to of ['a/1', 'elsewhere', undefined, 'a/2']) {
          sender?.send({ ...(to && { to }), body: rhea.message.data_section(Buffer.from(ONE)) })
        }
      })
    })
    const nodes = { target: () => 'everything', source: (filter: string) => `of ${filter}` }
    const transport = transportTo(url, { nodes })
    const log = new MessageLog()
    await transport.subscribe('$share/group/a/+', log.acknowledge)
    await transport.send('a/b', ONE)
    await log.at(1)
    expect(targets).toEqual(['everything a/b'])
    expect(log.messages.map(({ address }) => address)).toEqual(['a/1', 'a/2'])
  })
})
