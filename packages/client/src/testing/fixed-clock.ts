// SPDX-License-Identifier: Apache-2.0
/**
 * A clock that stands still until a test moves it, and timers that follow it.
 *
 * The time of day and the monotonic time are separate, as on a real device: `set` and `forget`
 * change the first only, and timers follow the second only.
 *
 * @module
 */

import type { Clock } from '@waxwing/core'
import type { Timers } from '../timers.js'

/** Something that happens at a monotonic time. */
export interface Alarm {
  /** Monotonic time of the next event, if one is planned. */
  next(): number | undefined
  /** Lets that one event happen. */
  fire(): void
}

export interface FixedClock extends Clock {
  /** Lets time pass. Alarms due on the way fire in order, each at its own moment. */
  advance(ms: number): void
  /** Sets the time of day, in milliseconds since 1970-01-01T00:00Z, without letting time pass. */
  set(ms: number): void
  /** Makes the time of day unknown, as after a power cut without a battery. */
  forget(): void
  /** Has `advance` fire this alarm. Returns a function that removes it. */
  attach(alarm: Alarm): () => void
}

/** Makes a clock that shows `startMs`, milliseconds since 1970-01-01T00:00Z. */
export function fixedClock(startMs: number): FixedClock {
  const alarms = new Set<Alarm>()
  let wall: number | undefined = startMs
  let elapsed = 0

  function moveTo(monotonicMs: number): void {
    if (wall !== undefined) wall += monotonicMs - elapsed
    elapsed = monotonicMs
  }

  return {
    now: () => wall,
    monotonic: () => elapsed,
    advance(ms) {
      if (!(ms >= 0)) throw new RangeError(`ms must be 0 or more, not ${ms}`)
      const target = elapsed + ms
      for (;;) {
        const { alarm, dueMs } = earliest(alarms)
        if (alarm === undefined || dueMs > target) break
        moveTo(Math.max(elapsed, dueMs))
        alarm.fire()
      }
      moveTo(target)
    },
    set(ms) {
      wall = ms
    },
    forget() {
      wall = undefined
    },
    attach(alarm) {
      alarms.add(alarm)
      return () => void alarms.delete(alarm)
    },
  }
}

function earliest(alarms: Iterable<Alarm>): { alarm: Alarm | undefined; dueMs: number } {
  let first: Alarm | undefined
  let firstMs = Infinity
  for (const alarm of alarms) {
    const dueMs = alarm.next()
    if (dueMs === undefined || dueMs >= firstMs) continue
    first = alarm
    firstMs = dueMs
  }
  return { alarm: first, dueMs: firstMs }
}

export interface ManualTimers extends Timers {
  /** How many timers are waiting. */
  readonly pendingCount: number
  /** Milliseconds until the next one is due; `undefined` if none waits. */
  readonly nextMs: number | undefined
}

/** Makes timers that fire when the clock is advanced: in order of time, then of being set. */
export function manualTimers(clock: FixedClock): ManualTimers {
  const waiting: { dueMs: number; run: () => void }[] = []
  clock.attach({
    next: () => waiting[0]?.dueMs,
    fire: () => waiting.shift()?.run(),
  })
  return {
    get pendingCount() {
      return waiting.length
    },
    get nextMs() {
      const first = waiting[0]
      return first && Math.max(0, first.dueMs - clock.monotonic())
    },
    after(delayMs, run) {
      const timer = { dueMs: clock.monotonic() + Math.max(0, delayMs), run }
      const later = waiting.findIndex(({ dueMs }) => dueMs > timer.dueMs)
      waiting.splice(later === -1 ? waiting.length : later, 0, timer)
      return () => {
        const at = waiting.indexOf(timer)
        if (at !== -1) waiting.splice(at, 1)
      }
    },
  }
}
