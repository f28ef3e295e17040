// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto'
import { describe, expect, it, onTestFinished } from 'vitest'
import { inboxAddress, requestAddress, trustAddress } from '@waxwing/core'
import { memoryTransport, type MemoryBroker } from '@waxwing/client/testing'
import { bridge } from '../src/index.js'
import { controlOf, numberOf, objectOf, TEXT } from './support/frames.js'
import { addressesAt, numbersAt, stage } from './support/stage.js'

const PLANT = [{ from: 'plant/#', to: 'plant/#' }]
const ME = new Uint8Array(32).fill(7)

describe('a bridge', () => {
  it('carries bytes as they are, to the same address', async () => {
    const { near, far, device, run } = stage()
    await run({ maps: PLANT })
    const sent = [objectOf(1), objectOf(2, 0), objectOf(3, 100_000)]
    for (const payload of sent) await device.send('plant/1/t', payload)
    await expect.poll(() => far.carried.length).toBe(3)
    const sums = (broker: MemoryBroker): string[] =>
      broker.carried.map(({ payload }) => createHash('sha256').update(payload).digest('hex'))
    expect(sums(far)).toEqual(sums(near))
    expect(addressesAt(far)).toEqual(['plant/1/t', 'plant/1/t', 'plant/1/t'])
  })

  it('renames by position', async () => {
    const { far, device, run } = stage()
    await run({ maps: [{ from: 'a/+/b/#', to: 'x/+/y/#' }] })
    await device.send('a/1/b/c/d', objectOf(1))
    await expect.poll(() => addressesAt(far)).toEqual(['x/1/y/c/d'])
  })

  it('carries data one way only, if not told otherwise', async () => {
    const { near, far, reader, device, run } = stage()
    await run({ maps: PLANT })
    await reader.send('plant/1', objectOf(1))
    await device.send('plant/2', objectOf(2))
    await expect.poll(() => addressesAt(far)).toEqual(['plant/1', 'plant/2'])
    await near.idle()
    expect(addressesAt(near)).toEqual(['plant/2'])
  })

  it('carries data both ways by the same maps', async () => {
    const { near, far, reader, device, run } = stage()
    await run({ maps: [{ from: 'a/#', to: 'b/#' }], both: true })
    await device.send('a/1', objectOf(1))
    await reader.send('b/2', objectOf(2))
    await expect.poll(() => addressesAt(far).toSorted()).toEqual(['b/1', 'b/2'])
    await expect.poll(() => addressesAt(near).toSorted()).toEqual(['a/1', 'a/2'])
  })

  it('carries control messages both ways, so that a reader can ask', async () => {
    const { near, far, reader, device, run } = stage()
    await run({ maps: PLANT })
    const [request, inbox] = [requestAddress(Uint8Array.of(1, 2)), inboxAddress(ME)]
    await reader.send(request, controlOf(1))
    await expect.poll(() => addressesAt(near)).toEqual([request])
    await device.send(inbox, controlOf(2))
    await expect.poll(() => addressesAt(far)).toEqual([request, inbox])
  })

  it('leaves control messages alone where it is told to', async () => {
    const { near, far, device, reader, run } = stage()
    await run({ maps: [{ from: '#', to: '#' }], control: false })
    await device.send(inboxAddress(ME), controlOf(2))
    await reader.send(inboxAddress(ME), controlOf(3))
    await device.send('plant/1', objectOf(1))
    await expect.poll(() => addressesAt(far)).toEqual([inboxAddress(ME), 'plant/1'])
    expect(near.carried).toHaveLength(2)
  })

  it('has control messages retained where their address says so', async () => {
    const { far, device, run } = stage()
    await run({ maps: PLANT })
    const left = `${inboxAddress(ME)}/0123456789abcdef-abcdefghijk`
    const [bundle, request] = [trustAddress(ME), requestAddress(Uint8Array.of(9))]
    for (const [i, address] of [left, bundle, request, inboxAddress(ME)].entries()) {
      await device.send(address, controlOf(i))
    }
    await expect.poll(() => far.carried.length).toBe(4)
    expect(far.carried.map(({ retained }) => retained)).toEqual([true, true, false, false])
  })

  it('keeps retained data retained, and no other', async () => {
    const { far, device, run } = stage()
    await device.send('plant/1', objectOf(1), { retained: true })
    await run({ maps: PLANT })
    await device.send('plant/2', objectOf(2))
    await expect.poll(() => far.carried.length).toBe(2)
    expect(far.retained('plant/1')?.payload).toEqual(objectOf(1))
    expect(far.retained('plant/2')).toBeUndefined()
  })

  it.each([
    ['all', [true, true]],
    ['none', [false, false]],
  ] as const)('has %s data retained on request', async (retained, expected) => {
    const { far, device, run } = stage()
    await device.send('plant/1', objectOf(1), { retained: true })
    await run({ maps: PLANT, retained })
    await device.send('plant/2', objectOf(2))
    await expect.poll(() => far.carried.map((one) => one.retained)).toEqual(expected)
  })

  it('asks no target to retain that retains nothing', async () => {
    const { far, device, run } = stage({ far: { retained: false } })
    await run({ maps: PLANT })
    await device.send(trustAddress(ME), controlOf(1))
    await expect.poll(() => far.carried.map((one) => one.retained)).toEqual([false])
  })

  it('acknowledges when the target has taken a message, and no sooner', async () => {
    const { near, far, toFar, device, run } = stage()
    await run({ maps: PLANT })
    toFar.disconnect()
    await device.send('plant/1', objectOf(1))
    await expect.poll(() => near.carried.length).toBe(1)
    // The bridge is gone in between: another one of the same session gets the message again.
    const second = memoryTransport(near, { clientId: 'near side' })
    onTestFinished(() => second.close())
    const other = memoryTransport(far)
    const successor = await bridge({ from: second, to: other, maps: PLANT })
    onTestFinished(() => successor.close())
    await expect.poll(() => numbersAt(far)).toEqual([1])
  })

  it('finishes what is under way when it is closed, and takes nothing more', async () => {
    const { near, far, toFar, device, run } = stage()
    const running = await run({ maps: PLANT })
    toFar.disconnect()
    for (let i = 0; i < 10; i++) await device.send('plant/1', objectOf(i))
    await expect.poll(() => running.counters.there.data.inFlight).toBe(10)
    const closing = running.close({ keepSubscriptions: true })
    await device.send('plant/1', objectOf(10))
    toFar.reconnect()
    await closing
    expect(far.carried.map(({ payload }) => numberOf(payload))).toEqual([
      0, 1, 2, 3, 4, 5, 6, 7, 8, 9,
    ])
    expect(near.carried).toHaveLength(11)
  })

  it('ends in time although the target does not answer; what it had comes again', async () => {
    const { near, far, toFar, device, run } = stage()
    const running = await run({ maps: PLANT, closeTimeoutMs: 10 })
    toFar.disconnect()
    for (let i = 0; i < 10; i++) await device.send('plant/1', objectOf(i))
    await running.close({ keepSubscriptions: true })
    await near.idle() // no handler hangs
    const again = memoryTransport(near, { clientId: 'near side' })
    onTestFinished(() => again.close())
    const successor = await bridge({ from: again, to: memoryTransport(far), maps: PLANT })
    onTestFinished(() => successor.close())
    await expect.poll(() => numbersAt(far).length).toBe(10)
  })

  it('counts what it does', async () => {
    const { device, reader, run } = stage()
    const running = await run({ maps: PLANT })
    await device.send('plant/1', objectOf(1))
    await device.send('plant/1', objectOf(1))
    await device.send('plant/1', TEXT)
    await reader.send(inboxAddress(ME), controlOf(1))
    const size = objectOf(1).length
    await expect
      .poll(() => running.counters)
      .toMatchObject({
        there: { data: { messages: 1, bytes: size, duplicates: 1, foreign: 1, refused: 0 } },
        back: { control: { messages: 1, bytes: controlOf(1).length, inFlight: 0, waiting: 0 } },
        reconnects: { from: 0, to: 0 },
      })
  })

  it('says which side was lost and came back', async () => {
    const { toNear, run, events } = stage()
    const running = await run({ maps: PLANT })
    toNear.disconnect()
    toNear.reconnect()
    expect(running.counters.reconnects).toEqual({ from: 1, to: 0 })
    expect(events.filter(({ type }) => type === 'connection')).toEqual([
      { type: 'connection', side: 'from', state: 'disconnected' },
      { type: 'connection', side: 'from', state: 'connected' },
    ])
  })

  it('loses nothing of what was kept for it where a side refuses a subscription', async () => {
    const { near, far, toNear, toFar, device, run } = stage()
    await (await run({ maps: PLANT })).close({ keepSubscriptions: true })
    await toNear.close()
    await device.send('plant/1', objectOf(1))
    toFar.subscribe = () => Promise.reject(new Error('not for you'))
    const from = memoryTransport(near, { clientId: 'near side' })
    await expect(run({ from, maps: PLANT })).rejects.toThrow('not for you')
    await device.send('plant/1', objectOf(2))
    await from.close()
    const again = memoryTransport(near, { clientId: 'near side' })
    await run({ from: again, to: memoryTransport(far), maps: PLANT })
    await expect.poll(() => numbersAt(far)).toEqual([1, 2])
    await again.close()
  })

  it.each([
    [{ window: 0 }, 'window'],
    [{ windowBytes: 1.5 }, 'windowBytes'],
    [{ remembered: -1 }, 'remembered'],
    [{ retained: 'some' as never }, 'retained'],
    [{ maps: [], control: false }, 'maps'],
  ])('is not made with %o', async (options, name) => {
    const { toNear, toFar } = stage()
    await expect(bridge({ from: toNear, to: toFar, maps: PLANT, ...options })).rejects.toThrow(name)
  })

  it('is not made between a transport and itself', async () => {
    const { toNear } = stage()
    await expect(bridge({ from: toNear, to: toNear, maps: PLANT })).rejects.toThrow(TypeError)
  })
})
