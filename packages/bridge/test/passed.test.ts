// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fixedClock } from '@waxwing/client/testing'
import { digestOf, Passed, placeOf } from '../src/passed.js'
import { objectOf } from './support/frames.js'

const MINUTE = 60_000
const PLACE = placeOf('to', 'a', digestOf(objectOf(1)))

describe('the memory of what has passed', () => {
  it('tells sides, addresses and payloads apart', () => {
    const digest = digestOf(objectOf(1))
    const places = [
      placeOf('to', 'a', digest),
      placeOf('from', 'a', digest),
      placeOf('to', 'b', digest),
      placeOf('to', 'a', digestOf(objectOf(2))),
    ]
    expect(new Set(places).size).toBe(places.length)
  })

  it('lets a message pass again after a while, and each time after twice as long', () => {
    const clock = fixedClock(0)
    const passed = new Passed(clock, 100)
    for (const seconds of [30, 60, 120, 240]) {
      expect(passed.isThere(PLACE, false)).toBe(false)
      passed.sent(PLACE)
      clock.advance(seconds * 1000 - 1)
      expect(passed.isThere(PLACE, false)).toBe(true)
      clock.advance(1)
    }
  })

  it('remembers for no longer than an hour', () => {
    const clock = fixedClock(0)
    const passed = new Passed(clock, 100)
    for (let round = 0; round < 12; round++) {
      passed.sent(PLACE)
      clock.advance(59 * MINUTE)
    }
    passed.sent(PLACE)
    clock.advance(60 * MINUTE)
    expect(passed.isThere(PLACE, true)).toBe(false)
  })

  it('knows what is delivered again for the whole hour', () => {
    const clock = fixedClock(0)
    const passed = new Passed(clock, 100)
    passed.sent(PLACE)
    clock.advance(59 * MINUTE)
    expect(passed.isThere(PLACE, false)).toBe(false)
    expect(passed.isThere(PLACE, true)).toBe(true)
  })

  it('knows for however long where a message is on its way from', () => {
    const clock = fixedClock(0)
    const passed = new Passed(clock, 100)
    passed.hold(PLACE)
    passed.hold(PLACE)
    clock.advance(300 * MINUTE)
    passed.letGo(PLACE)
    expect(passed.isThere(PLACE, false)).toBe(true)
    passed.letGo(PLACE)
    expect(passed.isThere(PLACE, false)).toBe(false)
  })

  it('is not held up by repetitions at the source', () => {
    const clock = fixedClock(0)
    const passed = new Passed(clock, 100)
    passed.sent(PLACE)
    for (let second = 0; second < 30; second++) {
      passed.taken(PLACE)
      clock.advance(1000)
    }
    expect(passed.isThere(PLACE, false)).toBe(false)
  })

  it('does not care for the time of day', () => {
    const clock = fixedClock(1_000_000)
    const passed = new Passed(clock, 100)
    passed.sent(PLACE)
    clock.set(0)
    expect(passed.isThere(PLACE, false)).toBe(true)
    clock.set(10 ** 12)
    expect(passed.isThere(PLACE, false)).toBe(true)
    clock.forget()
    expect(passed.isThere(PLACE, false)).toBe(true)
  })

  it('is bounded: the oldest gives way', () => {
    const passed = new Passed(fixedClock(0), 10)
    const places = Array.from({ length: 25 }, (_, i) => placeOf('to', `${i}`, ''))
    for (const place of places) passed.sent(place)
    expect(passed.size).toBe(10)
    expect(places.map((place) => passed.isThere(place, false)).lastIndexOf(false)).toBe(14)
  })

  it('forgets what is old when something new comes', () => {
    const clock = fixedClock(0)
    const passed = new Passed(clock, 100)
    passed.sent('old')
    clock.advance(61 * MINUTE)
    passed.sent('new')
    expect(passed.size).toBe(1)
  })
})
