// SPDX-License-Identifier: Apache-2.0
/** How connections begin, and what is final. */
import { expect, it, onTestFinished } from 'vitest'
import type { Transport, TransportStatus } from '@waxwing/core'
import { natsTransport, type NatsTransportOptions } from '@waxwing/nats'
import {
  expectReceived,
  MessageLog,
  natsAvailable,
  requireOrSkip,
  startNats,
  startProxy,
  type Nats,
  type NatsOptions,
} from '@waxwing/testkit'

const ONE = Uint8Array.of(1)

requireOrSkip('nats-server', natsAvailable())('connections of NATS', () => {
  it('that are refused at first fail all that waits, and all later, at once', async () => {
    const server = await started({ users: { desk: 'right' } })
    const transport = open({ url: server.url, username: 'desk', password: 'wrong' })
    await expect(transport.send('a', ONE)).rejects.toMatchObject({ code: 'ERR_TRANSPORT' })
    await expect(transport.subscribe('a', async () => undefined)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
    })
  })

  it('to a server without JetStream say what to do', async () => {
    const server = await started({ jetstream: false })
    await expect(open({ url: server.url }).send('a', ONE)).rejects.toMatchObject({
      code: 'ERR_TRANSPORT',
      message: expect.stringContaining("set delivery to 'core'") as string,
    })
  })

  it.each(['publish: { deny: "$JS.API.>" }', 'subscribe: { deny: "_INBOX.>" }'])(
    'without the right to use JetStream (%s) fail and say so',
    async (right) => {
      const user = `{ user: desk, password: x, permissions: { ${right} } }`
      const server = await started({ config: [`authorization { users: [${user}] }`] })
      const transport = open({ url: server.url, username: 'desk', password: 'x' })
      const refused = {
        code: 'ERR_TRANSPORT',
        message: expect.stringContaining('Permissions Violation') as string,
      }
      await expect(transport.send('a', ONE)).rejects.toMatchObject(refused)
      await expect(transport.subscribe('a', async () => undefined)).rejects.toMatchObject(refused)
    },
  )

  it.each(['jetstream', 'core'] as const)(
    'that are closed before they are open still send what waits (%s)',
    async (delivery) => {
      const server = await started()
      const transport = open({ url: server.url, delivery })
      const sends = [transport.send('a', ONE), transport.send('b', ONE, { retained: false })]
      await transport.close()
      await expect(Promise.all(sends)).resolves.toHaveLength(2)
    },
  )

  it('wait for a server that is not there yet, and say so', async () => {
    const server = await started()
    await server.stop()
    const transport = open({ url: server.url })
    const error = firstError(transport)
    const sent = transport.send('a', ONE)
    expect(await error).toMatchObject({ code: 'ERR_TRANSPORT' })
    await server.start()
    await expect(sent).resolves.toBeUndefined()
  })

  it('of core NATS that break are told once, and their subscriptions come back', async () => {
    const server = await started({ jetstream: false })
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.close())
    const url = `nats://127.0.0.1:${proxy.port}`
    const [transport, log] = [open({ url, delivery: 'core' }), new MessageLog()]
    const states: string[] = []
    transport.onStatus(({ state }) => void (state !== 'error' && states.push(state)))
    await transport.subscribe('a/#', log.acknowledge)
    proxy.cut()
    await expect.poll(() => states).toEqual(['connected', 'disconnected', 'connected'])
    await transport.send('a/1', ONE)
    expect((await log.at(0)).payload).toEqual(ONE)
  })

  it('ask for the password each time', async () => {
    const server = await started({ users: { desk: 'right' } })
    const proxy = await startProxy(server.port)
    onTestFinished(() => proxy.close())
    let count = 0
    const password = async (): Promise<string> => {
      count++
      return 'right'
    }
    const transport = open({ url: `nats://127.0.0.1:${proxy.port}`, username: 'desk', password })
    await transport.send('a', ONE)
    expect(count).toBe(1)
    proxy.cut()
    await transport.send('a', ONE)
    await expect.poll(() => count).toBe(2)
  })

  it('by TLS are refused by whom nobody vouches for, and by who has none', async () => {
    const [secure, plain] = [await started({ tls: true }), await started()]
    const stranger = open({ url: secure.url })
    expect(await firstError(stranger)).toMatchObject({ code: 'ERR_TRANSPORT' })
    const downgraded = open({ url: plain.url.replace('nats:', 'tls:') })
    expect(await firstError(downgraded)).toMatchObject({
      message: expect.stringContaining("does not support 'tls'") as string,
    })
  })

  it('of core NATS tell at once that nobody listens to a request', async () => {
    const server = await started({ jetstream: false })
    const [reader, granter] = [0, 1].map(() => open({ url: server.url, delivery: 'core' }))
    if (reader === undefined || granter === undefined) throw new Error('two')
    const error = firstError(reader)
    await reader.send('waxwing/v1/request/0102', ONE)
    expect(await error).toMatchObject({
      message: 'nobody listens at waxwing/v1/request/0102',
    })
    const log = new MessageLog()
    await granter.subscribe('waxwing/v1/request/+', log.acknowledge)
    await reader.send('waxwing/v1/request/0102', ONE)
    await expectReceived(log, ONE)
  })
})

async function started(options: NatsOptions = {}): Promise<Nats> {
  const server = await startNats(options)
  onTestFinished(() => server.close())
  return server
}

function open(options: NatsTransportOptions): Transport {
  const transport = natsTransport({ reconnectMinMs: 50, ...options })
  onTestFinished(() => transport.close())
  return transport
}

function firstError(transport: Transport): Promise<unknown> {
  return new Promise((resolve) => {
    transport.onStatus((status: TransportStatus) => {
      if (status.state === 'error') resolve(status.error)
    })
  })
}
