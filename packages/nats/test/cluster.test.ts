// SPDX-License-Identifier: Apache-2.0
/** Three servers of one cluster, of which one is killed: the one that leads the stream. */
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { jetstreamManager } from '@nats-io/jetstream'
import { expect, it, onTestFinished } from 'vitest'
import { natsTransport, type NatsTransportOptions } from '@waxwing/nats'
import {
  expectReceived,
  MessageLog,
  natsAvailable,
  requireOrSkip,
  startNats,
  type Nats,
} from '@waxwing/testkit'
import { rawClient } from './raw.js'

requireOrSkip('nats-server', natsAvailable())('A cluster of NATS', () => {
  it('goes on when the server that leads a stream is killed, and nothing is lost', async () => {
    const cluster = await startCluster(['n1', 'n2', 'n3'])
    const servers = [...cluster.values()].map(({ url }) => url)
    const options: NatsTransportOptions = {
      servers,
      replicas: 3,
      reconnectMinMs: 50,
      answerTimeoutMs: 1_000,
      ackWaitMs: 2_000,
    }
    const sender = natsTransport(options)
    const receiver = natsTransport({ ...options, name: 'desk' })
    onTestFinished(async () => {
      await Promise.all([sender.close(), receiver.close()])
    })
    const log = new MessageLog()
    await receiver.subscribe('plant/#', log.tolerant)
    await sender.send('plant/1', Uint8Array.of(0))
    await log.at(0)

    const { streams } = await jetstreamManager(await rawClient({ servers }))
    const { cluster: state } = await streams.info('WAXWING_DATA')
    expect(state?.replicas).toHaveLength(2)
    const payloads = Array.from({ length: 40 }, (_, index) => Uint8Array.of(1, index))
    const before = payloads.slice(0, 20).map((payload) => sender.send('plant/1', payload))
    await cluster.get(state?.leader ?? '')?.stop('SIGKILL')
    const after = payloads.slice(20).map((payload) => sender.send('plant/2', payload))
    await Promise.all([...before, ...after])
    await expectReceived(log, ...payloads)
  }, 60_000)
})

/** Starts servers that know of each other, and waits until they agree on who leads. */
async function startCluster(names: readonly string[]): Promise<ReadonlyMap<string, Nats>> {
  const ports = await Promise.all(names.map(() => freePort()))
  const routes = ports.map((port) => `nats://127.0.0.1:${port}`).join(', ')
  const servers = await Promise.all(
    names.map((name, index) =>
      startNats({
        config: [
          `server_name: ${name}`,
          `cluster { name: waxwing, listen: 127.0.0.1:${ports[index]}, routes: [${routes}] }`,
        ],
      }),
    ),
  )
  onTestFinished(async () => {
    await Promise.all(servers.map((server) => server.close()))
  })
  const isLed = (): boolean => servers.some((server) => server.log().includes('metadata leader'))
  await expect.poll(isLed).toBe(true)
  return new Map(servers.map((server, index) => [names[index] ?? '', server]))
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
