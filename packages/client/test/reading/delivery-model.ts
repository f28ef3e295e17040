// SPDX-License-Identifier: Apache-2.0
/**
 * A slow model of delivery, and a world of broker, store and reader that is held against it.
 *
 * @module
 */

import { expect } from 'vitest'
import type { Message } from '../../src/message.js'
import { memoryBroker, memoryStore, type MemoryBroker } from '../../src/testing.js'
import { EPOCH, giveKeys, SessionSealer } from '../support/stream.js'
import { setting, settle, type Setting } from './setting.js'

export const SESSIONS = 2
export const COUNTERS = 8

export type Step =
  | { readonly do: 'send'; readonly session: number; readonly counter: number }
  | { readonly do: 'acknowledge'; readonly which: number }
  | { readonly do: 'reconnect' }
  | { readonly do: 'restart' }
  | { readonly do: 'grant' }

/** What must be true, kept as plainly as can be. */
class Model {
  /** Objects that were sent, as `session/counter`. */
  readonly sent = new Set<string>()
  readonly acknowledged = new Set<string>()
  /** Handed over in this life and not acknowledged. */
  readonly open = new Map<string, Message>()
  /** Handed over in any life. */
  readonly handed = new Set<string>()

  take(message: Message): void {
    const name = message.text()
    expect(this.sent, 'only what was sent').toContain(name)
    expect(this.acknowledged, 'never again after its acknowledgement').not.toContain(name)
    expect(this.open.has(name), 'not twice in one life').toBe(false)
    if (this.handed.has(name)) expect(message.redelivered, `${name} again`).toBe(true)
    this.open.set(name, message)
    this.handed.add(name)
  }
}

export class World {
  readonly model = new Model()
  readonly #store = memoryStore()
  readonly #broker: MemoryBroker = memoryBroker()
  #made: Setting | undefined
  hasKeys = false
  /** Counters that this life has verified, by session, and gaps that it was told of. */
  readonly told: { missing: Set<string>; filled: Set<string> } = {
    missing: new Set(),
    filled: new Set(),
  }

  async start(): Promise<void> {
    const options = { store: this.#store, broker: this.#broker, maxInFlight: 100 }
    this.#made = await setting({ ...options, keys: false })
    this.#made.reader.on('event', (event) => {
      if (event.type === 'gap') {
        for (let i = event.missing.first; i <= event.missing.last; i++) {
          this.told.missing.add(`${event.session}/${i}`)
        }
      }
      if (event.type === 'gap-filled') this.told.filled.add(`${event.session}/${event.counter}`)
    })
  }

  async stop(): Promise<void> {
    await this.#made?.reader.close({ keepSubscription: true })
    await this.#made?.transport.close()
  }

  async run(step: Step): Promise<void> {
    const made = this.#made
    if (made === undefined) return
    switch (step.do) {
      case 'send': {
        const { session, counter } = step
        const sealer = new SessionSealer(made.stream, { session, epoch: EPOCH })
        made.inject(sealer.seal(counter, `${session}/${counter}`))
        this.model.sent.add(`${session}/${counter}`)
        break
      }
      case 'acknowledge': {
        const names = [...this.model.open.keys()]
        const name = names[step.which % Math.max(1, names.length)]
        if (name === undefined) break
        await this.model.open.get(name)?.acknowledge()
        this.model.open.delete(name)
        this.model.acknowledged.add(name)
        break
      }
      case 'reconnect':
        made.transport.disconnect()
        made.transport.reconnect()
        break
      case 'restart':
        await this.stop()
        this.model.open.clear()
        await this.start()
        break
      case 'grant':
        await giveKeys(made.book, made.stream)
        this.hasKeys = true
    }
    await this.collect()
  }

  async collect(): Promise<void> {
    for (const message of (await this.#made?.take()) ?? []) this.model.take(message)
  }

  async finish(): Promise<void> {
    await this.run({ do: 'grant' })
    await settle()
    await this.collect()
    for (const message of this.model.open.values()) await message.acknowledge()
    const all = new Set([...this.model.acknowledged, ...this.model.open.keys()])
    expect([...all].toSorted()).toEqual([...this.model.sent].toSorted())
    expect(await this.#store.scan('parked-object')).toEqual([])
    expect(this.#made?.runtime.errors).toEqual([])
    for (const name of this.told.filled) expect(this.told.missing).toContain(name)
    await this.stop()
  }
}
