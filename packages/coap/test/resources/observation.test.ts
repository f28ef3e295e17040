// SPDX-License-Identifier: Apache-2.0
import { fromUtf8 } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import { codeName, METHOD, RESPONSE } from '../../src/codes.js'
import type { NotificationListener } from '../../src/handler.js'
import { OPTION, optionValues, readUint, uintOption } from '../../src/options.js'
import { Changes, resources, type ResourceResponse } from '../../src/resources/index.js'
import { listenTo, requestTo } from '../support/in-memory.js'

const REGISTER = { path: 'a', options: [uintOption(OPTION.observe, 0)] }

function sequenceOf(message: CoapMessage): number | undefined {
  const [value] = optionValues(message, OPTION.observe)
  return value === undefined ? undefined : readUint(value)
}

function counting(): { changes: Changes; ring(): void; get(): ResourceResponse } {
  let count = 0
  const changes = new Changes()
  return {
    changes,
    get: () => ({ payload: String(count) }),
    ring: () => {
      count++
      changes.changed()
    },
  }
}

describe('an observation', () => {
  it('gets each new state, with rising numbers', async () => {
    const { changes, get, ring } = counting()
    const response = await resources({ a: { get, changes } })(requestTo(REGISTER))
    expect(sequenceOf(response)).toBe(0)
    const { notifications } = listenTo(response)
    ring()
    await expect.poll(() => notifications).toHaveLength(1)
    ring()
    await expect.poll(() => notifications).toHaveLength(2)
    expect(notifications.map(({ payload }) => fromUtf8(payload))).toEqual(['1', '2'])
    expect(notifications.map(sequenceOf)).toEqual([1, 2])
  })

  it('gets what changed between the first response and its sending', async () => {
    const { changes, get, ring } = counting()
    const response = await resources({ a: { get, changes } })(requestTo(REGISTER))
    ring()
    const { notifications } = listenTo(response)
    await expect.poll(() => notifications).toHaveLength(1)
  })

  it('of somebody slow gets the newest state alone', async () => {
    const { changes, get, ring } = counting()
    const response = await resources({ a: { get, changes } })(requestTo(REGISTER))
    const taken: string[] = []
    const gates: (() => void)[] = []
    const listener: NotificationListener = {
      next: async ({ payload }) => {
        taken.push(fromUtf8(payload))
        await new Promise<void>((resolve) => gates.push(resolve))
      },
      end: () => {},
    }
    response.notifications?.(listener)
    ring()
    await expect.poll(() => gates).toHaveLength(1)
    for (let i = 0; i < 100; i++) ring()
    gates[0]?.()
    await expect.poll(() => gates).toHaveLength(2)
    expect(taken).toEqual(['1', '101'])
  })

  it('ends with its signal, once, and leaves nothing behind', async () => {
    const { changes, get, ring } = counting()
    const aborting = new AbortController()
    const request = requestTo({ ...REGISTER, signal: aborting.signal })
    const { notifications, ended } = listenTo(await resources({ a: { get, changes } })(request))
    expect(changes.observerCount).toBe(1)
    aborting.abort()
    await ended
    expect(changes.observerCount).toBe(0)
    ring()
    await Promise.resolve()
    expect(notifications).toHaveLength(0)
  })

  it('that nobody starts leaves nothing behind', async () => {
    const { changes, get } = counting()
    await resources({ a: { get, changes } })(requestTo(REGISTER))
    expect(changes.observerCount).toBe(0)
  })

  it('ends with an error of the resource, which has no Observe option', async () => {
    const changes = new Changes()
    let isGone = false
    const get = (): ResourceResponse => (isGone ? { code: RESPONSE.notFound } : { payload: 'x' })
    const { notifications, ended } = listenTo(
      await resources({ a: { get, changes } })(requestTo(REGISTER)),
    )
    isGone = true
    changes.changed()
    await ended
    expect(notifications.map(({ code }) => codeName(code))).toEqual(['4.04'])
    expect(notifications.map(sequenceOf)).toEqual([undefined])
    expect(changes.observerCount).toBe(0)
  })

  it('is none for an error, for another method, for Observe 1, or where nothing changes', async () => {
    const changes = new Changes()
    const server = resources({
      a: { get: () => ({ payload: 'x' }), post: () => undefined, changes },
      still: { get: () => ({ payload: 'x' }) },
      gone: { get: () => ({ code: RESPONSE.notFound }), changes },
    })
    const deregister = [uintOption(OPTION.observe, 1)]
    for (const asking of [
      { ...REGISTER, path: 'still' },
      { ...REGISTER, path: 'gone' },
      { ...REGISTER, code: METHOD.POST },
      { path: 'a', options: deregister },
    ]) {
      const response = await server(requestTo(asking))
      expect(response.notifications).toBeUndefined()
      expect(sequenceOf(response)).toBeUndefined()
    }
  })
})
