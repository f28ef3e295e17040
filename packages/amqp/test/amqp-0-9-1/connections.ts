// SPDX-License-Identifier: Apache-2.0
/** Connections that break at bad moments. */
import { once } from 'node:events'
import type { ChannelModel } from 'amqplib'
import { describe, expect, it, onTestFinished } from 'vitest'
import { MessageLog, startProxy, type CuttingProxy } from '@waxwing/testkit'
import { Connection } from '../../src/amqp-0-9-1/connection.js'
import { resolve091 } from '../../src/amqp-0-9-1/options.js'
import { bytes, open, rawChannel, unique, type Broker } from './stage.js'

export function describeConnections(broker: Broker): void {
  const proxied = async (): Promise<CuttingProxy> => {
    const proxy = await startProxy(broker().port)
    onTestFinished(() => proxy.close())
    return proxy
  }

  describe('connections', () => {
    it('that break just as they are ready are not taken for ready, and made again', async () => {
      const proxy = await proxied()
      const options = resolve091({ url: `amqp://127.0.0.1:${proxy.port}`, reconnectMinMs: 1 })
      const models: ChannelModel[] = []
      const connected = Promise.withResolvers<ChannelModel>()
      const connection = new Connection(options, 'control', {
        async prepare(model) {
          if (models.push(model) > 1) return
          const closed = once(model, 'close')
          proxy.cut()
          await closed.catch(() => closed)
        },
        connected: connected.resolve,
        disconnected: () => undefined,
        denied: connected.reject,
        refused: connected.reject,
        report: () => undefined,
      })
      onTestFinished(() => connection.end())
      expect(await connected.promise).toBe(models[1])
      expect(connection.model).toBe(models[1])
    })

    it('that break while a subscription is made do not fail it', async () => {
      const [proxy, address] = [await proxied(), unique()]
      const { transport } = open(broker, { url: `amqp://127.0.0.1:${proxy.port}` })
      const log = new MessageLog()
      const subscribed = transport.subscribe(address, log.acknowledge)
      proxy.cut()
      await subscribed
      proxy.cut()
      await transport.send(address, bytes(1))
      expect((await log.at(0)).payload).toEqual(bytes(1))
    })

    it('that are gone do not keep a subscription or the transport from closing', async () => {
      const [proxy, address, name] = [await proxied(), unique(), unique()]
      const url = `amqp://127.0.0.1:${proxy.port}`
      const { transport } = open(broker, { url, name, closeTimeoutMs: 50 })
      const subscription = await transport.subscribe(address, new MessageLog().hold)
      proxy.sever()
      const sent = transport.send(address, bytes(1))
      sent.catch(() => undefined)
      await subscription.close()
      await transport.close()
      await expect(sent).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    })

    it('that fall silent do not keep the transport from closing', async () => {
      const [proxy, name] = [await proxied(), unique()]
      const url = `amqp://127.0.0.1:${proxy.port}`
      const { transport } = open(broker, { url, name, closeTimeoutMs: 50 })
      await transport.subscribe(unique(), new MessageLog().hold)
      await transport.subscribe(`waxwing/v1/request/${name}`, new MessageLog().hold)
      proxy.hush()
      const subscribed = transport.subscribe(unique(), new MessageLog().hold)
      subscribed.catch(() => undefined)
      await transport.close() // by its own time, and not by that of heartbeats
      await expect(subscribed).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    })

    it('that are just back read no queue for a subscription that closes', async () => {
      const [proxy, address, name] = [await proxied(), unique(), unique()]
      const { transport } = open(broker, { url: `amqp://127.0.0.1:${proxy.port}`, name })
      const subscription = await transport.subscribe(address, new MessageLog().hold)
      const closed = new Promise<void>((resolve) => {
        transport.onStatus(({ state }) => {
          if (state === 'connected') resolve(subscription.close())
        })
      })
      proxy.cut()
      await closed
      const look = async (): Promise<string> => {
        const channel = await rawChannel(broker)
        const found = channel.checkQueue(`${name}:${address}`)
        return found.then(
          () => 'there',
          () => 'gone',
        )
      }
      await expect.poll(look).toBe('gone')
    })

    it('that come back let go of queues that were left meanwhile', async () => {
      const [proxy, address, name] = [await proxied(), unique(), unique()]
      const { transport, states } = open(broker, { url: `amqp://127.0.0.1:${proxy.port}`, name })
      const subscription = await transport.subscribe(address, new MessageLog().hold)
      const disconnected = new Promise<void>((resolve) => {
        transport.onStatus(({ state }) => {
          if (state === 'disconnected') resolve()
        })
      })
      proxy.cut()
      await disconnected
      await subscription.close()
      await expect.poll(() => states.at(-1)).toBe('connected')
      const channelFor = async (): Promise<string> => {
        const channel = await rawChannel(broker)
        return channel.checkQueue(`${name}:${address}`).then(
          () => 'there',
          () => 'gone',
        )
      }
      await expect.poll(channelFor).toBe('gone')
    })
  })
}
