// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import {
  edhocWorld,
  GET,
  POST,
  preshared,
  requestOf,
  textOf,
  type World,
  worldOf,
} from './world.js'

/** A world whose next request does not arrive before it is let go. */
function hold(world: World): () => void {
  const { server } = world.wire
  const held = Promise.withResolvers<void>()
  let isFirst = true
  world.wire.server = async (request) => {
    const isHeld = isFirst
    isFirst = false
    if (isHeld) await held.promise
    return await server(request)
  }
  return held.resolve
}

async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

describe.each([
  ['EDHOC', () => edhocWorld()],
  ['a shared secret', () => worldOf(preshared())],
])('a request that may not be repeated, with keys of %s', (_, open) => {
  it('is not overtaken by more than the window of the server is wide', async () => {
    const world = await open()
    await world.ask()
    const letGo = hold(world)
    const before = world.asked.length
    const late = world.ask(requestOf(POST, { text: 'late' }))
    const others = Array.from({ length: 100 }, () => world.ask(requestOf(GET)))
    await settled()
    expect(world.asked).toHaveLength(before + 31)
    letGo()
    expect((await Promise.all([late, ...others])).map(textOf)).toHaveLength(101)
    expect(world.asked.filter((request) => textOf(request) === 'late')).toHaveLength(1)
  })

  it('holds others up for a while, and not for ever', async () => {
    onTestFinished(() => void vi.useRealTimers())
    const world = await open()
    await world.ask()
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const letGo = hold(world)
    const before = world.asked.length
    const late = world.ask(requestOf(POST, { text: 'late' })).catch((error: unknown) => error)
    const others = Array.from({ length: 100 }, () => world.ask(requestOf(GET)))
    await settled()
    expect(world.asked).toHaveLength(before + 31)
    vi.advanceTimersByTime(10_000)
    expect(await Promise.all(others)).toHaveLength(100)
    expect(vi.getTimerCount()).toBe(0)
    letGo()
    expect(await late).toMatchObject({ details: { rule: 'perhaps-executed' } })
  })

  it('holds up nobody who gives up', async () => {
    const world = await open()
    await world.ask()
    const letGo = hold(world)
    const late = world.ask(requestOf(POST))
    const others = Array.from({ length: 31 }, () => world.ask())
    const controller = new AbortController()
    const waiting = world.ask(requestOf(GET, { signal: controller.signal }))
    await settled()
    controller.abort(new Error('given up'))
    await expect(waiting).rejects.toThrow('given up')
    letGo()
    await Promise.all([late, ...others])
  })
})
