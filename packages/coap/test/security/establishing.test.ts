// SPDX-License-Identifier: Apache-2.0
import {
  type CoapMessage,
  decodeOscoreOption,
  isOscoreMessage,
  OPTION,
  optionValue,
} from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Handler } from '../../src/handler.js'
import { encodeDatagram } from '../../src/messaging/datagram.js'
import {
  AUTHORITY,
  CHANGED,
  coded,
  CONTENT,
  edhocWorld,
  GET,
  LAMP,
  messageOf,
  POST,
  preshared,
  requestOf,
  textOf,
  worldOf,
} from './world.js'

describe('keys by EDHOC', () => {
  it('are there with the first response, after two round trips', async () => {
    const world = await edhocWorld()
    expect(textOf(await world.ask())).toBe('on')
    expect(world.wire.roundTrips).toBe(2)
    expect(world.asked).toHaveLength(1)
    expect(world.asked[0]!.security).toEqual({ name: 'desk' })
    expect(world.client.established).toEqual(['edhoc'])
    expect(world.server.established).toEqual(['edhoc'])
  })

  it('take 101 bytes in all three messages', async () => {
    const world = await edhocWorld()
    await world.ask()
    const [first, second, third] = world.wire.seen
    // `true` stands in front of message_1; message_3 in front of the ciphertext of a request.
    const lengths = [first!.payload.length - 1, second!.payload.length, 19]
    expect(lengths).toEqual([37, 45, 19])
    expect(third!.payload[0]).toBe(0x40 + 18)
    expect(lengths.reduce((sum, length) => sum + length)).toBe(101)
  })

  it('are used at once: what follows costs one round trip, and names no context', async () => {
    const world = await edhocWorld()
    await world.ask()
    await world.ask()
    expect(world.wire.roundTrips).toBe(3)
    const header = decodeOscoreOption(optionValue(world.wire.seen[4]!, OPTION.oscore)!)
    expect(header.kidContext).toBeUndefined()
    expect(header.kid).toHaveLength(0)
    expect(optionValue(world.wire.seen[5]!, OPTION.oscore)).toHaveLength(0)
  })

  it('come as well where the server takes message_3 alone', async () => {
    const world = await edhocWorld()
    const { server } = world.wire
    world.wire.server = (request) =>
      optionValue(request, OPTION.edhoc) === undefined
        ? server(request)
        : Promise.resolve(messageOf(0x82))
    expect(textOf(await world.ask())).toBe('on')
    expect(world.wire.roundTrips).toBe(4)
    expect(world.asked).toHaveLength(1)
  })

  it.each([
    ['2.01', 0x41, '', 'ERR_UNSUPPORTED'],
    ['4.04', 0x84, 'Not Found', 'ERR_UNSUPPORTED'],
    ['4.05', 0x85, '', 'ERR_UNSUPPORTED'],
    ['5.01', 0xa1, '', 'ERR_UNSUPPORTED'],
    ['5.04', 0xa4, 'Gateway Timeout', 'ERR_TRANSPORT'],
    ['4.00', 0x80, 'Bad Request', 'ERR_KEY_UNKNOWN'],
  ])('are not agreed on with who answers %s, and the error says so', async (said, ...rest) => {
    const [answered, diagnostic, errorCode] = rest
    const world = await edhocWorld()
    world.wire.server = () => Promise.resolve(messageOf(answered, [], diagnostic))
    const error = await world.ask().catch((reason: unknown) => reason)
    expect(error).toMatchObject(coded(errorCode))
    expect((error as Error).message).toContain(said)
  })

  it('are only agreed on with whoever is expected at an authority', async () => {
    const world = await edhocWorld()
    const elsewhere = requestOf(GET, {
      options: [{ number: OPTION.uriPort, value: Uint8Array.of(9) }],
    })
    await expect(world.ask(elsewhere)).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    expect(world.wire.seen).toEqual([])
  })

  it('are not agreed on with somebody else who answers there', async () => {
    const [world, other] = [await edhocWorld(), await edhocWorld()]
    world.wire.server = other.wire.server
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    expect(other.asked).toEqual([])
    expect(other.server.established).toEqual([])
  })
})

describe('keys of a shared secret', () => {
  it('are there with the first response, after two round trips', async () => {
    const world = await worldOf(preshared())
    expect(textOf(await world.ask())).toBe('on')
    expect(world.wire.roundTrips).toBe(2)
    expect(world.asked).toHaveLength(1)
    expect(world.asked[0]!.security).toEqual({ name: 'desk' })
    expect(world.server.established).toEqual(['rederivation'])
  })

  it('are named in full until the server has proven that it has them, and not later', async () => {
    const world = await worldOf(preshared())
    await world.ask()
    await world.ask()
    const kidContexts = world.wire.seen.map(
      (message) => decodeOscoreOption(optionValue(message, OPTION.oscore)!).kidContext?.length,
    )
    expect(kidContexts).toEqual([9, 17, 26, undefined, undefined, undefined])
  })

  it('are not there if the secrets differ', async () => {
    const world = await worldOf(preshared({ masterSecret: new Uint8Array(16) }))
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    expect(world.asked).toEqual([])
  })

  it('stay in the store of nobody', async () => {
    const world = await worldOf(preshared())
    await world.ask()
    expect(world.client.store.snapshot().tables.size).toBe(0)
    expect(world.server.store.snapshot().tables.size).toBe(0)
  })
})

describe.each([
  ['EDHOC', () => edhocWorld({ handler: slowly })],
  ['a shared secret', () => worldOf(preshared(), { handler: slowly })],
])('requests at once, with keys by %s', (_, open) => {
  it('share one establishing', async () => {
    const world = await open()
    const responses = await Promise.all(Array.from({ length: 20 }, () => world.ask()))
    expect(responses.map(textOf)).toEqual(Array.from({ length: 20 }, () => 'on'))
    expect(world.client.established).toHaveLength(1)
    expect(world.wire.roundTrips).toBe(21)
    expect(world.record.repeated).toEqual([])
  })

  it('are answered though the one that was first gave up', async () => {
    const world = await open()
    const { signal, abort } = aborting()
    const first = world.ask({ signal })
    const others = [world.ask(), world.ask()]
    abort()
    await expect(first).rejects.toThrow('given up')
    expect((await Promise.all(others)).map(textOf)).toEqual(['on', 'on'])
  })

  it('leave nothing under way when all gave up, and keys come with the next', async () => {
    const world = await open()
    const signals: AbortSignal[] = []
    const { server } = world.wire
    world.wire.server = (request) => {
      signals.push(request.signal)
      return new Promise(() => undefined)
    }
    const { signal, abort } = aborting()
    const all = [world.ask({ signal }), world.ask({ signal })]
    await expect.poll(() => signals.length).toBe(1)
    abort()
    for (const each of all) await expect(each).rejects.toThrow('given up')
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    world.wire.server = server
    expect(textOf(await world.ask())).toBe('on')
  })

  it('are not held up by one that cannot be protected', async () => {
    const world = await open()
    const twice = [1, 2].map(() => ({ number: OPTION.uriHost, value: new Uint8Array(1) }))
    const wrong = world.ask({ options: [...requestOf(GET).options, ...twice] })
    const right = world.ask()
    await expect(wrong).rejects.toThrow(RangeError)
    expect(textOf(await right)).toBe('on')
  })
})

describe('what the server answers', () => {
  it('comes as it is, whatever the method', async () => {
    const world = await worldOf(preshared(), {
      handler: ({ code, payload }) =>
        Promise.resolve({ ...messageOf(code === POST ? CHANGED : CONTENT), payload }),
    })
    const response = await world.ask(requestOf(POST, { text: 'off' }))
    expect(response.code).toBe(CHANGED)
    expect(textOf(response)).toBe('off')
    expect(world.wire.seen.every((message) => isOscoreMessage(message))).toBe(true)
  })

  it('is 5.00, protected, where its handler fails', async () => {
    const world = await worldOf(preshared(), { handler: () => Promise.reject(new Error('oh')) })
    const response = await world.ask()
    expect(response).toEqual(messageOf(0xa0))
    expect(world.wire.seen.every((message) => isOscoreMessage(message))).toBe(true)
    expect(world.server.events.at(-1)).toMatchObject({ kind: 'failed', error: { message: 'oh' } })
  })
})

describe('protection', () => {
  const bytesOf = (message: CoapMessage): number => encodeDatagram(0, 0, 'tokn', message).length

  it.each([
    ['EDHOC', (handler: Handler) => edhocWorld({ handler })],
    ['a shared secret', (handler: Handler) => worldOf(preshared(), { handler })],
  ])('by keys of %s costs 13 bytes on a request and 11 on a response', async (_, open) => {
    for (const text of ['', '22.3']) {
      const response = messageOf(CONTENT, [], text)
      const world = await open(() => Promise.resolve(response))
      await world.ask()
      for (const request of [requestOf(GET), requestOf(POST, { text })]) {
        await world.ask(request)
        const [sent, answered] = world.wire.seen.slice(-2)
        expect(bytesOf(sent!) - bytesOf(request)).toBe(13)
        expect(bytesOf(answered!) - bytesOf(response)).toBe(11)
      }
    }
  })
})

describe('what is configured', () => {
  it.each(['lamp/state', 'coap://lamp', '', 'lamp:0', 'a b'])(
    'is no authority %j',
    async (authority) => {
      const [client] = preshared({}, { authorities: [authority] })
      await expect(worldOf([client, {}])).rejects.toThrow(RangeError)
    },
  )

  it('has each authority once', async () => {
    const [client] = preshared({}, { authorities: ['LAMP.example', AUTHORITY] })
    await expect(worldOf([client, {}])).rejects.toThrow(
      'authorities must each stand in one context',
    )
  })
})

async function slowly(request: Parameters<typeof LAMP>[0]): ReturnType<typeof LAMP> {
  await new Promise((resolve) => setImmediate(resolve))
  return await LAMP(request)
}

function aborting(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController()
  const abort = (): void => controller.abort(new Error('given up'))
  return { signal: controller.signal, abort }
}
