import { toHex, type Store } from '@waxwing/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { AdmissionTerms } from '../../src/domain/admitting.js'
import { Domain } from '../../src/domain/domain.js'
import type { Rule } from '../../src/granting/rules.js'
import { memoryStore } from '../../src/memory-store.js'
import type { Decide, Decision, IncomingRequest } from '../../src/options.js'
import { faultyStore } from '../../src/testing.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'

let town: Town
let plant: Resident
let object: Uint8Array

beforeEach(async () => {
  town = await Town.found()
})
afterEach(() => town.close())

async function openPlant(decide?: Decide, wrap?: (store: Store) => Store): Promise<void> {
  const options = decide === undefined ? {} : { decide }
  plant = await town.member('plant', { produces: ['plant/#'] }, options, wrap)
  object = (await plant.endpoint.producer(STREAM)).seal('21.5')
}

async function asking(name: string, terms: AdmissionTerms = {}): Promise<Resident> {
  const resident = await town.member(name, terms)
  await ask(resident)
  return resident
}

async function ask(resident: Resident): Promise<void> {
  want(resident, object)
  await town.pass(1000, 50)
}

const denialsOf = (resident: Resident): readonly string[] =>
  eventsOf(resident, 'denial').map(({ code }) => code)

/** A decision that the test makes when it likes. */
function deferred(): {
  decide: Decide
  settle: (decision: Decision | undefined) => void
  fail: (error: Error) => void
  asked: IncomingRequest[]
} {
  const asked: IncomingRequest[] = []
  let settle!: (decision: Decision | undefined) => void
  let fail!: (error: Error) => void
  const answer = new Promise<Decision | undefined>((resolve, reject) => {
    settle = resolve
    fail = reject
  })
  const decide: Decide = (request) => {
    asked.push(request)
    return answer
  }
  return { decide, settle, fail, asked }
}

describe('the application decides', () => {
  it('at once', async () => {
    await openPlant((request) =>
      request.principal.roles.includes('dashboard') ? request.grant() : request.deny(),
    )
    const desk = await asking('desk', { roles: ['dashboard'] })
    const visitor = await asking('visitor')
    expect(canOpen(desk, object)).toBe(true)
    expect(denialsOf(visitor)).toEqual(['not-authorized'])
    expect(canOpen(visitor, object)).toBe(false)
  })

  it('by a promise, within two seconds: nothing is said meanwhile', async () => {
    const { decide, settle, asked } = deferred()
    await openPlant(decide)
    const desk = await asking('desk')
    expect(asked).toHaveLength(1)
    settle({ kind: 'grant', terms: {} })
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    expect(denialsOf(desk)).toEqual([])
  })

  it('late: the reader is told to wait, and is granted when the decision comes', async () => {
    const { decide, settle, asked } = deferred()
    await openPlant(decide)
    const desk = await asking('desk')
    await town.pass(5000, 100)
    expect(denialsOf(desk)[0]).toBe('pending-approval')
    expect(await plant.endpoint.requests()).toHaveLength(1)
    await town.pass(HOUR / 12, 1000)
    expect(asked).toHaveLength(1)
    settle({ kind: 'grant', terms: { from: new Date(START) } })
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    expect(await plant.endpoint.requests()).toEqual([])
  })

  it('too late, when a person has decided already: what the person said stands', async () => {
    const { decide, settle } = deferred()
    await openPlant(decide)
    const desk = await asking('desk')
    await town.pass(3000, 100)
    const [request] = await plant.endpoint.requests()
    await plant.endpoint.decide(request?.requestId ?? '', {
      kind: 'grant',
      terms: { from: new Date(START) },
    })
    settle({ kind: 'deny', code: 'not-authorized', retrySeconds: 3600 })
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    expect(denialsOf(desk)).not.toContain('not-authorized')
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('broken')
      },
    ],
    ['rejects', () => Promise.reject(new Error('broken'))],
    [
      'gives terms that make no sense',
      (request: IncomingRequest) => request.grant({ leaseSeconds: -1 }),
    ],
    ['says nothing', () => undefined],
    ['promises nothing', () => Promise.resolve(undefined)],
  ] as const)('or %s, and then a person does: it is never silent', async (what, decide) => {
    await openPlant(decide)
    const desk = await asking('desk')
    expect(denialsOf(desk)).toEqual(['pending-approval'])
    expect(await plant.endpoint.requests()).toHaveLength(1)
    const errors = eventsOf(plant, 'error')
    expect(errors).toHaveLength(what.endsWith('nothing') ? 0 : 1)
  })

  it('and a revocation that comes while it thinks goes first', async () => {
    const { decide, settle } = deferred()
    await openPlant(decide)
    const desk = await asking('desk')
    await plant.endpoint.revoke(STREAM, desk.endpoint.id, { rotate: false })
    settle({ kind: 'grant', terms: {} })
    await town.settle()
    expect(canOpen(desk, object)).toBe(false)
    expect(denialsOf(desk)).toEqual(['not-authorized'])
  })
})

describe('a person decides', () => {
  it('after a restart too, by the name under which the request was first shown', async () => {
    await openPlant()
    const desk = await asking('desk')
    const [shown] = eventsOf(plant, 'request')
    await town.pass(HOUR / 6, 5000)
    expect(eventsOf(plant, 'request')).toHaveLength(1)
    await plant.endpoint.close()
    plant = await town.restart(plant)
    const [waiting, ...others] = await plant.endpoint.requests()
    expect(others).toEqual([])
    expect(waiting).toMatchObject({ requestId: shown?.requestId, stream: STREAM })
    const terms = { from: new Date(START) }
    await plant.endpoint.decide(shown?.requestId ?? '', { kind: 'grant', terms })
    await town.settle()
    expect(canOpen(desk, object)).toBe(true)
    expect(await plant.endpoint.requests()).toEqual([])
  })

  it('and what makes no sense leaves the request waiting', async () => {
    await openPlant()
    await asking('desk')
    const [request] = await plant.endpoint.requests()
    const terms = { from: new Date(START), until: new Date(START - DAY) }
    const decided = plant.endpoint.decide(request?.requestId ?? '', { kind: 'grant', terms })
    await expect(decided).rejects.toThrow(RangeError)
    expect(await plant.endpoint.requests()).toHaveLength(1)
  })

  it('about nothing that was granted otherwise meanwhile', async () => {
    await openPlant()
    const desk = await asking('desk')
    expect(await plant.endpoint.requests()).toHaveLength(1)
    const to = { principal: desk.endpoint.id }
    await plant.endpoint.rules.set({ id: 'r', streams: '#', to, historySeconds: 86_400 })
    await town.pass(90_000, 1000)
    expect(canOpen(desk, object)).toBe(true)
    expect(await plant.endpoint.requests()).toEqual([])
  })

  it('about nobody who was revoked meanwhile', async () => {
    await openPlant()
    const desk = await asking('desk')
    const [request] = await plant.endpoint.requests()
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    expect(await plant.endpoint.requests()).toEqual([])
    const decided = plant.endpoint.decide(request?.requestId ?? '', { kind: 'grant', terms: {} })
    await expect(decided).rejects.toMatchObject({ code: 'ERR_NOT_TRUSTED' })
  })
})

describe('a rule', () => {
  const rule = (to: Rule['to'], more: Partial<Rule> = {}): Rule => ({
    id: 'r',
    streams: 'plant/#',
    to,
    ...more,
  })

  it.each([
    ['role', { roles: ['dashboard'] }, rule({ role: 'dashboard' })],
    ['unit', { unit: 'control room' }, rule({ unit: 'control room' })],
  ])('grants to everyone of a %s, and to nobody else', async (_, terms, granted) => {
    await openPlant()
    await plant.endpoint.rules.set(granted)
    expect(canOpen(await asking('desk', terms), object)).toBe(true)
    expect(denialsOf(await asking('visitor'))).toEqual(['pending-approval'])
  })

  it('grants to one principal', async () => {
    await openPlant()
    const desk = await town.member('desk')
    await plant.endpoint.rules.set(rule({ principal: desk.endpoint.id }))
    await ask(desk)
    expect(canOpen(desk, object)).toBe(true)
  })

  it('means the roles of our own domain: a partner may call its people what it likes', async () => {
    await openPlant()
    await plant.endpoint.rules.set(rule({ role: 'dashboard' }))
    const { clock } = town
    const partner = await Domain.create({
      store: memoryStore(),
      clock,
      name: 'partner',
      recovery: false,
    })
    await town.domain.addPartner({
      ...town.domain.readPartnerCard(partner.partnerCard()),
      patterns: [],
    })
    await partner.addPartner({
      ...partner.readPartnerCard(town.domain.partnerCard()),
      patterns: ['#'],
    })
    town.publishBundle()
    await town.settle()
    const guest = await town.open('guest')
    const admission = await partner.admit(await guest.endpoint.enrolment({ name: 'guest' }), {
      roles: ['dashboard'],
    })
    await guest.endpoint.admit(admission, { domainId: partner.id })
    await ask(guest)
    expect(denialsOf(guest)).toEqual(['pending-approval'])
    expect(canOpen(guest, object)).toBe(false)
    const domain = guest.endpoint.domain ?? ''
    await plant.endpoint.rules.set(rule({ role: 'dashboard' }, { id: 'partner', domain }))
    await town.pass(100_000, 1000)
    expect(eventsOf(guest, 'grant')).toHaveLength(1)
  })

  it('that is removed grants no more, neither a renewal nor a new generation', async () => {
    await openPlant()
    await plant.endpoint.rules.set(rule({ role: 'dashboard' }, { leaseSeconds: 7200 }))
    const desk = await asking('desk', { roles: ['dashboard'] })
    expect(canOpen(desk, object)).toBe(true)
    await plant.endpoint.rules.remove('r')
    const producer = await plant.endpoint.producer(STREAM)
    await producer.rotate()
    object = producer.seal('after')
    await ask(desk)
    expect(canOpen(desk, object)).toBe(false)
    await town.pass(6 * HOUR, 60_000)
    expect(eventsOf(desk, 'grant')).toHaveLength(1)
    expect(await plant.endpoint.requests()).not.toEqual([])
  })

  it('outlives a restart, and one without sense is refused', async () => {
    await openPlant()
    await plant.endpoint.rules.set(rule({ role: 'dashboard' }, { historySeconds: 60 }))
    const { rules } = plant.endpoint
    await expect(rules.set(rule({ role: 'x' }, { leaseSeconds: 0.5 }))).rejects.toThrow(RangeError)
    await expect(rules.set(rule({ role: 'x' }, { historySeconds: -1 }))).rejects.toThrow(RangeError)
    await expect(rules.set(rule({} as Rule['to']))).rejects.toThrow(TypeError)
    await plant.endpoint.close()
    plant = await town.restart(plant)
    expect(plant.endpoint.rules.all()).toMatchObject([{ id: 'r', to: { role: 'dashboard' } }])
  })
})

describe('what was decided', () => {
  it('stands for new generations, by the same terms, until it is revoked', async () => {
    let asked = 0
    await openPlant((request) => {
      asked++
      return request.grant({ from: new Date(START + HOUR) })
    })
    const desk = await town.member('desk')
    want(desk, object, { andLater: false })
    await town.pass(1000, 50)
    expect(denialsOf(desk)).toEqual(['out-of-span'])
    await town.pass(2 * HOUR, 60_000)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    object = producer.seal('later')
    await ask(desk)
    await town.pass(3000, 100)
    expect(canOpen(desk, object)).toBe(true)
    const before = asked
    await producer.rotate()
    object = producer.seal('rotated')
    await ask(desk)
    expect(canOpen(desk, object)).toBe(true)
    const newest = desk.endpoint.generations().at(-1)
    expect(newest?.ring.spans()[0]?.first).toBe(Math.floor((START + HOUR) / HOUR))
    expect(asked).toBe(before)

    const revoked = plant.endpoint.revoke(STREAM, 'desk') // the last rotation was just now
    await town.pass(90_000, 5000)
    await revoked
    object = producer.seal('revoked')
    await ask(desk)
    expect(canOpen(desk, object)).toBe(false)
    expect(denialsOf(desk).at(-1)).toBe('not-authorized')
    expect(asked).toBe(before)
  })

  it('is not lost in a crash between the ledger and the answer: it is asked for again', async () => {
    let isDead = false
    const dying = (store: Store): Store =>
      faultyStore(store, {
        beforeWrite: () => {
          if (isDead) throw new Error('the power is gone')
        },
        afterWrite: (_, changes) => {
          if (!changes.some(({ table }) => table === 'ledger') || asked === 0) return
          isDead = true
          throw new Error('the power is gone')
        },
      })
    let asked = 0
    const decide: Decide = (request) => {
      asked++
      return request.grant({ from: new Date(START) })
    }
    await openPlant(decide, dying)
    const desk = await asking('desk')
    expect(canOpen(desk, object)).toBe(false)
    expect(isDead).toBe(true)
    await plant.endpoint.close().catch(() => undefined)
    plant = await town.restart(plant)
    await town.pass(10_000, 100)
    expect(canOpen(desk, object)).toBe(true)
    expect(asked).toBe(1)
  })

  it('is granted or asked for again, at whichever write the granter dies', async () => {
    for (let fatal = 1; fatal <= 6; fatal++) {
      let writes = -Infinity
      const dying = (store: Store): Store =>
        faultyStore(store, {
          beforeWrite: () => {
            if (++writes >= fatal) throw new Error('the power is gone')
          },
        })
      const decide: Decide = (request) => request.grant({ from: new Date(START) })
      await openPlant(decide, dying)
      writes = 0
      const desk = await asking(`desk ${fatal}`)
      await plant.endpoint.close().catch(() => undefined)
      plant = await town.restart(plant)
      await town.pass(10_000, 100)
      expect(canOpen(desk, object)).toBe(true)
      await plant.endpoint.close()
    }
  })

  it('never reaches a reader whose keys our domain holds to be too weak: it is told so', async () => {
    await openPlant((request) => request.grant())
    await town.domain.requireXWing(true)
    town.publishBundle()
    const desk = await town.member('desk')
    const { parts } = desk.endpoint
    const { card } = parts.identity
    if (card.keys.some(({ kind }) => kind === 'x-wing')) {
      const weak = { ...card, keys: card.keys.filter(({ kind }) => kind === 'x25519') }
      const issuing = plant.endpoint.parts.granter.issuing
      expect(issuing.keyFor(weak)).toBeUndefined()
      expect(toHex(issuing.keyFor(card)?.publicKey ?? new Uint8Array())).not.toBe('')
    }
  })
})
