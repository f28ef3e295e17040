// SPDX-License-Identifier: Apache-2.0
import type { CoapMessage } from '@waxwing/oscore'
import { optionValue } from '@waxwing/oscore'
import * as fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { BoundedTable } from '../../src/blockwise/bounded-table.js'
import { blockwiseServer } from '../../src/blockwise/index.js'
import { BlockwiseSettings } from '../../src/blockwise/settings.js'
import { Snapshots } from '../../src/blockwise/snapshots.js'
import { Transfers } from '../../src/blockwise/transfers.js'
import { readBlock } from '../../src/blockwise/block.js'
import { codeName, METHOD, RESPONSE } from '../../src/codes.js'
import type { Handler } from '../../src/handler.js'
import { OPTION, readUint, textOption, uintOption } from '../../src/options.js'
import { type Asking, network, requestTo } from '../support/in-memory.js'

const LIMITS = { maxCount: 8, maxCountPerRequester: 3, maxBytes: 1_000, lifetimeMs: 100 }
const OK: Handler = async () => ({
  code: RESPONSE.changed,
  options: [],
  payload: new Uint8Array(0),
})

function block(number: number, hasMore: boolean, sizeBits = 2): number {
  return number * 16 + (hasMore ? 8 : 0) + sizeBits
}

function put(value: number, size: number, asking: Asking = {}): Asking {
  const options = [uintOption(OPTION.block1, value), ...(asking.options ?? [])]
  return { code: METHOD.PUT, payload: new Uint8Array(size).fill(value), ...asking, options }
}

async function answers(server: Handler, asked: readonly Asking[]): Promise<string[]> {
  const codes: string[] = []
  for (const asking of asked) {
    codes.push(codeName((await network(server)(requestTo(asking))).code))
  }
  return codes
}

describe('a server that takes blocks', () => {
  it('answers those out of their order with 4.08, and carries out nothing', async () => {
    const handler = vi.fn<Handler>(OK)
    const server = blockwiseServer()(handler)
    expect(await answers(server, [put(block(1, true), 64), put(block(1, false), 5)])).toEqual([
      '4.08',
      '4.08',
    ])
    expect(
      await answers(server, [
        put(block(0, true), 64),
        put(block(2, true), 64),
        put(block(2, false), 1),
      ]),
    ).toEqual(['2.31', '4.08', '4.08'])
    expect(handler).not.toHaveBeenCalled()
  })

  it('takes one that comes again as what it is, and another one in its place not', async () => {
    const handler = vi.fn<Handler>(OK)
    const asked = [block(0, true), block(1, true), block(1, true), block(2, false)]
    const server = blockwiseServer()(handler)
    const codes = await answers(
      server,
      asked.map((value) => put(value, 64)),
    )
    expect(codes).toEqual(['2.31', '2.31', '2.31', '2.04'])
    expect(handler.mock.calls[0]?.[0].payload).toHaveLength(192)
    const other = { ...put(block(1, true), 64), payload: new Uint8Array(64) }
    expect(
      await answers(server, [put(block(0, true), 64), put(block(1, true), 64), other]),
    ).toEqual(['2.31', '2.31', '4.08'])
  })

  it('carries out the last block once, though it comes again', async () => {
    const handler = vi.fn<Handler>(OK)
    const codes = await answers(
      blockwiseServer()(handler),
      [block(0, true), block(1, false), block(1, false)].map((value) => put(value, 64)),
    )
    expect(codes).toEqual(['2.31', '2.04', '4.08'])
    expect(handler).toHaveBeenCalledOnce()
  })

  it('refuses what is no block: a reserved size, a wrong length, an option too long', async () => {
    const server = blockwiseServer()(OK)
    const long = { code: METHOD.PUT, options: [uintOption(OPTION.block1, 2 ** 24)] }
    expect(
      await answers(server, [
        put(block(0, true, 7), 64),
        put(block(0, true), 63),
        put(block(0, true), 65),
        put(block(0, false), 65),
        long,
        { options: [uintOption(OPTION.block2, 7)] },
        put(block(0, false), 5, { options: [uintOption(OPTION.block2, block(1, false))] }),
      ]),
    ).toEqual(Array.from({ length: 7 }, () => '4.00'))
  })

  it('refuses bodies above its limit by 4.13 with the limit, at the first block where it is declared', async () => {
    const server = blockwiseServer({ maxBodyBytes: 100 })(OK)
    const declared = put(block(0, true), 64, { options: [uintOption(OPTION.size1, 101)] })
    const asked = [declared, put(block(0, true), 64), put(block(1, true), 64)]
    expect(await answers(server, asked)).toEqual(['4.13', '2.31', '4.13'])
    const whole = requestTo({ code: METHOD.PUT, payload: new Uint8Array(101) })
    const refused = await server(whole)
    expect(codeName(refused.code)).toBe('4.13')
    expect(readUint(optionValue(refused, OPTION.size1) ?? new Uint8Array(9))).toBe(100)
  })

  it('does not mix the blocks of two requesters, methods, resources or tags', async () => {
    const others: readonly Asking[] = [
      { peer: { address: '127.0.0.1', port: 2 } },
      { code: METHOD.POST },
      { options: [textOption(OPTION.uriPath, 'y')] },
      { options: [{ number: OPTION.requestTag, value: Uint8Array.of(1) }] },
      { security: { name: 'alice' } },
    ]
    for (const other of others) {
      const server = blockwiseServer()(OK)
      const first = requestTo(put(block(0, true), 64))
      const second = requestTo(put(block(1, false), 64, other))
      expect(codeName((await server(first)).code)).toBe('2.31')
      expect(codeName((await server(second)).code)).toBe('4.08')
    }
  })

  it('knows a requester by its name, from wherever it comes', async () => {
    const server = blockwiseServer()(OK)
    const security = { name: 'alice' }
    const from = (port: number, value: number): Asking =>
      put(value, 64, { security, peer: { address: '127.0.0.1', port } })
    expect(codeName((await server(requestTo(from(1, block(0, true))))).code)).toBe('2.31')
    expect(codeName((await server(requestTo(from(2, block(1, false))))).code)).toBe('2.04')
  })

  it('answers 4.00 behind the end, and 4.08 where it kept nothing of a POST', async () => {
    const server = blockwiseServer()(async () => ({
      ...(await OK(requestTo())),
      payload: new Uint8Array(200),
    }))
    const later = (code: number, number: number): Asking => ({
      code,
      options: [uintOption(OPTION.block2, block(number, false))],
    })
    expect(await answers(server, [later(METHOD.GET, 4), later(METHOD.POST, 1)])).toEqual([
      '4.00',
      '4.08',
    ])
    expect(await answers(server, [later(METHOD.FETCH, 1)])).toEqual(['4.08'])
  })

  it('answers any bytes as Block options with a code, and no error', async () => {
    const server = blockwiseServer({ maxBodyBytes: 300, maxHeldBytes: 400 })(
      async ({ payload }) => ({
        code: RESPONSE.content,
        options: [],
        payload: new Uint8Array(3 * payload.length),
      }),
    )
    const option = fc.uint8Array({ maxLength: 5 })
    const asked = fc.record({
      block1: fc.option(option),
      block2: fc.option(option),
      size1: fc.option(option),
      payload: fc.constantFrom(0, 1, 16, 32, 64, 1024).map((size) => new Uint8Array(size)),
      code: fc.constantFrom(1, 2, 3, 5),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(asked, { maxLength: 10 }), async (messages) => {
        for (const { block1, block2, size1, payload, code } of messages) {
          const options = [
            ...(block1 ? [{ number: OPTION.block1, value: block1 }] : []),
            ...(block2 ? [{ number: OPTION.block2, value: block2 }] : []),
            ...(size1 ? [{ number: OPTION.size1, value: size1 }] : []),
          ]
          const response = await network(server)(requestTo({ code, options, payload }))
          expect(response.code).toBeGreaterThan(0x40)
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('what a server keeps between blocks', () => {
  const settings = new BlockwiseSettings({}, 100_000)

  it('is bounded, though ten thousand bodies are begun by one peer, or by as many', async () => {
    for (const isOne of [true, false]) {
      const transfers = new Transfers(settings, { ...LIMITS, now: () => 0 })
      for (let i = 0; i < 10_000; i++) {
        const peer = { address: '127.0.0.1', port: isOne ? 1 : 1 + i }
        const tag = { number: OPTION.requestTag, value: Uint8Array.of(i >> 8, i & 0xff) }
        const request = requestTo(put(block(0, true), 64, { peer, options: [tag] }))
        const first = readBlock(request, OPTION.block1)
        if (first !== undefined) transfers.take(request, first)
        expect(transfers.count).toBeLessThanOrEqual(isOne ? 3 : 8)
        expect(transfers.bytes).toBeLessThanOrEqual(1_000)
      }
      expect(transfers.count).toBeGreaterThan(0)
    }
  })

  it('is nothing of a body that was whole', () => {
    const transfers = new Transfers(settings, { ...LIMITS, now: () => 0 })
    for (const number of [0, 1]) {
      const hasMore = number === 0
      const request = requestTo(put(block(number, hasMore), 64))
      const taken = transfers.take(request, { number, hasMore, bytes: 64 })
      expect('whole' in taken).toBe(!hasMore)
    }
    expect([transfers.count, transfers.bytes]).toEqual([0, 0])
  })

  it('takes no more memory than twice the bytes that came, in blocks of one size or another', () => {
    const transfers = new Transfers(settings, { ...LIMITS, maxBytes: 1e6, now: () => 0 })
    for (let number = 0; number < 1_000; number++) {
      const request = requestTo(put(block(number, true, 0), 16))
      transfers.take(request, { number, hasMore: true, bytes: 16 })
    }
    expect(transfers.count).toBe(1)
    expect(transfers.bytes).toBeGreaterThanOrEqual(16_000)
    expect(transfers.bytes).toBeLessThanOrEqual(32_000)
  })

  it('is a response until its last block was fetched, or another takes its place', () => {
    const snapshots = new Snapshots(settings, { ...LIMITS, now: () => 0 })
    const response: CoapMessage = {
      code: RESPONSE.content,
      options: [],
      payload: new Uint8Array(40),
    }
    const fetched = (number: number): number | undefined =>
      snapshots.next(requestTo(), { number, hasMore: false, bytes: 16 })?.payload.length
    snapshots.begin(requestTo(), response, 16)
    expect([fetched(1), fetched(1), fetched(2), fetched(2)]).toEqual([16, 16, 8, undefined])
    snapshots.begin(requestTo(), response, 16)
    snapshots.begin(requestTo(), { ...response, payload: new Uint8Array(30) }, 16)
    expect(snapshots.bytes).toBe(30)
  })

  it('is gone after its time, and not before while it is used', () => {
    let now = 0
    const table = new BoundedTable<string>({ ...LIMITS, now: () => now })
    table.set('a', 'x', 'A', 1)
    table.set('b', 'x', 'B', 1)
    now = 60
    table.set('a', 'x', 'A', 1)
    now = 120
    expect([table.get('a'), table.get('b')]).toEqual(['A', undefined])
    now = 200
    expect(table.get('a')).toBeUndefined()
    expect([table.count, table.bytes]).toEqual([0, 0])
  })

  it('is what was used last, for each requester and in all', () => {
    const table = new BoundedTable<number>({ ...LIMITS, now: () => 0 })
    table.set('other', 'y', 0, 1)
    for (const key of ['a', 'b', 'c']) table.set(key, 'x', 1, 1)
    table.set('a', 'x', 1, 1)
    table.set('d', 'x', 1, 1)
    const held = (key: string): boolean => table.get(key) !== undefined
    expect(['a', 'b', 'c', 'd', 'other'].filter(held)).toEqual(['a', 'c', 'd', 'other'])
    table.set('large', 'z', 1, 999)
    expect(['a', 'c', 'd', 'other', 'large'].filter(held)).toEqual(['d', 'large'])
    expect(table.bytes).toBe(1_000)
    expect(table.set('too large', 'z', 1, 1_001)).toBe(false)
  })
})
