// SPDX-License-Identifier: Apache-2.0
/** The contract over a message centre: with answers that wait for handlers, and with a store. */
import { afterAll, beforeAll, describe } from 'vitest'
import { memoryStore } from '@waxwing/client'
import { isControlAddress, type Store, type Transport } from '@waxwing/core'
import { smsTransport } from '@waxwing/sms'
import {
  describeTransport,
  ProxiedEndpoints,
  startMessageCentre,
  type MessageCentre,
  type TransportFeatures,
} from '@waxwing/testkit'

const MAX_UNACKNOWLEDGED = 16

const MISSING: TransportFeatures = {
  large: 'a message has 255 segments at the most',
  retained: 'centres keep no last message',
  history: 'centres keep what was not delivered, and nothing else',
  properties: 'SMS carry no properties',
  groups: 'a number has one owner',
  'group-handover': 'a number has one owner',
  rejection: 'centres have no place for what is rejected',
  redelivered: 'SMPP does not say that a message comes again',
}

/** Endpoints of one test file: who subscribes to what is written to. */
class Subscribers {
  /** Nobody is at the number where everything goes as well. */
  readonly routes: Record<string, string[]> = { '#': ['49150000000'] }
  readonly numbers: Record<string, string> = {}
  readonly #sessions = new Map<string, string>()
  #lastNumber = 49_151_000_000

  numberFor(session: string | undefined): string {
    const known = session === undefined ? undefined : this.#sessions.get(session)
    const number = known ?? String(++this.#lastNumber)
    if (session !== undefined) this.#sessions.set(session, number)
    return number
  }

  /** A transport whose subscriptions make it the target of what matches. */
  listed(transport: Transport, number: string, isSession: boolean): Transport {
    const subscribe: Transport['subscribe'] = async (filter, handler) => {
      const forget = this.#list(filter, number)
      const subscription = await transport.subscribe(filter, handler)
      if (isSession) return subscription
      return { close: () => subscription.close().finally(forget) }
    }
    return Object.assign(Object.create(transport) as Transport, {
      limits: transport.limits,
      send: transport.send.bind(transport),
      onStatus: transport.onStatus.bind(transport),
      close: transport.close.bind(transport),
      subscribe,
    })
  }

  #list(filter: string, number: string): () => void {
    if (isControlAddress(filter)) {
      const principal = filter.split('/')[3] ?? ''
      this.numbers[principal] = number
      return () => void delete this.numbers[principal]
    }
    const numbers = (this.routes[filter] ??= [])
    numbers.push(number)
    let isListed = true
    return () => {
      if (isListed) numbers.splice(numbers.indexOf(number), 1)
      isListed = false
    }
  }
}

function describeContract(
  name: string,
  features: TransportFeatures,
  storeOf: (number: string) => Store | undefined,
): void {
  describe(`over a message centre: ${name}`, () => {
    const subscribers = new Subscribers()
    let centre: MessageCentre
    let endpoints: ProxiedEndpoints

    beforeAll(async () => {
      centre = await startMessageCentre({ window: 100 })
      endpoints = new ProxiedEndpoints(centre.port, (port, session) => {
        const number = subscribers.numberFor(session)
        const store = storeOf(number)
        const transport = smsTransport({
          url: `smpp://${number}@127.0.0.1:${port}`,
          source: number,
          routes: subscribers.routes,
          numbers: subscribers.numbers,
          carryAddresses: true,
          maxUnacknowledged: MAX_UNACKNOWLEDGED,
          reconnectMinMs: 20,
          holdMs: 1_000,
          ...(store === undefined ? {} : { store }),
        })
        return subscribers.listed(transport, number, session !== undefined)
      })
    })

    afterAll(async () => {
      await endpoints.close()
      await centre.close()
    })

    describeTransport(
      name,
      async () => ({
        open: endpoints.open,
        interrupt: endpoints.interrupt,
        vanish: endpoints.vanish,
        async restart(meanwhile) {
          await centre.stop()
          await meanwhile()
          await centre.start()
        },
        maxUnacknowledged: MAX_UNACKNOWLEDGED,
      }),
      features,
    )
  })
}

describeContract('SMS', MISSING, () => undefined)

const stores = new Map<string, Store>()
describeContract('SMS with a store', MISSING, (number) => {
  const store = stores.get(number) ?? memoryStore()
  stores.set(number, store)
  return store
})
