// SPDX-License-Identifier: Apache-2.0
import { equalBytes } from '@waxwing/core'
import { type CoapMessage, encodeCoap, optionValue } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { blockwiseClient, blockwiseServer } from '../../src/blockwise/index.js'
import { codeName, METHOD, RESPONSE } from '../../src/codes.js'
import type { Handler, Request } from '../../src/handler.js'
import { OPTION, uintOption } from '../../src/options.js'
import { network, requestTo } from '../support/in-memory.js'
import { BLOCK_SIZES, body, plugged, respond } from './plugged.js'

describe('a body of any size', () => {
  const size = fc.oneof(
    fc.integer({ min: 0, max: 200 }),
    fc.integer({ min: 0, max: 5_000 }),
    fc
      .tuple(fc.constantFrom(...BLOCK_SIZES), fc.integer({ min: 0, max: 6 }))
      .map(([a, b]) => a * b),
  )
  const blockSize = fc.constantFrom(...BLOCK_SIZES)

  it('is the same on the other side, both ways, whatever sizes the sides want', async () => {
    await fc.assert(
      fc.asyncProperty(size, size, blockSize, blockSize, async (up, down, atClient, atServer) => {
        const seen: Uint8Array[] = []
        const ask = plugged(
          async ({ payload }) => {
            seen.push(payload)
            return respond(body(down, 2), RESPONSE.changed)
          },
          { client: { blockSize: atClient }, server: { blockSize: atServer } },
        )
        const response = await ask(requestTo({ code: METHOD.POST, path: 'x', payload: body(up) }))
        expect(seen).toHaveLength(1)
        expect(equalBytes(seen[0] ?? body(1), body(up))).toBe(true)
        expect(equalBytes(response.payload, body(down, 2))).toBe(true)
        expect(codeName(response.code)).toBe('2.04')
        const ofBlocks = [OPTION.block1, OPTION.block2, OPTION.size2].map((number) =>
          optionValue(response, number),
        )
        expect(ofBlocks).toEqual([undefined, undefined, undefined])
      }),
      { numRuns: 300 },
    )
  })

  it('goes in messages no larger than the smaller side wants', async () => {
    const largest = { up: 0, down: 0 }
    const spy = (request: Request, response: CoapMessage): void => {
      largest.up = Math.max(largest.up, request.payload.length)
      largest.down = Math.max(largest.down, response.payload.length)
    }
    const handler: Handler = async ({ payload }) => respond(payload)
    const asking = { code: METHOD.POST, payload: body(3_000) }
    await plugged(handler, { client: { blockSize: 64 }, spy })(requestTo(asking))
    expect(largest).toEqual({ up: 64, down: 64 })
    await plugged(handler, { server: { blockSize: 32 }, client: { blockSize: 64 }, spy })(
      requestTo(asking),
    )
    expect(largest).toEqual({ up: 64, down: 64 }) // the first block is of the client's size
  })

  it('goes whole where the message fits a datagram, and in smaller blocks beside large options', async () => {
    const sizes: number[] = []
    const spy = (request: Request): void => void sizes.push(request.payload.length)
    const ask = plugged(async () => respond(body(0)), { spy })
    await ask(requestTo({ code: METHOD.PUT, payload: body(1_100) }))
    expect(sizes).toEqual([1_100])
    sizes.length = 0
    await ask(requestTo({ code: METHOD.PUT, payload: body(1_100), path: 'a'.repeat(200) }))
    expect(sizes).toEqual([512, 512, 76])
  })

  it('goes in messages that fit a datagram, beside options of any length', async () => {
    const datagrams: number[] = []
    // With header and the longest token, in the place of the code.
    const note = (message: CoapMessage): void =>
      void datagrams.push(encodeCoap(message).length - 1 + 4 + 8)
    const wire = network(
      blockwiseServer()(async ({ options }) => ({ ...respond(body(3_000)), options })),
    )
    const ask = blockwiseClient()(async (request) => {
      const response = await wire(request)
      note(request)
      note(response)
      return response
    })
    for (let length = 0; length < 1_040; length += 3) {
      const long = { number: 2_054, value: body(length) }
      const request = requestTo({ code: METHOD.FETCH, options: [long], payload: body(3_000) })
      expect((await ask(request)).payload).toHaveLength(3_000)
      await ask({ ...request, payload: body(1_100 - length > 0 ? 1_100 - length : 0) })
    }
    expect(Math.max(...datagrams)).toBeLessThanOrEqual(1_152)
  })
})

describe('a request with side effects', () => {
  it('is carried out once, however its response is fetched', async () => {
    const handler = vi.fn<Handler>(async () => respond(body(10_000)))
    const response = await plugged(handler)(requestTo({ code: METHOD.POST, payload: body(5_000) }))
    expect(response.payload).toHaveLength(10_000)
    expect(handler).toHaveBeenCalledOnce()
  })

  it('whose response the server has lost is ERR_CONFLICT, not carried out again', async () => {
    const handler = vi.fn<Handler>(async () => respond(body(10_000)))
    let now = 0
    const spy = (): void => void (now += 300_000)
    const ask = plugged(handler, { server: { now: () => now }, spy })
    await expect(ask(requestTo({ code: METHOD.POST }))).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CONFLICT' }),
    )
    expect(handler).toHaveBeenCalledOnce()
  })

  it('whose response breaks off with an error is ERR_CONFLICT: it was carried out', async () => {
    for (const code of [RESPONSE.serviceUnavailable, RESPONSE.notFound, RESPONSE.badRequest]) {
      const server: Handler = async (request) =>
        optionValue(request, OPTION.block2) === undefined
          ? { ...respond(body(1024)), options: [uintOption(OPTION.block2, 0x08 + 6)] }
          : respond(body(0), code)
      await expect(blockwiseClient()(server)(requestTo({ code: METHOD.POST }))).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_CONFLICT' }),
      )
      const got = blockwiseClient()(server)(requestTo())
      if (code === RESPONSE.badRequest) await expect(got).rejects.toThrow('changed each time')
      else expect((await got).code).toBe(code)
    }
  })

  it('of which the server has lost the beginning is begun again, and carried out once', async () => {
    const handler = vi.fn<Handler>(async () => respond(body(0)))
    let now = 0
    let losses = 1
    const spy = (_: Request, response: CoapMessage): void => {
      if (response.code === RESPONSE.continue && losses-- > 0) now += 300_000
    }
    const ask = plugged(handler, { server: { now: () => now }, spy })
    const response = await ask(requestTo({ code: METHOD.PUT, payload: body(5_000) }))
    expect(codeName(response.code)).toBe('2.05')
    expect(handler).toHaveBeenCalledOnce()
    expect(handler.mock.calls[0]?.[0].payload).toEqual(body(5_000))
  })

  it('that the server always loses is 4.08 at last', async () => {
    const handler = vi.fn<Handler>()
    let now = 0
    const ask = plugged(handler, { server: { now: () => now }, spy: () => void (now += 300_000) })
    const response = await ask(requestTo({ code: METHOD.PUT, payload: body(5_000) }))
    expect(codeName(response.code)).toBe('4.08')
    expect(handler).not.toHaveBeenCalled()
  })

  it('that is given up amid its body, or its response, goes no further', async () => {
    const handler = vi.fn<Handler>(async () => respond(body(5_000)))
    for (const wanted of [OPTION.block1, OPTION.block2]) {
      const aborting = new AbortController()
      const reason = new Error('enough')
      let messages = 0
      const ask = plugged(handler, {
        spy: (_, response) => {
          messages++
          if (optionValue(response, wanted) !== undefined) aborting.abort(reason)
        },
      })
      const payload = body(wanted === OPTION.block1 ? 5_000 : 10)
      const asked = ask(requestTo({ code: METHOD.PUT, payload, signal: aborting.signal }))
      await expect(asked).rejects.toBe(reason)
      expect(messages).toBe(1)
    }
    expect(handler).toHaveBeenCalledOnce()
  })

  it('that fails at its first block sends no other', async () => {
    const sent = vi.fn<Handler>(async () => respond(body(0), RESPONSE.unauthorized))
    const response = await blockwiseClient()(sent)(
      requestTo({ code: METHOD.PUT, payload: body(5_000) }),
    )
    expect(codeName(response.code)).toBe('4.01')
    expect(sent).toHaveBeenCalledOnce()
  })
})

describe('a representation', () => {
  it('that changes while it is fetched is fetched anew, never mixed', async () => {
    let version = 0
    const spy = (): void => {
      if (version < 2) version++
    }
    // The server forgets at once, so that each block is of what the handler says then.
    const ask = plugged(async () => respond(body(4_000, version)), {
      server: { maxHeldBytes: 1 },
      spy,
    })
    const response = await ask(requestTo())
    expect(equalBytes(response.payload, body(4_000, 2))).toBe(true)
  })

  it('that changes all the time is ERR_CONFLICT', async () => {
    let version = 0
    const ask = plugged(async () => respond(body(4_000, version++)), {
      server: { maxHeldBytes: 1 },
    })
    await expect(ask(requestTo())).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_CONFLICT' }),
    )
  })

  it('that changes while it is fetched from what is kept is the one that was asked for', async () => {
    let version = 0
    const handler = vi.fn<Handler>(async () => respond(body(4_000, version++)))
    const response = await plugged(handler)(requestTo())
    expect(equalBytes(response.payload, body(4_000, 0))).toBe(true)
    expect(handler).toHaveBeenCalledOnce()
  })

  it('that shrinks to one message or to nothing is the new one', async () => {
    for (const size of [100, 0, 1_500]) {
      let sizeNow = 4_000
      const ask = plugged(async () => respond(body(sizeNow)), {
        server: { maxHeldBytes: 1 },
        spy: () => void (sizeNow = size),
      })
      const response = await ask(requestTo())
      expect(response.payload).toEqual(body(size))
    }
  })

  it('that is gone while it is fetched is 4.04', async () => {
    let isGone = false
    const ask = plugged(
      async () => (isGone ? respond(body(0), RESPONSE.notFound) : respond(body(4_000))),
      { server: { maxHeldBytes: 1 }, spy: () => void (isGone = true) },
    )
    expect(codeName((await ask(requestTo())).code)).toBe('4.04')
  })

  it('for a FETCH is the one that its payload asks for, in blocks or not', async () => {
    const handler: Handler = async ({ payload }) => respond(body(3_000, payload.length % 251))
    for (const size of [3, 2_000]) {
      const response = await plugged(handler)(
        requestTo({ code: METHOD.FETCH, payload: body(size) }),
      )
      expect(equalBytes(response.payload, body(3_000, size % 251))).toBe(true)
    }
  })

  it('for many requests at once that differ in their payload is that of each, asked for once', async () => {
    const handler = vi.fn<Handler>(async ({ payload }) => respond(body(8_000, payload[0] ?? 0)))
    const ask = plugged(handler)
    const seeds = Array.from({ length: 12 }, (_, seed) => seed)
    const fetched = await Promise.all(
      seeds.map((seed) => ask(requestTo({ code: METHOD.FETCH, payload: Uint8Array.of(seed) }))),
    )
    for (const [seed, { payload }] of fetched.entries()) {
      expect(equalBytes(payload, body(8_000, seed))).toBe(true)
    }
    expect(handler).toHaveBeenCalledTimes(seeds.length)
  })

  it('keeps its own entity tag and its other options', async () => {
    const etag = { number: OPTION.etag, value: Uint8Array.of(9) }
    const format = uintOption(OPTION.contentFormat, 42)
    const ask = plugged(async () => ({ ...respond(body(3_000)), options: [etag, format] }))
    const { options } = await ask(requestTo())
    expect(options).toEqual([etag, format])
  })
})
