// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  createAuthority,
  libcoapAvailable,
  loadVectors,
  mosquittoAvailable,
  natsAvailable,
  protonAvailable,
  publishedVectors,
  rabbitmqAvailable,
  requireOrSkip,
  runCoapClient,
  startAedes,
  startCoapServer,
  startMosquitto,
  startNats,
  startProtonBroker,
  startProxy,
  startRabbitmq,
} from '@waxwing/testkit'

describe('a certificate of the tests', () => {
  it('is good for loopback, and leads to its authority and to no other', () => {
    const authority = createAuthority('root')
    const { cert, key } = authority.issue('device-7')
    const parsed = new X509Certificate(cert)
    const root = new X509Certificate(authority.ca)
    expect(parsed.subject).toBe('CN=device-7')
    expect(parsed.checkIP('127.0.0.1')).toBe('127.0.0.1')
    expect(parsed.checkHost('localhost')).toBe('localhost')
    expect(root.ca).toBe(true)
    expect(parsed.ca).toBe(false)
    expect(parsed.verify(root.publicKey)).toBe(true)
    expect(parsed.verify(new X509Certificate(createAuthority('root').ca).publicKey)).toBe(false)
    expect(key).toContain('BEGIN PRIVATE KEY')
  })
})

describe('the proxy', () => {
  it('relays both ways, cuts, takes new connections, and none while severed', async () => {
    const echo = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1')
    await once(echo, 'listening')
    onTestFinished(() => void echo.close())
    const proxy = await startProxy((echo.address() as AddressInfo).port)
    onTestFinished(() => proxy.close())
    const connect = (): Socket => createConnection(proxy.port, '127.0.0.1')

    const first = connect()
    first.write('hello')
    expect(String((await once(first, 'data'))[0])).toBe('hello')
    proxy.cut()
    await once(first, 'close')

    const second = connect()
    second.write('again')
    expect(String((await once(second, 'data'))[0])).toBe('again')
    proxy.sever()
    await once(second, 'close')
    await once(
      connect().on('error', () => undefined),
      'close',
    )
    expect(proxy.connectionCount).toBe(2)

    proxy.heal()
    const third = connect()
    third.write('back')
    expect(String((await once(third, 'data'))[0])).toBe('back')
    third.destroy()
  })
})

describe('Aedes', () => {
  it('listens on loopback until it is closed', async () => {
    const broker = await startAedes()
    await touch(broker.port)
    await broker.close()
    await expect(touch(broker.port)).rejects.toThrow('ECONNREFUSED')
  })
})

requireOrSkip('mosquitto', mosquittoAvailable())('Mosquitto', () => {
  it('comes back on its port, and leaves neither process nor folder', async () => {
    const broker = await startMosquitto()
    await broker.stop()
    await broker.stop()
    await broker.start()
    await touch(broker.port)
    expect(broker.log()).toContain('running')
    const file = /Config loaded from (.+)\.$/m.exec(broker.log())?.[1] ?? ''
    expect(existsSync(file)).toBe(true)
    await broker.close()
    expect(existsSync(dirname(file))).toBe(false)
    await expect(touch(broker.port)).rejects.toThrow('ECONNREFUSED')
  })

  it('says why it does not start', async () => {
    const started = startMosquitto({ config: ['no_such_option true'] })
    await expect(started).rejects.toThrow(/no_such_option/)
  })
})

requireOrSkip('nats-server', natsAvailable())('NATS', () => {
  it('comes back on its port with its streams, and leaves neither process nor folder', async () => {
    const server = await startNats()
    onTestFinished(() => server.close())
    const folder = /Store Directory:\s+"(.+?)"/.exec(server.log())?.[1] ?? ''
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await server.stop(signal)
      await server.stop(signal)
      await expect(touch(server.port)).rejects.toThrow('ECONNREFUSED')
      expect(existsSync(folder)).toBe(true)
      await server.start()
      await touch(server.port)
    }
    await server.close()
    expect(existsSync(dirname(folder))).toBe(false)
    await expect(touch(server.port)).rejects.toThrow('ECONNREFUSED')
  })

  it('takes its limits, its users and its certificates', async () => {
    const users = { alice: 'se"cret' }
    const server = await startNats({ users, maxPayload: 4096, tls: 'mutual' })
    onTestFinished(() => server.close())
    const info = await firstLine(server.port)
    expect(info).toContain('"max_payload":4096')
    expect(info).toContain('"auth_required":true')
    expect(info).toContain('"tls_verify":true')
    expect(server.authority?.ca).toContain('BEGIN CERTIFICATE')
  })

  it('says why it does not start', async () => {
    await expect(startNats({ config: ['no_such_option: {'] })).rejects.toThrow(/Parse error/)
  })
})

requireOrSkip('rabbitmq-server', rabbitmqAvailable())('RabbitMQ', () => {
  it('leaves and comes back, is killed and started, and leaves neither process nor folder', async () => {
    const broker = await startRabbitmq({
      plugins: ['rabbitmq_amqp1_0'],
      users: { alice: 'secret' },
    })
    const folder = /Config file\(s\): (.+)/.exec(broker.log())?.[1] ?? ''
    await touch(broker.port)
    await broker.leave()
    await expect(touch(broker.port)).rejects.toThrow('ECONNREFUSED')
    await broker.comeBack()
    await touch(broker.port)
    await broker.stop('SIGKILL')
    await expect(touch(broker.port)).rejects.toThrow('ECONNREFUSED')
    await expect(broker.leave()).rejects.toThrow(/ended/)
    expect(existsSync(folder)).toBe(true)
    await broker.start()
    await touch(broker.port)
    await broker.stop()
    await broker.close()
    expect(existsSync(dirname(folder))).toBe(false)
  }, 90_000)

  it('says why it does not start', async () => {
    await expect(startRabbitmq({ config: ['no_such_option = 1'] })).rejects.toThrow(
      /no_such_option/,
    )
  }, 90_000)
})

requireOrSkip('python3-qpid-proton', protonAvailable())('the broker over Qpid Proton', () => {
  it('comes back on its port, and leaves no process', async () => {
    const broker = await startProtonBroker()
    onTestFinished(() => broker.close())
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      await broker.stop(signal)
      await expect(touch(broker.port)).rejects.toThrow('ECONNREFUSED')
      await broker.start()
      await touch(broker.port)
    }
    await broker.close()
    await expect(touch(broker.port)).rejects.toThrow('ECONNREFUSED')
  })
})

requireOrSkip('libcoap', libcoapAvailable())('libcoap', () => {
  it('comes back on its port, without what was put there', async () => {
    const server = await startCoapServer({ dynamicResources: 4 })
    onTestFinished(() => server.close())
    const uri = `${server.url}/light`
    await runCoapClient(['-m', 'put', '-f', '-', uri], Buffer.from('on'))
    expect((await runCoapClient([uri])).text).toBe('on')
    await server.stop()
    await server.stop()
    await server.start()
    expect((await runCoapClient([uri])).errors).toContain('4.04')
    expect(server.log()).toContain('Uri-Path:light')
  })

  it('forwards as a proxy', async () => {
    const origin = await startCoapServer()
    const proxy = await startCoapServer({ proxy: true })
    onTestFinished(async () => {
      await proxy.close()
      await origin.close()
    })
    const { text } = await runCoapClient(['-P', proxy.url, `${origin.url}/`])
    expect(text).toContain('libcoap')
    expect(origin.log()).toContain('c:GET')
  })

  it('says why it does not start, or does not run', async () => {
    await expect(startCoapServer({ args: ['-P', 'nonsense'] })).rejects.toThrow(/ended with/)
    await expect(runCoapClient(['-m', 'nonsense'])).rejects.toThrow(/ended with/)
  })
})

describe('vectors', () => {
  it('of this repository must be there', () => {
    expect(() => loadVectors('no-such-file')).toThrow(/no-such-file/)
  })

  it('of others may be missing', () => {
    expect(publishedVectors('no-such-folder/no-such-file.json')).toBeUndefined()
  })
})

/** Connects once. */
async function touch(port: number): Promise<void> {
  const socket = createConnection(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.destroy()
}

/** What the server says first. */
async function firstLine(port: number): Promise<string> {
  const socket = createConnection(port, '127.0.0.1')
  const [chunk] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return chunk.toString('utf8')
}
