// SPDX-License-Identifier: Apache-2.0
import {
  type CoapMessage,
  EdhocError,
  encodeOscoreOption,
  OPTION,
  optionValue,
} from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Response } from '../../src/handler.js'
import {
  coded,
  edhocWorld,
  EMPTY,
  GET,
  messageOf,
  plainly,
  POST,
  preshared,
  requestOf,
  segment,
  textOf,
  UNAUTHORIZED,
  withheld,
  withOscore,
  worldOf,
} from './world.js'

const REFUSAL = messageOf(UNAUTHORIZED, [{ number: OPTION.maxAge, value: EMPTY }])

describe('a request without protection', () => {
  it('is answered 4.01, which no proxy keeps, and nothing else', async () => {
    const world = await edhocWorld()
    for (const code of [GET, POST, 5, 31]) {
      expect(await plainly(world, requestOf(code))).toEqual(REFUSAL)
    }
    expect(world.asked).toEqual([])
  })

  it('is let in where a path stays open, and only there', async () => {
    const protect = { unprotected: ['/.well-known/core', '/open'] }
    const world = await worldOf(preshared(), { protect })
    const at = async (...segments: string[]): Promise<string> =>
      textOf(await plainly(world, messageOf(GET, segments.map(segment))))
    expect(await at('open')).toBe('on')
    expect(await at('.well-known', 'core')).toBe('on')
    expect(world.asked.map(({ security }) => security)).toEqual([undefined, undefined])
    for (const path of [['.well-known/core'], ['open', ''], ['open', 'state'], ['state'], []]) {
      expect(await at(...path)).toBe('')
    }
    const proxied = [
      segment('open'),
      { number: OPTION.proxyUri, value: segment('coap://x/y').value },
    ]
    expect(await plainly(world, messageOf(GET, proxied))).toEqual(REFUSAL)
    expect(world.asked).toHaveLength(2)
  })

  it('is let in at the root, and at what is percent-encoded, where these stay open', async () => {
    const world = await worldOf(preshared(), { protect: { unprotected: ['/', '/a%2Fb/c%20d'] } })
    const at = async (...segments: string[]): Promise<string> =>
      textOf(await plainly(world, messageOf(GET, segments.map(segment))))
    expect(await at()).toBe('on')
    expect(await at('a/b', 'c d')).toBe('on')
    for (const path of [[''], ['a', 'b', 'c d'], ['a%2Fb', 'c%20d']]) {
      expect(await at(...path)).toBe('')
    }
  })

  it.each(['open', '/open?x', '/open#x', '/%ff', ''])('has no path %j', async (path) => {
    const opening = worldOf(preshared(), { protect: { unprotected: [path] } })
    await expect(opening).rejects.toThrow(RangeError)
  })

  it('is never sent: a server for which there are no keys is not asked', async () => {
    const world = await worldOf([{}, {}])
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
    expect(world.wire.seen).toEqual([])
  })

  it.each(['coap://other/state', 'coap://lamp.example:1/state'])(
    'is not sent to %s by way of a proxy either',
    async (uri) => {
      const world = await worldOf(preshared())
      const options = [{ number: OPTION.proxyUri, value: segment(uri).value }]
      await expect(world.ask({ options })).rejects.toMatchObject(coded('ERR_KEY_UNKNOWN'))
      expect(world.wire.seen).toEqual([])
    },
  )
})

describe.each([
  ['Proxy-Uri', [{ number: OPTION.proxyUri, value: segment('coap://lamp.example/state').value }]],
  [
    'Proxy-Scheme',
    [
      ...requestOf(GET).options,
      { number: OPTION.uriPort, value: Uint8Array.of(0x16, 0x33) },
      { number: OPTION.proxyScheme, value: segment('coap').value },
    ],
  ],
])('through a proxy, by %s', (_, options) => {
  it.each([
    ['EDHOC', () => edhocWorld()],
    ['a shared secret', () => worldOf(preshared())],
  ])('keys are those of the server, and each message says where it goes: %s', async (__, open) => {
    const world = await open()
    const response = await world.ask({ options, peer: { address: '192.0.2.1', port: 9999 } })
    expect(textOf(response)).toBe('on')
    const requests = world.wire.seen.filter((___, index) => index % 2 === 0)
    for (const request of requests) {
      const leads = [OPTION.proxyUri, OPTION.proxyScheme].some(
        (number) => optionValue(request, number) !== undefined,
      )
      expect(leads).toBe(true)
    }
  })
})

describe('a protected request', () => {
  it('is not acted upon twice', async () => {
    const world = await edhocWorld()
    await world.ask()
    await world.ask()
    const [, , first, , second] = world.wire.seen
    for (const replayed of [first!, second!]) {
      const { code } = await plainly(world, replayed)
      expect([UNAUTHORIZED, 0x80]).toContain(code)
    }
    expect(world.asked).toHaveLength(2)
    expect(world.server.events.slice(-2).map(({ kind }) => kind)).toEqual(['refused', 'refused'])
  })

  it('whose message_3 does not verify is refused, and the event has the reason', async () => {
    const world = await edhocWorld()
    const changed = (request: CoapMessage) =>
      optionValue(request, OPTION.edhoc) === undefined
        ? request
        : { ...request, payload: bitFlips(request.payload)[15]! }
    world.wire.onRequest = changed
    await world.ask().catch(() => undefined)
    const refused = world.server.events.find((event) => event.kind === 'refused')
    expect(refused?.error.message).toMatch(/^a combined request was refused: EDHOC: ./)
  })

  it('is refused with any protected bit changed', async () => {
    const world = await worldOf(preshared())
    await world.ask()
    const sent = await withheld(world)
    const oscore = optionValue(sent, OPTION.oscore)!
    const changed = [
      ...bitFlips(sent.payload).map((payload) => ({ ...sent, payload })),
      ...bitFlips(oscore).map((value) => withOscore(sent, value)),
    ]
    for (const message of changed) {
      const response = await plainly(world, message)
      expect(response.code >> 5).toBe(4)
    }
    expect(world.asked).toHaveLength(1)
    expect((await plainly(world, sent)).code).toBe(0x44)
    expect(world.asked).toHaveLength(2)
  })

  it('is accepted with what a proxy may change', async () => {
    const world = await worldOf(preshared())
    await world.ask()
    const host = { number: OPTION.uriHost, value: segment('elsewhere').value }
    const changes: ((message: CoapMessage) => CoapMessage)[] = [
      (message) => ({ ...message, options: message.options.filter(({ number }) => number !== 3) }),
      (message) => ({ ...message, options: [host, ...message.options.slice(1)] }),
      (message) => ({ ...message, options: [...message.options, { number: 60, value: EMPTY }] }),
      (message) => ({ ...message, code: 5 }),
    ]
    for (const change of changes) {
      world.wire.onRequest = change
      expect(textOf(await world.ask())).toBe('on')
    }
  })

  it('with a key that nobody has is answered 4.01', async () => {
    const world = await worldOf(preshared())
    const kid = Uint8Array.of(9)
    for (const kidContext of [undefined, EMPTY, Uint8Array.of(0x41, 1)]) {
      const value = encodeOscoreOption({ kid, partialIv: Uint8Array.of(0), kidContext })
      const message = withOscore(messageOf(POST, [], 'something like a ciphertext'), value)
      expect(await plainly(world, message)).toMatchObject({ code: UNAUTHORIZED })
    }
  })
})

describe('an answer', () => {
  it.each([
    ['2.05 without protection', () => messageOf(0x45, [], 'off'), 'ERR_NOT_AUTHENTIC'],
    ['4.04 without protection', () => messageOf(0x84), 'ERR_NOT_AUTHENTIC'],
    ['4.01 without protection', () => messageOf(UNAUTHORIZED), 'ERR_KEY_UNKNOWN'],
    ['4.00 without protection', () => messageOf(0x80), 'ERR_KEY_UNKNOWN'],
    ['5.04 of a proxy', () => messageOf(0xa4), 'ERR_TRANSPORT'],
    [
      'something that does not verify',
      (response: CoapMessage) => ({
        ...response,
        payload: response.payload.map((byte) => byte ^ 1),
      }),
      'ERR_NOT_AUTHENTIC',
    ],
    [
      'nonsense',
      () => withOscore(messageOf(0x44, [], 'x'), Uint8Array.of(0xff)),
      'ERR_NOT_AUTHENTIC',
    ],
  ])('that is %s is no response', async (_, forge, errorCode) => {
    for (const open of [() => edhocWorld(), () => worldOf(preshared())]) {
      for (const before of [0, 1]) {
        const world = await open()
        for (let i = 0; i < before; i++) await world.ask()
        world.wire.onResponse = forge
        const error = await world.ask().catch((reason: unknown) => reason as EdhocError)
        expect([errorCode, ...inPlaceOfMessage2(error)]).toContain((error as EdhocError).code)
        world.wire.onResponse = (response) => response
        expect(textOf(await world.ask())).toBe('on')
      }
    }
  })

  it('to another request is none', async () => {
    const world = await worldOf(preshared())
    const kept: Response[] = []
    world.wire.onResponse = (response) => {
      kept.push(response)
      return response
    }
    await world.ask()
    await world.ask()
    world.wire.onResponse = () => kept.at(-1)!
    await expect(world.ask()).rejects.toMatchObject(coded('ERR_NOT_AUTHENTIC'))
  })

  it('is refused with any bit changed', async () => {
    const world = await worldOf(preshared())
    await world.ask()
    for (let bit = 0; bit < 8 * 12; bit++) {
      world.wire.onResponse = (response) => {
        const flips = bitFlips(response.payload)
        return { ...response, payload: flips[bit % flips.length]! }
      }
      await expect(world.ask()).rejects.toMatchObject(coded('ERR_NOT_AUTHENTIC'))
    }
  })
})

/** What stands there may be no message of EDHOC at all, and the server one that knows none. */
function inPlaceOfMessage2(error: unknown): readonly string[] {
  if (error instanceof EdhocError) return ['ERR_MALFORMED']
  return (error as Error).message.includes('no EDHOC') ? ['ERR_UNSUPPORTED'] : []
}

function bitFlips(bytes: Uint8Array): readonly Uint8Array[] {
  return Array.from({ length: bytes.length * 8 }, (_, bit) =>
    bytes.with(bit >> 3, bytes[bit >> 3]! ^ (1 << (bit & 7))),
  )
}
