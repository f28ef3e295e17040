// SPDX-License-Identifier: Apache-2.0
/**
 * Two memories: none is overwritten with what may be older.
 */

import { describe, expect, it } from 'vitest'
import { trustAddress } from '@waxwing/core'
import { KeptMessages } from '../src/kept-messages.js'
import { controlOf, objectOf } from './support/frames.js'
import { stage } from './support/stage.js'

const TRUST = trustAddress(new Uint8Array(32).fill(7))
const [OLD, NEW] = [controlOf(1), controlOf(2)]

describe('retained messages of two sides', () => {
  it('reach the side that has none', async () => {
    const { near, far, device, reader, run } = stage()
    await device.send(TRUST, OLD, { retained: true })
    await reader.send(`${TRUST}/introduction/0`, NEW, { retained: true })
    await run({})
    await expect.poll(() => far.retained(TRUST)?.payload).toEqual(OLD)
    await expect.poll(() => near.retained(`${TRUST}/introduction/0`)?.payload).toEqual(NEW)
  })

  it('stay what they are where the sides differ, and reach those who listen', async () => {
    const { near, far, device, reader, run, events } = stage()
    await device.send(TRUST, OLD, { retained: true })
    await reader.send(TRUST, NEW, { retained: true })
    await run({})
    await expect.poll(() => near.carried.map(({ payload }) => payload)).toEqual([OLD, NEW])
    await expect.poll(() => far.carried.map(({ payload }) => payload)).toEqual([NEW, OLD])
    expect(near.retained(TRUST)?.payload).toEqual(OLD)
    expect(far.retained(TRUST)?.payload).toEqual(NEW)
    expect(events).toContainEqual({ type: 'different', address: TRUST })
  })

  it('become equal with the next one that is sent', async () => {
    const { near, far, device, reader, run } = stage()
    await device.send(TRUST, OLD, { retained: true })
    await reader.send(TRUST, NEW, { retained: true })
    await run({})
    await expect.poll(() => near.carried.length).toBe(2)
    await reader.send(TRUST, controlOf(3), { retained: true })
    await expect.poll(() => near.retained(TRUST)?.payload).toEqual(controlOf(3))
    expect(far.retained(TRUST)?.payload).toEqual(controlOf(3))
  })

  it('are not sent where they are already', async () => {
    const { near, far, device, reader, run } = stage()
    await device.send(TRUST, OLD, { retained: true })
    await reader.send(TRUST, OLD, { retained: true })
    const running = await run({})
    await expect.poll(() => running.counters.there.control.duplicates).toBe(1)
    await expect.poll(() => running.counters.back.control.duplicates).toBe(1)
    expect([near.carried.length, far.carried.length]).toEqual([1, 1])
  })

  it('do not bring back the older one when a side comes back', async () => {
    const { near, far, toNear, device, reader, run } = stage()
    await device.send(TRUST, OLD, { retained: true })
    const running = await run({})
    await expect.poll(() => far.retained(TRUST)?.payload).toEqual(OLD)
    toNear.disconnect()
    await reader.send(TRUST, NEW, { retained: true })
    await expect.poll(() => running.counters.back.control.inFlight).toBe(1)
    toNear.reconnect()
    await expect.poll(() => near.retained(TRUST)?.payload).toEqual(NEW)
    expect(far.retained(TRUST)?.payload).toEqual(NEW)
  })

  it('are no more than memory is for: data of one way simply follow', async () => {
    const { far, device, reader, run } = stage()
    await device.send('plant/1', objectOf(1), { retained: true })
    await reader.send('plant/1', objectOf(2), { retained: true })
    await run({ maps: [{ from: 'plant/#', to: 'plant/#' }] })
    await expect.poll(() => far.retained('plant/1')?.payload).toEqual(objectOf(1))
  })

  it('are decided once both have told', () => {
    const kept = new KeptMessages()
    expect(kept.fromMemory('from', 'a', 'one')).toBe('hold')
    expect(kept.fromMemory('to', 'a', 'one')).toBe('hold')
    expect(kept.fromMemory('from', 'b', 'one')).toBe('hold')
    expect(kept.fromMemory('to', 'b', 'two')).toBe('hold')
    expect(kept.fromMemory('from', 'c', 'one')).toBe('hold')
    expect(kept.live('to', 'c', 'two')).toBe('retain')
    expect(kept.settle()).toEqual(['b'])
    expect(kept.afterHold('a', 'one')).toBe('retain')
    expect([kept.afterHold('b', 'one'), kept.afterHold('b', 'two')]).toEqual(['pass', 'pass'])
    expect(kept.afterHold('c', 'one')).toBe('pass')
    expect(kept.fromMemory('from', 'a', 'one')).toBe('known')
    expect(kept.fromMemory('from', 'b', 'two')).toBe('pass')
    expect(kept.fromMemory('from', 'd', 'one')).toBe('retain')
    expect(kept.fromMemory('from', 'd', 'two')).toBe('pass')
    expect(kept.settle()).toEqual([])
  })

  it('are older than what is held, until that comes itself', () => {
    const kept = new KeptMessages()
    kept.fromMemory('from', 'a', 'two')
    expect(kept.live('from', 'a', 'one')).toBe('pass')
    expect(kept.live('from', 'a', 'two')).toBe('retain')
    expect(kept.live('from', 'a', 'three')).toBe('retain')
    kept.fromMemory('from', 'b', 'two')
    expect(kept.live('from', 'b', 'one')).toBe('pass')
    expect(kept.settle()).toEqual([])
    expect(kept.afterHold('a', 'two')).toBe('pass')
    expect(kept.afterHold('b', 'two')).toBe('retain')
    expect(kept.live('from', 'b', 'three')).toBe('retain')
  })
})
