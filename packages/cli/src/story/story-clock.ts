// SPDX-License-Identifier: Apache-2.0
/**
 * The clock of the story, which plays on three days in half a minute. It runs as fast as the real
 * one, and is set on from scene to scene.
 *
 * @module
 */

import type { Clock } from '@waxwing/core'

const DAY = new Intl.DateTimeFormat('en-GB', { weekday: 'long' })
const TIME = new Intl.DateTimeFormat('en-GB', {
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
})

export class StoryClock implements Clock {
  readonly #lastDay: Date
  #offsetMs = 0

  /** @param lastDay - Any time on the last of the story's days. */
  constructor(lastDay: Date) {
    this.#lastDay = lastDay
  }

  now(): number {
    return Date.now() + this.#offsetMs
  }

  monotonic(): number {
    return performance.now()
  }

  /** Sets the clock on. `day` 0 is the last day, -1 the one before. */
  set(day: number, hour: number, minute = 0): void {
    this.#offsetMs = this.at(day, hour, minute).getTime() - Date.now()
  }

  /** Lets a little time pass: less than a clock may jump without being noticed. */
  move(ms: number): void {
    this.#offsetMs += ms
  }

  /** A moment of one of the story's days, in local time. */
  at(day: number, hour: number, minute = 0): Date {
    const date = new Date(this.#lastDay)
    date.setDate(date.getDate() + day)
    date.setHours(hour, minute, 0, 0)
    return date
  }

  /** For example `Sat 09:00`. */
  get shown(): string {
    return formatTime(new Date(this.now()))
  }
}

export function formatTime(date: Date): string {
  return TIME.format(date).replace(', ', ' ')
}

/** The name of the day. */
export function formatDay(date: Date): string {
  return DAY.format(date)
}
