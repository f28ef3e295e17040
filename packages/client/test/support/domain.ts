import { Domain } from '../../src/domain/domain.js'
import type { AdmissionTerms } from '../../src/domain/admitting.js'
import { Endpoint } from '../../src/endpoint.js'
import type { WaxwingEvent } from '../../src/events.js'
import { memoryStore, type MemoryStore } from '../../src/memory-store.js'
import type { EndpointOptions } from '../../src/options.js'
import { assemble } from '../../src/parts.js'
import { fixedClock, manualTimers, type FixedClock, type ManualTimers } from '../../src/testing.js'
import { START } from './plant.js'

export interface Member {
  readonly endpoint: Endpoint
  readonly store: MemoryStore
  readonly events: WaxwingEvent[]
}

/** A domain whose members meet without any transport: the test carries the messages. */
export class Village {
  readonly clock: FixedClock = fixedClock(START)
  readonly timers: ManualTimers = manualTimers(this.clock)
  readonly recoveryStore: MemoryStore = memoryStore()
  domain!: Domain

  static async found(): Promise<Village> {
    const village = new Village()
    const { clock, recoveryStore } = village
    const options = { store: memoryStore(), clock, name: 'village', recoveryStore }
    village.domain = await Domain.create(options)
    return village
  }

  async open(store: MemoryStore, options: Partial<EndpointOptions> = {}): Promise<Member> {
    const { clock, timers } = this
    const endpoint = new Endpoint(await assemble({ store, clock, timers, ...options }))
    const events: WaxwingEvent[] = []
    endpoint.on('event', (event) => events.push(event))
    await endpoint.start()
    return { endpoint, store, events }
  }

  async member(
    name: string,
    terms: AdmissionTerms = {},
    options: Partial<EndpointOptions> = {},
  ): Promise<Member> {
    const member = await this.open(memoryStore(), { name, ...options })
    const enrolment = await member.endpoint.enrolment({ name })
    await member.endpoint.admit(await this.domain.admit(enrolment, terms), {
      domainId: this.domain.id,
    })
    return member
  }
}

/** Makes one member know another: by its credential and key card. */
export async function introduce(known: Member, to: Member): Promise<void> {
  const { identity } = known.endpoint.parts
  if (identity.credential === null) throw new Error('only members are introduced')
  await to.endpoint.receive(identity.credential)
  await to.endpoint.receive(identity.card.bytes)
}

/** Carries messages to one member, and its answers back to the other. */
export async function carry(
  messages: readonly Uint8Array[],
  to: Member,
  answersTo?: Member,
): Promise<void> {
  for (const message of messages) {
    for (const answer of await to.endpoint.receive(message))
      await answersTo?.endpoint.receive(answer)
  }
}
