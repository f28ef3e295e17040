// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { memoryStore } from '@waxwing/client'
import type { Store } from '@waxwing/core'
import { expectReceived, MessageLog } from '@waxwing/testkit'
import { centreFor, dataOf, errorsOf, FAR, NEAR, transportAt } from './support/stage.ts'

/** A server that says nothing, or what it is told to. */
async function mute(answer: (socket: Socket) => void = () => undefined): Promise<{ port: number }> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    answer(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return { port: (server.address() as AddressInfo).port }
}

describe('a connection', () => {
  it('is refused for good where the password is wrong, and everything fails that waits', async () => {
    const accounts = { [NEAR]: { password: 'right', numbers: [NEAR] } }
    const centre = await centreFor({ accounts })
    const transport = transportAt(centre, NEAR, { password: () => 'wrong' })
    const refused = { code: 'ERR_TRANSPORT', message: expect.stringContaining('ESME_RINVPASWD') }
    await expect(transport.send(`sms/${FAR}`, dataOf(3))).rejects.toMatchObject(refused)
    await expect(transport.subscribe('sms/#', new MessageLog().hold)).rejects.toMatchObject(refused)
  })

  it('asks for its password each time, and keeps trying once it was bound', async () => {
    const accounts = { [NEAR]: { password: 'secret', numbers: [NEAR] } }
    const centre = await centreFor({ accounts })
    let asked = 0
    const transport = transportAt(centre, NEAR, {
      password: async () => (++asked === 2 ? 'wrong' : 'secret'),
    })
    const errors = errorsOf(transport)
    await transport.send(`sms/${FAR}`, dataOf(3))
    centre.cut()
    await transport.send(`sms/${FAR}`, dataOf(4))
    expect(asked).toBe(3)
    expect(errors).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('ESME_RINVPASWD') }),
    )
  })

  it('is made again where the centre is too busy to bind', async () => {
    const centre = await centreFor()
    centre.bindStatus = 0x58
    const transport = transportAt(centre, NEAR)
    const errors = errorsOf(transport)
    await expect.poll(() => errors.length).toBeGreaterThan(1)
    centre.bindStatus = undefined
    await transport.send(`sms/${FAR}`, dataOf(3))
  })

  it('may be two, of which one sends and one receives', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR, { bind: 'pair' })
    const log = new MessageLog()
    await transport.subscribe('sms/#', log.acknowledge)
    await transport.send(`sms/${NEAR}`, dataOf(3))
    await expectReceived(log, dataOf(3))
    expect(centre.sessionCount).toBe(2)
    centre.cut()
    await transport.send(`sms/${NEAR}`, dataOf(4))
    await expectReceived(log, dataOf(4))
    await expect.poll(() => centre.sessionCount).toBe(2)
  })

  it('goes over TLS, and not to whoever has no certificate for it', async () => {
    const centre = await centreFor({ tls: true })
    const url = `smpps://${NEAR}:secret@localhost:${centre.port}`
    const strict = transportAt(centre, FAR, { url })
    const errors = errorsOf(strict)
    await expect.poll(() => errors.length).toBeGreaterThan(0)
    const transport = transportAt(centre, NEAR, { url, tls: { ca: centre.authority?.ca ?? '' } })
    await transport.send(`sms/${FAR}`, dataOf(3))
    expect(centre.taken).toHaveLength(1)
    expect(centre.sessionCount).toBe(1)
  })

  it('is made again when the centre says goodbye', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR)
    const errors = errorsOf(transport)
    await transport.send(`sms/${FAR}`, dataOf(3))
    centre.dismiss()
    await expect.poll(() => errors).toHaveLength(1)
    await transport.send(`sms/${FAR}`, dataOf(4))
    expect(errors).toMatchObject([{ message: 'the centre ended the session' }])
  })

  it('is given up when the centre does not answer', async () => {
    const { port } = await mute()
    const transport = transportAt({ port }, NEAR, { answerTimeoutMs: 30 })
    const errors = errorsOf(transport)
    await expect.poll(() => errors.length).toBeGreaterThan(2)
    expect(errors[0]).toMatchObject({ message: expect.stringContaining('does not answer') })
  })

  it('asks whether the centre is there, and is given up where it is not', async () => {
    // bind_transceiver_resp with sequence number 1, and nothing ever after.
    const bound = Buffer.from('000000128000000900000000000000016300', 'hex')
    const { port } = await mute((socket) => socket.write(bound))
    const transport = transportAt({ port }, NEAR, { enquireLinkMs: 20, answerTimeoutMs: 50 })
    const [errors, states] = [errorsOf(transport), [] as string[]]
    transport.onStatus(({ state }) => states.push(state))
    await expect
      .poll(() => states.filter((state) => state === 'disconnected').length)
      .toBeGreaterThan(1)
    expect(errors[0]).toMatchObject({ message: expect.stringContaining('does not answer') })
  })

  it('ends with unbind, and keeps nothing running', async () => {
    const centre = await centreFor()
    const transport = transportAt(centre, NEAR)
    await transport.send(`sms/${FAR}`, dataOf(3))
    await transport.close()
    await expect.poll(() => centre.sessionCount).toBe(0)
  })

  it('closes while the application is asked for a password that never comes', async () => {
    const centre = await centreFor()
    const asked = Promise.withResolvers<void>()
    const transport = transportAt(centre, NEAR, {
      password: () => {
        asked.resolve()
        return new Promise<string>(() => undefined)
      },
    })
    await asked.promise
    await transport.close()
    expect(centre.sessionCount).toBe(0)
  })

  it('closes while the centre is not there', async () => {
    const transport = transportAt({ port: 1 }, NEAR)
    const sending = transport.send(`sms/${FAR}`, dataOf(3))
    sending.catch(() => undefined)
    const errors = errorsOf(transport)
    await expect.poll(() => errors.length).toBeGreaterThan(0)
    await transportAt({ port: 1 }, NEAR, { closeTimeoutMs: 0 }).close()
    const quick = transportAt({ port: 1 }, NEAR, { closeTimeoutMs: 10 })
    const unsent = quick.send(`sms/${FAR}`, dataOf(3)).catch((error: unknown) => error)
    await quick.close()
    expect(await unsent).toMatchObject({ code: 'ERR_CLOSED' })
  })
})

describe('a store that cannot be read', () => {
  it('fails everything, with its own error', async () => {
    const centre = await centreFor()
    const store: Store = { ...memoryStore(), scan: () => Promise.reject(new Error('no disk')) }
    const transport = transportAt(centre, NEAR, { store })
    await expect(transport.send(`sms/${FAR}`, dataOf(3))).rejects.toThrow()
    await expect(transport.subscribe('sms/#', new MessageLog().hold)).rejects.toMatchObject({
      code: 'ERR_INTERNAL',
      cause: { message: 'no disk' },
    })
  })
})
