// SPDX-License-Identifier: Apache-2.0
import { optionValue } from '@waxwing/oscore'
import { describe, expect, it, vi } from 'vitest'
import { blockwiseClient, blockwiseServer } from '../../src/blockwise/index.js'
import { RESPONSE } from '../../src/codes.js'
import type { Handler, NotificationListener } from '../../src/handler.js'
import { OPTION, uintOption } from '../../src/options.js'
import { Changes, resources, type ResourceResponse } from '../../src/resources/index.js'
import { listenTo, network, requestTo } from '../support/in-memory.js'

const REGISTER = { path: 'a', options: [uintOption(OPTION.observe, 0)] }

interface Observable {
  readonly server: Handler
  readonly changes: Changes
  become(size: number): void
}

/** A resource whose state is so many bytes, each of the number of its version. */
function observable(firstSize: number): Observable {
  let state: ResourceResponse = { payload: new Uint8Array(firstSize) }
  let version = 0
  const changes = new Changes()
  return {
    changes,
    server: blockwiseServer()(resources({ a: { get: () => state, changes } })),
    become(size) {
      version++
      const isGone = size < 0
      state = isGone ? { code: RESPONSE.notFound } : { payload: new Uint8Array(size).fill(version) }
      changes.changed()
    },
  }
}

function shown({ payload }: { readonly payload: Uint8Array }): string {
  return `${payload.length} of ${[...new Set(payload)].join(',')}`
}

describe('an observation of large states', () => {
  it('gets each state whole, with its Observe option', async () => {
    const { server, become } = observable(3_000)
    const response = await blockwiseClient()(network(server))(requestTo(REGISTER))
    expect(shown(response)).toBe('3000 of 0')
    expect(optionValue(response, OPTION.observe)).toBeDefined()
    const { notifications } = listenTo(response)
    for (const [index, size] of [10, 5_000, 2_000].entries()) {
      become(size)
      await expect.poll(() => notifications).toHaveLength(index + 1)
    }
    expect(notifications.map(shown)).toEqual(['10 of 1', '5000 of 2', '2000 of 3'])
    for (const notification of notifications) {
      expect(optionValue(notification, OPTION.observe)).toBeDefined()
      expect(optionValue(notification, OPTION.block2)).toBeUndefined()
    }
  })

  it('gets the later blocks of a state from what is kept of it', async () => {
    const changes = new Changes()
    const get = vi.fn<() => ResourceResponse>(() => ({ payload: new Uint8Array(5_000) }))
    const server = network(blockwiseServer()(resources({ a: { get, changes } })))
    const { notifications } = listenTo(await blockwiseClient()(server)(requestTo(REGISTER)))
    changes.changed()
    await expect.poll(() => notifications).toHaveLength(1)
    expect(get).toHaveBeenCalledTimes(2)
  })

  it('gets no state after a newer one, though the older takes long to fetch', async () => {
    const stuck = Promise.withResolvers<undefined>()
    let listener: NotificationListener | undefined
    const given = { options: [], code: RESPONSE.content }
    const source: Handler = async (request) =>
      optionValue(request, OPTION.block2) === undefined
        ? {
            ...given,
            options: [uintOption(OPTION.observe, 0)],
            payload: new Uint8Array(0),
            notifications: (one) => void (listener = one),
          }
        : stuck.promise.then(() => ({
            ...given,
            options: [uintOption(OPTION.block2, 16 + 6)],
            payload: new Uint8Array(1),
          }))
    const seen = listenTo(await blockwiseClient()(source)(requestTo(REGISTER)))
    const first = [uintOption(OPTION.block2, 8 + 6), uintOption(OPTION.observe, 1)]
    const older = listener?.next({ ...given, options: first, payload: new Uint8Array(1024) })
    await listener?.next({ ...given, options: [], payload: Uint8Array.of(7) })
    stuck.resolve(undefined)
    await older
    expect(seen.notifications.map(({ payload }) => payload.length)).toEqual([1])
  })

  it('has an Observe option in each state, also in one that was fetched anew', async () => {
    let version = 0
    const changes = new Changes()
    const get = (): ResourceResponse => ({ payload: new Uint8Array(4_000).fill(version) })
    const wire = network(blockwiseServer({ maxHeldBytes: 1 })(resources({ a: { get, changes } })))
    let isRestless = false
    const changing: Handler = async (request) => {
      if (isRestless && optionValue(request, OPTION.block2) !== undefined) {
        isRestless = false
        version++ // without a word to observers
      }
      return wire(request)
    }
    isRestless = true
    const response = await blockwiseClient()(changing)(requestTo(REGISTER))
    expect(shown(response)).toBe('4000 of 1')
    expect(optionValue(response, OPTION.observe)).toBeDefined()
    const { notifications } = listenTo(response)
    isRestless = true
    changes.changed()
    await expect.poll(() => notifications.map(shown)).toEqual(['4000 of 2'])
    expect(optionValue(notifications[0] ?? response, OPTION.observe)).toBeDefined()
  })

  it('is given up where the rest of its first state is not there any more', async () => {
    const signals: AbortSignal[] = []
    const server: Handler = async (request) => {
      signals.push(request.signal)
      const isFirst = signals.length === 1
      return {
        code: isFirst ? RESPONSE.content : RESPONSE.notFound,
        options: isFirst ? [uintOption(OPTION.block2, 8 + 6), uintOption(OPTION.observe, 0)] : [],
        payload: new Uint8Array(isFirst ? 1024 : 0),
        ...(isFirst && { notifications: () => {} }),
      }
    }
    const response = await blockwiseClient()(server)(requestTo(REGISTER))
    expect(response.code).toBe(RESPONSE.notFound)
    expect(response.notifications).toBeUndefined()
    expect(signals[0]?.aborted).toBe(true)
  })

  it('never gets a mixture, and gets the last state, whatever changes meanwhile', async () => {
    const { server, become } = observable(3_000)
    const wire = network(server)
    let changesLeft = 20
    const restless: Handler = async (request) => {
      const response = await wire(request)
      if (optionValue(request, OPTION.block2) !== undefined && changesLeft-- > 0) become(4_000)
      return response
    }
    const { notifications } = listenTo(await blockwiseClient()(restless)(requestTo(REGISTER)))
    become(4_000)
    await expect.poll(() => shown(notifications.at(-1) ?? requestTo())).toBe('4000 of 21')
    for (const notification of notifications) expect(shown(notification)).toMatch(/^4000 of \d+$/)
  })

  it('ends with the error that takes the place of a state', async () => {
    const { server, become, changes } = observable(3_000)
    const aborting = new AbortController()
    const asked = network(server)
    const passing: Handler = async (request) => {
      const isLater = optionValue(request, OPTION.block2) !== undefined
      if (isLater && changes.count === 1) become(-1)
      return asked(request)
    }
    const request = requestTo({ ...REGISTER, signal: aborting.signal })
    const { notifications, ended } = listenTo(await blockwiseClient()(passing)(request))
    become(5_000)
    await ended
    expect(notifications.at(-1)?.code).toBe(RESPONSE.notFound)
  })

  it('ends with the error of the network, and leaves no observer behind', async () => {
    const { server, become, changes } = observable(3_000)
    const wire = network(server)
    let isBroken = false
    const failure = new Error('broken')
    const breaking: Handler = (request) => (isBroken ? Promise.reject(failure) : wire(request))
    const { notifications, ended } = listenTo(
      await blockwiseClient()(breaking)(requestTo(REGISTER)),
    )
    isBroken = true
    become(5_000)
    await expect(ended).resolves.toBe(failure)
    expect(notifications).toHaveLength(0)
    await expect.poll(() => changes.observerCount).toBe(0)
  })

  it('is over when its signal is aborted, also amid a state', async () => {
    const { server, become, changes } = observable(3_000)
    const aborting = new AbortController()
    const wire = network(server)
    const slow: Handler = async (request) => {
      const response = await wire(request)
      if (changes.count > 0) aborting.abort()
      return response
    }
    const request = requestTo({ ...REGISTER, signal: aborting.signal })
    const { notifications, ended } = listenTo(await blockwiseClient()(slow)(request))
    become(5_000)
    await ended
    expect(notifications).toHaveLength(0)
    expect(changes.observerCount).toBe(0)
  })
})
