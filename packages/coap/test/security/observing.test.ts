// SPDX-License-Identifier: Apache-2.0
import { getEventListeners } from 'node:events'
import {
  type CoapMessage,
  decodeOscoreOption,
  isOscoreMessage,
  OPTION,
  optionValue,
} from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Handler, NotificationListener, Response } from '../../src/handler.js'
import {
  CONTENT,
  coded,
  edhocWorld,
  EMPTY,
  GET,
  LAMP,
  messageOf,
  preshared,
  requestOf,
  textOf,
  type World,
  worldOf,
} from './world.js'

const OBSERVE = { number: OPTION.observe, value: EMPTY }

/** A resource that changes when told to. */
class Observed {
  readonly signals: AbortSignal[] = []
  listener: NotificationListener | undefined

  readonly handler: Handler = (request) => {
    if (optionValue(request, OPTION.observe) === undefined) return LAMP(request)
    this.signals.push(request.signal)
    return Promise.resolve({
      ...messageOf(CONTENT, [OBSERVE], 'first'),
      notifications: (listener) => {
        this.listener = listener
      },
    })
  }

  change(text: string, options = [OBSERVE]): Promise<void> {
    return this.listener!.next(messageOf(CONTENT, options, text))
  }
}

/** What a client heard. */
class Heard implements NotificationListener {
  readonly texts: string[] = []
  readonly ends: (Error | undefined)[] = []

  next(notification: CoapMessage): Promise<void> {
    this.texts.push(textOf(notification))
    return Promise.resolve()
  }

  end(error?: Error): void {
    this.ends.push(error)
  }
}

interface Stage {
  readonly world: World
  readonly observed: Observed
  readonly heard: Heard
  /** Messages with notifications, as they pass. */
  readonly passing: CoapMessage[]
  readonly response: Response
  /** Ends the observation at the client. */
  readonly abort: () => void
  /** What the client gave its request. */
  readonly client: AbortSignal
  /** What the server was given. */
  readonly signal: AbortSignal
  /** What the network tells the client. */
  readonly network: NotificationListener
}

async function stage(open: (handler: Handler) => Promise<World>, isFirst = true): Promise<Stage> {
  const observed = new Observed()
  const world = await open(observed.handler)
  if (!isFirst) await world.ask()
  const [heard, passing]: [Heard, CoapMessage[]] = [new Heard(), []]
  let network!: NotificationListener
  world.wire.onResponse = ({ notifications, ...message }) => {
    if (notifications === undefined) return message
    return {
      ...message,
      notifications: (listener) => {
        network = listener
        const noted = (each: CoapMessage): Promise<void> => {
          passing.push(each)
          return listener.next(each)
        }
        notifications({ next: noted, end: (error) => listener.end(error) })
      },
    }
  }
  const controller = new AbortController()
  const { signal } = controller
  const response = await world.ask(requestOf(GET, { options: [OBSERVE], signal }))
  response.notifications?.(heard)
  const abort = (): void => controller.abort()
  const atServer = observed.signals.at(-1)!
  const signals = { client: signal, signal: atServer }
  return { world, observed, heard, passing, response, abort, network, ...signals }
}

describe.each([
  ['carried with EDHOC', () => stage((handler) => edhocWorld({ handler }))],
  ['carried with a new context', () => stage((handler) => worldOf(preshared(), { handler }))],
  ['of its own', () => stage((handler) => worldOf(preshared(), { handler }), false)],
])('an observation %s', (_, open) => {
  it('goes on with notifications, each protected with a number of its own, in order', async () => {
    const { observed, heard, passing, response } = await open()
    expect(textOf(response)).toBe('first')
    await Promise.all(['a', 'b', 'c'].map((text) => observed.change(text)))
    await observed.change('d')
    expect(heard.texts).toEqual(['a', 'b', 'c', 'd'])
    expect(passing.every((message) => isOscoreMessage(message))).toBe(true)
    const numbers = passing.map(
      (message) => decodeOscoreOption(optionValue(message, OPTION.oscore)!).partialIv,
    )
    expect(numbers).toEqual([0, 1, 2, 3].map((number) => Uint8Array.of(number)))
  })

  it('ends at both ends when the client gives up', async () => {
    const { abort, signal, heard, network } = await open()
    expect(signal.aborted).toBe(false)
    abort()
    expect(signal.aborted).toBe(true)
    network.end()
    expect(heard.ends).toEqual([undefined])
  })

  it('leaves nothing behind when it ended, however long its signal lives', async () => {
    for (const end of ['server', 'network'] as const) {
      const { client, observed, network } = await open()
      if (end === 'server') await observed.change('last', [])
      else network.end()
      expect(getEventListeners(client, 'abort')).toEqual([])
    }
  })

  it('ends with a notification that says so', async () => {
    const { observed, heard, signal, network } = await open()
    await observed.change('last', [])
    expect(heard.texts).toEqual(['last'])
    expect(heard.ends).toEqual([undefined])
    expect(signal.aborted).toBe(true)
    network.end()
    expect(heard.ends).toEqual([undefined])
  })

  it('passes over what does not verify, and what came before', async () => {
    const { observed, heard, passing, network } = await open()
    await observed.change('a')
    await network.next(passing[0]!)
    await network.next({ ...passing[0]!, payload: new Uint8Array(20) })
    await network.next(messageOf(CONTENT, [OBSERVE], 'forged'))
    await observed.change('b')
    expect(heard.texts).toEqual(['a', 'b'])
    expect(heard.ends).toEqual([])
  })

  it('that ends without a word of the server ends with an error', async () => {
    const { heard, network } = await open()
    network.end()
    expect(heard.ends).toEqual([expect.objectContaining(coded('ERR_NOT_AUTHENTIC'))])
  })

  it('that the network ends says why', async () => {
    const { heard, network } = await open()
    const error = new Error('timeout')
    network.end(error)
    expect(heard.ends).toEqual([error])
  })

  it('goes on while the server starts again with new keys for others', async () => {
    const { world, observed, heard } = await open()
    await observed.change('a')
    const before = observed.listener!
    await world.restartServer()
    await world.ask()
    await before.next(messageOf(CONTENT, [OBSERVE], 'b'))
    expect(heard.texts).toEqual(['a', 'b'])
    expect(world.record.repeated).toEqual([])
  })
})

describe('an observation of a client that the server forgets', () => {
  it('tells it nothing any more, and ends', async () => {
    const { world, observed, heard, passing, network } = await stage((handler) =>
      edhocWorld({ handler }),
    )
    await observed.change('a')
    await world.server.security.forget('desk')
    await observed.change('b')
    expect(heard.texts).toEqual(['a'])
    expect(passing).toHaveLength(1)
    expect(heard.ends).toHaveLength(1)
    network.end()
  })
})

describe('a response that a proxy does not observe', () => {
  it('is the last', async () => {
    const observed = new Observed()
    const world = await worldOf(preshared(), { handler: observed.handler })
    world.wire.onResponse = ({ code, options, payload }) => ({ code, options, payload })
    const response = await world.ask(requestOf(GET, { options: [OBSERVE] }))
    expect(response).toEqual(messageOf(CONTENT, [], 'first'))
  })
})
