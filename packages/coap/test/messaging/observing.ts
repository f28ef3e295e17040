// SPDX-License-Identifier: Apache-2.0
/**
 * Both ends of an observation: some from this package, and some by hand.
 *
 * @module
 */

import { type CoapMessage, type CoapOption, OPTION, optionValue } from '@waxwing/oscore'
import { expect } from 'vitest'
import type { Handler, NotificationListener, Peer, Response } from '../../src/handler.ts'
import type { Decoded } from './decoded.ts'
import { openRawPeer } from './raw-peer.ts'
import { encodeDatagram, TYPE } from '../../src/messaging/datagram.ts'
import { uintOption } from '../../src/options.ts'
import { content, textOf } from './endpoints.ts'

/** A resource that a test changes. */
export class Source {
  readonly listeners = new Set<NotificationListener>()
  readonly signals: AbortSignal[] = []

  readonly handler: Handler = async ({ signal, options }) => {
    const response = content(
      'first',
      options.filter(({ number }) => number === OPTION.observe),
    )
    this.signals.push(signal)
    return {
      ...response,
      notifications: (listener) => {
        this.listeners.add(listener)
        signal.addEventListener('abort', () => {
          this.listeners.delete(listener)
          listener.end()
        })
      },
    }
  }

  /** Resolves when each listener is done with it. */
  async notify(text: string, isLast = false): Promise<void> {
    const options = isLast ? [] : [uintOption(OPTION.observe, 0)]
    await Promise.all([...this.listeners].map((each) => each.next(content(text, options))))
  }
}

/** Keeps what comes. */
export class Heard implements NotificationListener {
  readonly texts: string[] = []
  readonly ends: (Error | undefined)[] = []
  /** What each notification waits for. */
  gate: Promise<void> = Promise.resolve()

  async next(notification: CoapMessage): Promise<void> {
    this.texts.push(textOf(notification))
    await this.gate
  }

  end(error?: Error): void {
    this.ends.push(error)
  }
}

/** Takes what comes after a response. */
export function listen(response: Response): Heard {
  const heard = new Heard()
  expect(response.notifications).toBeDefined()
  response.notifications!(heard)
  return heard
}

/** What the Observe option of a notification says. */
export function sequence({ message }: Decoded): number {
  return Number.parseInt(
    `0${Buffer.from(optionValue(message, OPTION.observe)!).toString('hex')}`,
    16,
  )
}

/** A client by hand that proved its address and observes. */
export async function startObserver(server: Peer) {
  const peer = await openRawPeer()
  let echo: readonly CoapOption[] = []
  const register = (observe = 0): number =>
    peer.ask(server, { options: [uintOption(OPTION.observe, observe), ...echo] })
  register()
  echo = (await peer.next()).message.options
  register()
  const send = (datagram: Buffer): void => peer.send(datagram, server)
  return { send, next: () => peer.next(), register, first: await peer.next() }
}

/** A server by hand. */
export async function startOrigin() {
  const peer = await openRawPeer()
  let messageId = 100
  let client: Peer | undefined
  return {
    address: peer.address,
    next: () => peer.next(),
    send(type: number, token: string, message: CoapMessage): void {
      peer.send(encodeDatagram(type, ++messageId, token, message), client!)
    },
    async answer(observe: number): Promise<Decoded> {
      const request = await peer.next()
      client = request.from
      const response = content('first', [uintOption(OPTION.observe, observe)])
      const { messageId: id } = request.header
      peer.send(encodeDatagram(TYPE.ack, id, request.token, response), client)
      return request
    },
  }
}
