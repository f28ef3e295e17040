// SPDX-License-Identifier: Apache-2.0
import { WaxwingError } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { coapClient, type CoapClient, type ObserveOptions } from '../../src/client/client.js'
import { RESPONSE } from '../../src/codes.js'
import type { Handler, NotificationListener, Response } from '../../src/handler.js'
import { OPTION, textOption, uintOption } from '../../src/options.js'

const URI = 'coap://127.0.0.1/state'
const SILENCE = { code: 'ERR_TIMEOUT' }

/** A server that a test plays by hand. */
class Server {
  readonly registered: { listener?: NotificationListener; readonly signal: AbortSignal }[] = []
  readonly answers: (() => Response | Promise<Response>)[] = []
  state = 'first'
  maxAge = 60

  readonly handler: Handler = async ({ signal }) => {
    const scripted = this.answers.shift()
    if (scripted !== undefined) return scripted()
    const registration: (typeof this.registered)[number] = { signal }
    this.registered.push(registration)
    return {
      ...this.message(this.state),
      notifications: (listener) => {
        registration.listener = listener
      },
    }
  }

  message(text: string, code: number = RESPONSE.content): CoapMessage {
    const options = [uintOption(OPTION.maxAge, this.maxAge), uintOption(OPTION.observe, 1)]
    return { code, options, payload: textOption(0, text).value }
  }

  /** Sends a state to whoever registered last. @returns Settled when it is acknowledged. */
  notify(text: string): Promise<void> {
    this.state = text
    return this.registered.at(-1)?.listener?.next(this.message(text)) ?? Promise.resolve()
  }
}

let server: Server
let client: CoapClient
let interruptions: unknown[]

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['performance', 'setTimeout', 'clearTimeout', 'Date'] })
  server = new Server()
  interruptions = []
  client = coapClient({ network: server.handler, observation: { retryMinMs: 1 } })
})

afterEach(async () => {
  await client.close()
  vi.useRealTimers()
})

function observe(options: ObserveOptions = {}): AsyncGenerator<string, void, undefined> {
  const onInterruption = (error: unknown): void => void interruptions.push(error)
  return texts(client.observe(URI, { onInterruption, ...options }))
}

async function* texts(
  states: ReturnType<CoapClient['observe']>,
): AsyncGenerator<string, void, undefined> {
  for await (const state of states) yield state.isSuccess ? state.text() : state.codeName
}

/** Lets everything happen that needs no time. */
async function settle(ms = 0): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms)
}

async function nextOf(
  states: AsyncGenerator<string, void, undefined>,
): Promise<string | undefined> {
  const next = await states.next()
  return next.done ? undefined : next.value
}

describe('an observation', () => {
  it('begins with the current state, and goes on with each that follows', async () => {
    const states = observe()
    expect(await nextOf(states)).toBe('first')
    for (const text of ['second', 'third']) {
      const next = nextOf(states)
      await settle()
      void server.notify(text)
      expect(await next).toBe(text)
    }
  })

  it('acknowledges a state when the next one is asked for', async () => {
    const states = observe()
    await nextOf(states)
    const next = nextOf(states)
    await settle()
    const acknowledged = vi.fn<() => void>()
    void server.notify('second').then(acknowledged)
    expect(await next).toBe('second')
    await settle()
    expect(acknowledged).not.toHaveBeenCalled()
    const last = nextOf(states)
    await settle()
    expect(acknowledged).toHaveBeenCalledOnce()
    await client.close()
    await expect(last).rejects.toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
  })

  it('passes over what came while the application was busy, but for the newest', async () => {
    const states = observe()
    await nextOf(states)
    const passed = [server.notify('2'), server.notify('3')]
    void server.notify('4')
    await Promise.all(passed)
    expect(await nextOf(states)).toBe('4')
  })

  it('is registered again when the server is silent for longer than Max-Age', async () => {
    const states = observe()
    await nextOf(states)
    const next = nextOf(states)
    await settle(69_000)
    expect(server.registered).toHaveLength(1)
    server.state = 'another'
    await settle(2_000)
    expect(await next).toBe('another')
    expect(server.registered).toHaveLength(2)
    expect(server.registered[0]?.signal.aborted).toBe(true)
    expect(server.registered[1]?.signal.aborted).toBe(false)
    expect(interruptions).toEqual([expect.objectContaining(SILENCE)])
  })

  it('says nothing of a state that is the same after it was registered again', async () => {
    const states = observe()
    await nextOf(states)
    const next = nextOf(states)
    await settle(300_000)
    expect(server.registered.length).toBeGreaterThan(3)
    void server.notify('new')
    expect(await next).toBe('new')
  })

  it('says of each notification, though it says the same', async () => {
    const states = observe()
    await nextOf(states)
    const next = nextOf(states)
    await settle()
    void server.notify('first')
    expect(await next).toBe('first')
  })

  it('is registered again, as often as it takes, when the network fails', async () => {
    const states = observe()
    await nextOf(states)
    const failure = new WaxwingError('ERR_TIMEOUT', 'nobody there')
    for (let i = 0; i < 5; i++) server.answers.push(() => Promise.reject(failure))
    server.answers.push(() => ({ ...server.message('', RESPONSE.serviceUnavailable), options: [] }))
    const next = nextOf(states)
    await settle()
    server.state = 'back'
    server.registered[0]?.listener?.end(new Error('gone'))
    await settle(300_000)
    expect(await next).toBe('back')
    expect(interruptions).toHaveLength(7)
  })

  it('ends after an error of the resource', async () => {
    const states = observe()
    await nextOf(states)
    const next = nextOf(states)
    await settle()
    const { options: _, ...gone } = server.message('', RESPONSE.notFound)
    void server.registered[0]?.listener?.next({ ...gone, options: [] })
    expect(await next).toBe('4.04')
    expect(await nextOf(states)).toBeUndefined()
    expect(server.registered[0]?.signal.aborted).toBe(true)
  })

  it('of what cannot be observed ends after the first response', async () => {
    server.answers.push(() => ({ ...server.message('once'), options: [] }))
    const states = observe()
    expect(await nextOf(states)).toBe('once')
    expect(await nextOf(states)).toBeUndefined()
  })

  it('throws what the first registration rejects with', async () => {
    const failure = new WaxwingError('ERR_TIMEOUT', 'nobody there')
    server.answers.push(() => Promise.reject(failure))
    await expect(observe().next()).rejects.toBe(failure)
    expect(interruptions).toEqual([])
  })

  it('throws the reason of its signal, whether it waits for a state or for a pause', async () => {
    const reason = new Error('enough')
    for (const isPausing of [false, true]) {
      const aborting = new AbortController()
      const states = observe({ signal: aborting.signal })
      await nextOf(states)
      const next = nextOf(states)
      await settle()
      if (isPausing) {
        server.answers.push(() => Promise.reject(new Error('down')))
        server.registered.at(-1)?.listener?.end(new Error('gone'))
        await settle()
      }
      aborting.abort(reason)
      await expect(next).rejects.toBe(reason)
      expect(server.registered.at(-1)?.signal.aborted).toBe(true)
    }
  })

  it('is over when the loop over it is left, or the client closed', async () => {
    for await (const state of observe()) {
      expect(state).toBe('first')
      break
    }
    expect(server.registered[0]?.signal.aborted).toBe(true)
    const states = observe()
    await nextOf(states)
    const next = nextOf(states)
    await client.close()
    await expect(next).rejects.toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }))
    expect(vi.getTimerCount()).toBe(0)
  })
})
