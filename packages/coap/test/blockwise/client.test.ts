// SPDX-License-Identifier: Apache-2.0
import { equalBytes } from '@waxwing/core'
import { optionValue } from '@waxwing/oscore'
import { describe, expect, it, vi } from 'vitest'
import { blockwiseClient, blockwiseServer, type BlockSize } from '../../src/blockwise/index.js'
import { codeName, METHOD, RESPONSE } from '../../src/codes.js'
import type { Handler } from '../../src/handler.js'
import { OPTION, textOption, uintOption } from '../../src/options.js'
import { requestTo } from '../support/in-memory.js'
import { body, plugged, respond } from './plugged.js'

describe('limits of a client', () => {
  it('end a response that is too large', async () => {
    for (const size of [3_000, 1_001]) {
      const ask = plugged(async () => respond(body(size)), {
        client: { blockSize: 16, maxBodyBytes: 1_000 },
      })
      await expect(ask(requestTo())).rejects.toThrow(expect.objectContaining({ code: 'ERR_LIMIT' }))
    }
  })

  it('end one that never ends', async () => {
    const endless: Handler = async (request) => {
      const [value = new Uint8Array(0)] = [optionValue(request, OPTION.block2)]
      const number = value.length === 0 ? 0 : Buffer.from(value).readUIntBE(0, value.length) >> 4
      const options = [uintOption(OPTION.block2, number * 16 + 8 + 6)]
      return { code: RESPONSE.content, options, payload: body(1024) }
    }
    const ask = blockwiseClient({ maxBodyBytes: 100_000 })(endless)
    await expect(ask(requestTo())).rejects.toThrow(expect.objectContaining({ code: 'ERR_LIMIT' }))
  })

  it('refuse blocks that do not follow each other, or are of another length than they say', async () => {
    const wrong: readonly (readonly [number, number])[] = [
      [0x18 + 6, 1024], // begins at block 1
      [0x08 + 6, 1000], // not full, with more to come
      [0x00 + 5, 1024], // more than a block
      [0x08 + 7, 1024], // of a size that is reserved
    ]
    for (const [value, size] of wrong) {
      const server: Handler = async () => ({
        ...respond(body(size)),
        options: [uintOption(OPTION.block2, value)],
      })
      await expect(blockwiseClient()(server)(requestTo())).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_MALFORMED' }),
      )
    }
  })

  it('refuse a later block that is not the one that was asked for', async () => {
    const server: Handler = async (request) => {
      const number = optionValue(request, OPTION.block2) === undefined ? 0 : 2
      return {
        ...respond(body(1024)),
        options: [uintOption(OPTION.block2, number * 16 + 8 + 6)],
      }
    }
    await expect(blockwiseClient()(server)(requestTo())).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED' }),
    )
  })

  it('are checked', () => {
    expect(() => blockwiseClient({ blockSize: 100 as BlockSize })).toThrow(RangeError)
    expect(() => blockwiseClient({ blockSize: 2048 as BlockSize })).toThrow(RangeError)
    expect(() => blockwiseServer({ maxBodyBytes: 0 })).toThrow(RangeError)
    expect(() => blockwiseServer({ maxTransfers: 1.5 })).toThrow(RangeError)
  })
})

describe('a request that has Block options already', () => {
  it('passes the client as it is, as what another one sliced', async () => {
    const sent = vi.fn<Handler>(async () => respond(body(0)))
    const request = requestTo({ options: [uintOption(OPTION.block2, 0x16)], payload: body(5_000) })
    await blockwiseClient()(sent)(request)
    expect(sent).toHaveBeenCalledExactlyOnceWith(request)
  })

  it('of OSCORE is sliced by the client outside, with the same OSCORE option in all blocks', async () => {
    const oscore = { number: OPTION.oscore, value: Uint8Array.of(9, 1, 7) }
    const options: (Uint8Array | undefined)[] = []
    const handler = vi.fn<Handler>(async () => ({
      ...respond(body(3_000, 5), RESPONSE.changed),
      options: [{ number: OPTION.oscore, value: new Uint8Array(0) }],
    }))
    const ask = plugged(handler, {
      spy: (request) => void options.push(optionValue(request, OPTION.oscore)),
    })
    const request = requestTo({ code: METHOD.POST, options: [oscore], payload: body(2_500) })
    const response = await ask(request)
    expect(options).toEqual(Array.from({ length: 5 }, () => oscore.value))
    expect(handler.mock.calls[0]?.[0].payload).toEqual(body(2_500))
    expect(handler).toHaveBeenCalledOnce()
    expect(equalBytes(response.payload, body(3_000, 5))).toBe(true)
    expect(optionValue(response, OPTION.oscore)).toEqual(new Uint8Array(0))
  })
})

describe('a server of another make', () => {
  it('that takes smaller blocks alone says so, and gets them', async () => {
    const sizes: number[] = []
    // RFC 7959 Section 2.9.3: 4.13 with the size that it would take.
    const picky: Handler = async (request) => {
      sizes.push(request.payload.length)
      const [value] = [optionValue(request, OPTION.block1)]
      const block = value === undefined ? 0 : Buffer.from(value).readUIntBE(0, value.length)
      if (request.payload.length > 64) {
        return { ...respond(body(0), 141), options: [uintOption(OPTION.block1, 0x08 + 2)] }
      }
      const isLast = (block & 8) === 0
      return {
        ...respond(body(0), isLast ? RESPONSE.changed : RESPONSE.continue),
        options: [uintOption(OPTION.block1, block)],
      }
    }
    const response = await blockwiseClient()(picky)(
      requestTo({ code: METHOD.PUT, payload: body(200) }),
    )
    expect(codeName(response.code)).toBe('2.04')
    expect(sizes).toEqual([200, 64, 64, 64, 8])
  })

  it('that answers a part with success, as if it were all, is not believed', async () => {
    const careless: Handler = async () => respond(body(0), RESPONSE.changed)
    await expect(
      blockwiseClient()(careless)(requestTo({ code: METHOD.PUT, payload: body(5_000) })),
    ).rejects.toThrow(expect.objectContaining({ code: 'ERR_MALFORMED' }))
  })
})

describe('two bodies to one resource at once', () => {
  it('arrive each as it is', async () => {
    const seen: Uint8Array[] = []
    const ask = plugged(async ({ payload }) => {
      seen.push(payload)
      return respond(body(0), RESPONSE.changed)
    })
    const bodies = [1, 2, 3, 4].map((seed) => body(5_000, seed))
    await Promise.all(
      bodies.map((payload) =>
        ask({
          ...requestTo({ code: METHOD.POST, payload }),
          options: [textOption(OPTION.uriPath, 'x')],
        }),
      ),
    )
    expect(seen).toHaveLength(4)
    for (const one of bodies) expect(seen.some((other) => equalBytes(one, other))).toBe(true)
  })

  it('get each its own response, though they are small and the same but for their payload', async () => {
    const handler = vi.fn<Handler>(async ({ payload }) => respond(body(5_000, payload[0] ?? 0)))
    const ask = plugged(handler)
    const responses = await Promise.all(
      [1, 2, 3].map((seed) => ask(requestTo({ code: METHOD.POST, payload: Uint8Array.of(seed) }))),
    )
    expect(handler).toHaveBeenCalledTimes(3)
    for (const [index, { payload }] of responses.entries()) {
      expect(equalBytes(payload, body(5_000, index + 1))).toBe(true)
    }
  })
})
