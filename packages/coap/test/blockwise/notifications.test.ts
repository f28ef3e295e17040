// SPDX-License-Identifier: Apache-2.0
import { optionValue } from '@waxwing/oscore'
import { describe, expect, it, vi } from 'vitest'
import { blockwiseClient, blockwiseServer } from '../../src/blockwise/index.js'
import { RESPONSE } from '../../src/codes.js'
import type { Handler } from '../../src/handler.js'
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
      await vi.waitFor(() => expect(notifications).toHaveLength(index + 1))
    }
    expect(notifications.map(shown)).toEqual(['10 of 1', '5000 of 2', '2000 of 3'])
    for (const notification of notifications) {
      expect(optionValue(notification, OPTION.observe)).toBeDefined()
      expect(optionValue(notification, OPTION.block2)).toBeUndefined()
    }
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
    await vi.waitFor(() => expect(shown(notifications.at(-1) ?? requestTo())).toBe('4000 of 21'))
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
    await vi.waitFor(() => expect(changes.observerCount).toBe(0))
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
