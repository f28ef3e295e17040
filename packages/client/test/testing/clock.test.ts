// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, vi } from 'vitest'
import { systemTimers } from '../../src/timers.js'
import { fixedClock, manualTimers } from '@waxwing/client/testing'

describe('fixedClock', () => {
  it('moves both times with advance, and the time of day only with set and forget', () => {
    const clock = fixedClock(1000)
    clock.advance(5)
    expect([clock.now(), clock.monotonic()]).toEqual([1005, 5])
    clock.set(10)
    expect([clock.now(), clock.monotonic()]).toEqual([10, 5])
    clock.forget()
    clock.advance(5)
    expect([clock.now(), clock.monotonic()]).toEqual([undefined, 10])
    expect(() => clock.advance(-1)).toThrow(RangeError)
  })
})

describe('manualTimers', () => {
  it('fires due timers in order, each at its own moment, also those that timers set', () => {
    const clock = fixedClock(0)
    const timers = manualTimers(clock)
    const log: string[] = []
    const note = (name: string) => () => void log.push(`${name}@${clock.now()}`)
    timers.after(30, note('late'))
    timers.after(10, () => {
      note('first')()
      timers.after(5, note('nested'))
    })
    timers.after(10, note('second'))
    timers.after(20, note('cancelled'))()
    clock.set(1_000)
    clock.advance(29)
    expect(log).toEqual(['first@1010', 'second@1010', 'nested@1015'])
    expect([timers.pendingCount, timers.nextMs]).toEqual([1, 1])
    clock.advance(1)
    expect(log.at(-1)).toBe('late@1030')
    expect([timers.pendingCount, timers.nextMs]).toEqual([0, undefined])
  })

  it('never fires synchronously, not even without delay', () => {
    const clock = fixedClock(0)
    const run = vi.fn<() => void>()
    manualTimers(clock).after(0, run)
    expect(run).not.toHaveBeenCalled()
    clock.advance(0)
    expect(run).toHaveBeenCalledOnce()
  })
})

describe('systemTimers', () => {
  it('fires once, or not at all when cancelled', async () => {
    const cancelled = vi.fn<() => void>()
    systemTimers.after(1, cancelled)()
    await new Promise<void>((resolve) => {
      systemTimers.after(5, resolve)
    })
    expect(cancelled).not.toHaveBeenCalled()
  })

  it('keeps delays that are longer than setTimeout can', () => {
    vi.useFakeTimers()
    try {
      const run = vi.fn<() => void>()
      systemTimers.after(2 ** 32, run)
      vi.advanceTimersByTime(2 ** 32 - 1)
      expect(run).not.toHaveBeenCalled()
      vi.advanceTimersByTime(1)
      expect(run).toHaveBeenCalledOnce()
    } finally {
      vi.useRealTimers()
    }
  })
})
