// SPDX-License-Identifier: Apache-2.0
import {
  type CoapMessage,
  type CoapOption,
  deriveContext,
  OPTION,
  optionValue,
  protectRequest,
  ReplayGuard,
  SenderSequence,
  unprotectResponse,
} from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import { beginRecording } from '../../src/security/index.js'
import {
  coded,
  CLIENT,
  CONTENT,
  type End,
  EMPTY,
  GET,
  messageOf,
  preshared,
  SECRET,
  textOf,
  type World,
  worldOf,
} from './world.js'
import { memoryStore } from '@waxwing/client'

const RECORDED = { recovery: 'recorded-ahead', idContext: Uint8Array.of(5) } as const

async function recordedWorld(): Promise<World> {
  const [client, server] = preshared({}, RECORDED)
  const stores = [memoryStore(), memoryStore()] as const
  await beginRecording(stores[0], 'lamp')
  await beginRecording(stores[1], 'desk')
  return await worldOf([
    { ...client, store: stores[0] },
    { ...server, store: stores[1] },
  ])
}

const crash = (world: World, end: End): Promise<unknown> =>
  end === world.client ? end.start() : world.restartServer()

describe('a context of recorded keys', () => {
  it('is in use from the first message on', async () => {
    const world = await recordedWorld()
    expect(textOf(await world.ask())).toBe('on')
    expect(world.wire.roundTrips).toBe(1)
  })

  it('repeats no nonce wherever either end stops, and asks for an echo where a window is lost', async () => {
    const world = await recordedWorld()
    for (const end of [world.client, world.server, world.server, world.client]) {
      expect(textOf(await world.ask())).toBe('on')
      await crash(world, end)
      expect(textOf(await world.ask())).toBe('on')
    }
    expect(world.record.repeated).toEqual([])
    expect(world.wire.roundTrips).toBe(8 + 2)
    expect(world.asked).toHaveLength(8)
  })

  it('goes on without an echo after an end in good order', async () => {
    const world = await recordedWorld()
    await world.ask()
    await world.server.security.close()
    await world.server.security.close()
    await world.restartServer()
    await world.ask()
    expect(world.wire.roundTrips).toBe(2)
  })

  it('repeats no nonce where two processes of a server answer the same request', async () => {
    const world = await recordedWorld()
    const processes = [world.wire.server]
    await world.restartServer()
    processes.push(world.wire.server)
    for (const server of processes) {
      world.wire.server = server
      await world.ask()
    }
    const sent: CoapMessage[] = []
    world.wire.onRequest = (request) => {
      sent.push(request)
      return request
    }
    world.wire.server = processes[0]!
    await world.ask()
    const { signal } = new AbortController()
    await processes[1]!({ ...sent[0]!, peer: CLIENT, signal })
    expect(world.asked).toHaveLength(4)
    expect(world.record.repeated).toEqual([])
  })

  it('is opened only where it was said that it is new, which is said once', async () => {
    const [client] = preshared({}, RECORDED)
    await expect(worldOf([client, {}])).rejects.toMatchObject(coded('ERR_STORE_CORRUPT'))
    const world = await recordedWorld()
    await expect(beginRecording(world.client.store, 'lamp')).rejects.toMatchObject(
      coded('ERR_CONFLICT'),
    )
    world.client.store = memoryStore()
    await expect(world.client.start()).rejects.toMatchObject(coded('ERR_STORE_CORRUPT'))
  })

  it('ends with a typed error where the server does not know it', async () => {
    const world = await recordedWorld()
    world.wire.server = () => Promise.resolve(messageOf(0x81))
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
  })

  it('has notifications in the order in which they were sent, whatever the store takes', async () => {
    const observe = { number: 6, value: EMPTY }
    const texts: string[] = []
    const world = await recordedWorld()
    const handler = world.server.security.protect(() =>
      Promise.resolve({
        ...messageOf(CONTENT, [observe], 'first'),
        notifications: (listener) => {
          for (let i = 0; i < 600; i++) void listener.next(messageOf(CONTENT, [observe], `${i}`))
        },
      }),
    )
    world.wire.server = handler
    const [path] = [{ number: 11, value: EMPTY }]
    const options = [{ number: 3, value: new TextEncoder().encode('lamp.example') }, observe, path]
    const response = await world.ask({ options })
    await new Promise<void>((resolve) => {
      response.notifications!({
        next: (notification) => {
          if (texts.push(textOf(notification)) === 600) resolve()
          return Promise.resolve()
        },
        end: () => undefined,
      })
    })
    expect(texts).toEqual(Array.from({ length: 600 }, (_, i) => `${i}`))
    expect(world.record.repeated).toEqual([])
  })

  it('ends an observation by a cancellation that is bound to its registration', async () => {
    const world = await recordedWorld()
    const observe = (value: Uint8Array): CoapOption => ({ number: OPTION.observe, value })
    const [register, cancel] = [observe(EMPTY), observe(Uint8Array.of(1))]
    world.wire.server = world.server.security.protect(({ options }) => {
      const isRegistration =
        optionValue({ ...messageOf(GET), options }, OPTION.observe)?.length === 0
      if (!isRegistration) return Promise.resolve(messageOf(CONTENT, [], 'over'))
      return Promise.resolve({ ...messageOf(CONTENT, [register], 'on'), notifications: () => {} })
    })
    const client = deriveContext(
      world.record.crypto,
      { ...RECORDED, masterSecret: SECRET, senderId: EMPTY, recipientId: Uint8Array.of(1) },
      { sequence: SenderSequence.ofFreshKeys(), replay: ReplayGuard.ofFreshKeys() },
    )
    const { signal } = new AbortController()
    const send = (message: CoapMessage): Promise<CoapMessage> =>
      world.wire.server({ ...message, peer: CLIENT, signal })
    const first = protectRequest(client, messageOf(GET, [register]))
    unprotectResponse(first.exchange, await send(first.message))
    const others = protectRequest(client, messageOf(GET, [register]))
    await send(others.message)
    const last = protectRequest(client, messageOf(GET, [cancel]), { registration: first.exchange })
    expect(textOf(unprotectResponse(last.exchange, await send(last.message)))).toBe('over')
  })

  it('alone has an ID Context of its own', async () => {
    const [client] = preshared({}, { idContext: Uint8Array.of(5) })
    await expect(worldOf([client, {}])).rejects.toThrow('idContext')
  })
})
