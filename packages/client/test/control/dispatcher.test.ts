import {
  inboxAddress,
  openSealedMessage,
  requestAddress,
  sealedKid,
  sealMessage,
  signMessage,
  WaxwingError,
  type MessageType,
  type Span,
} from '@waxwing/core'
import { assert, asyncProperty, nat, option, record, uint8Array } from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome } from '../../src/control/intake-queue.js'
import type { Decide } from '../../src/options.js'
import { DAY, HOUR, START } from '../support/plant.js'
import { canOpen, eventsOf, Town, want, wantedFor, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const grantAll: Decide = (asked) => asked.grant({ from: new Date(START - DAY) })

let town: Town
let plant: Resident
let desk: Resident
let object: Uint8Array
beforeEach(async () => {
  town = await Town.found()
  plant = await town.member('plant', { produces: ['plant/#'] }, { decide: grantAll })
  desk = await town.member('desk')
  object = (await plant.endpoint.producer(STREAM)).seal('21.5')
})
afterEach(() => town.close())

/** A request as the desk would send it, sealed to the plant or bare. */
async function request(sealed: boolean, from = desk): Promise<Uint8Array> {
  const { messenger } = from.endpoint.parts
  const { kid, epoch } = wantedFor(from, object)
  const recipient = sealed ? plant.endpoint.parts.identity.id : null
  const body = {
    kid: Uint8Array.from(Buffer.from(kid, 'hex')),
    spans: [{ first: epoch, last: epoch }],
    rights: 'read',
    reason: undefined,
  } as const
  const signed = messenger.compose('request', body, { recipient, lifeSeconds: 3600 })
  return sealed ? seal(signed, plant) : signed
}

function seal(signed: Uint8Array, to: Resident): Promise<Uint8Array> {
  const { identity, messenger, runtime } = to.endpoint.parts
  const key = messenger.kemKeyOf(identity.card)
  if (key === undefined) throw new Error('every card has a key')
  return sealMessage(runtime.crypto, signed, { id: identity.id, key })
}

function unsealed(sealed: Uint8Array, by: Resident): Promise<Uint8Array> {
  const { identity, runtime } = by.endpoint.parts
  const key = identity.kemKey(sealedKid(sealed))
  if (key === undefined) throw new Error('it is sealed to somebody else')
  return openSealedMessage(runtime.crypto, sealed, { id: identity.id, key })
}

/** The code by which a message is refused. */
async function refusal(bytes: Uint8Array, by = plant): Promise<string> {
  try {
    await by.endpoint.receive(bytes)
    return 'taken'
  } catch (error) {
    return error instanceof WaxwingError ? error.code : 'another error'
  }
}

describe('a control message', () => {
  it('is taken sealed or bare, if it is a request', async () => {
    expect(await plant.endpoint.receive(await request(true))).toHaveLength(1)
    expect(await plant.endpoint.receive(await request(false))).toHaveLength(1)
  })

  it('that is replayed is not acted upon again', async () => {
    const bytes = await request(false)
    expect(await plant.endpoint.receive(bytes)).toHaveLength(1)
    expect(await plant.endpoint.receive(bytes)).toEqual([])
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
  })

  it('that bears the author and id of one handled before, and differs, is told of once', async () => {
    const bytes = await request(false)
    await plant.endpoint.receive(bytes)
    const changed = bytes.slice()
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    const before = plant.events.length
    const { intake } = plant.endpoint.parts
    expect(await intake.take('waxwing/v1/inbox/x', changed)).toBe('ERR_CONFLICT')
    expect(await intake.take('waxwing/v1/inbox/x', await seal(changed, plant))).toBe('ERR_CONFLICT')
    await town.settle()
    const refused = { type: 'control-refused', code: 'ERR_CONFLICT', rule: 'message id' }
    const address = 'waxwing/v1/inbox/x'
    expect(plant.events.slice(before)).toEqual([
      { ...refused, address },
      { ...refused, address },
    ])
  })

  it('that its author signed twice, under one id, counts once', async () => {
    await plant.endpoint.receive(await signedAs({ first: 1, last: 1 }))
    expect(await refusal(await signedAs({ first: 2, last: 2 }))).toBe('ERR_CONFLICT')
    expect(await plant.endpoint.receive(await signedAs({ first: 1, last: 1 }))).toEqual([])
  })

  it('that was handled is still answered again after a changed copy of it came', async () => {
    const keeper = await town.member('keeper', {}, { announce: true })
    await town.domain.addKeeper(keeper.endpoint.parts.identity.id)
    town.publishBundle()
    await town.settle()
    await (await plant.endpoint.producer(STREAM)).rotate()
    await town.settle()
    const share = town.broker.carried.findLast(({ address }) =>
      address.startsWith(inboxAddress(keeper.endpoint.parts.identity.id)),
    )
    if (share === undefined) throw new Error('the plant shares with its keeper')
    const signed = await unsealed(share.payload, keeper)
    const changed = signed.slice()
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    expect(await refusal(await seal(changed, keeper), keeper)).toBe('ERR_CONFLICT')
    expect(await keeper.endpoint.receive(share.payload)).toHaveLength(1)
  })

  it('for somebody else is refused, however it is sealed', async () => {
    const sealed = await request(true)
    expect(await refusal(sealed, desk)).toBe('ERR_RECIPIENT')
    const other = await town.member('other')
    const { messenger } = desk.endpoint.parts
    const ack = messenger.acknowledge(other.endpoint.parts.identity.id, new Uint8Array(32))
    expect(await refusal(ack)).toBe('ERR_SIGNATURE')
    expect(await refusal(await seal(ack, plant))).toBe('ERR_SIGNATURE')
  })

  it('that has expired, or comes from the future, is refused', async () => {
    const bytes = await request(false)
    town.clock.advance(HOUR + 301_000)
    expect(await refusal(bytes)).toBe('ERR_EXPIRED')
    town.clock.set(START + 10 * HOUR)
    const future = await request(false)
    town.clock.set(START + 8 * HOUR)
    expect(await refusal(future)).toBe('ERR_NOT_YET_VALID')
  })

  it('from the future is taken by a device that knows no time', async () => {
    const device = await town.member('device', { produces: ['device/#'] }, { decide: grantAll })
    object = (await device.endpoint.producer('device/1')).seal('x')
    await town.pass(3 * DAY, HOUR)
    const bytes = await request(false)
    town.clock.forget()
    expect(await device.endpoint.receive(bytes)).toHaveLength(1)
  })

  it('by an author whom nobody vouches for is refused', async () => {
    const stranger = await town.open('stranger')
    expect(await refusal(await request(false, stranger))).toBe('ERR_NOT_TRUSTED')
  })

  it('by a revoked author is answered, if it is a request, and not a hundred times', async () => {
    await town.domain.revoke(desk.endpoint.parts.identity.id)
    await plant.endpoint.receive(town.domain.bundle)
    await town.settle()
    expect(await plant.endpoint.receive(await request(false))).toHaveLength(1)
    expect(eventsOf(plant, 'denied').at(-1)?.code).toBe('not-authorized')
    let answers = 0
    for (let i = 0; i < 100; i++) {
      answers += await plant.endpoint.receive(await request(false)).then(
        (a) => a.length,
        () => 0,
      )
    }
    expect(answers).toBeLessThanOrEqual(10)
  })

  it('too many of one author are limited, and the author is told so', async () => {
    let granted = 0
    const codes: string[] = []
    for (let i = 0; i < 100; i++) {
      await plant.endpoint.receive(await request(false)).then(
        () => granted++,
        (error: unknown) => codes.push(error instanceof WaxwingError ? error.code : 'other'),
      )
    }
    expect(eventsOf(plant, 'granted')).toHaveLength(60)
    expect(eventsOf(plant, 'denied').map(({ code }) => code)).toEqual(
      Array(10).fill('rate-limited'),
    )
    expect(new Set(codes)).toEqual(new Set(['ERR_LIMIT']))
    town.clock.advance(60_000)
    expect(await plant.endpoint.receive(await request(false))).toHaveLength(1)
  })

  it('that grants, and comes bare, is refused', async () => {
    const { granter, messenger, identity } = plant.endpoint.parts
    await desk.endpoint.receive(identity.credential ?? new Uint8Array())
    const [generation] = plant.endpoint.generations()
    const [authority] = generation ? granter.authoritiesOver(generation) : []
    const key = messenger.kemKeyOf(desk.endpoint.parts.identity.card)
    if (authority === undefined || key === undefined) throw new Error('the plant may grant')
    const terms = { from: 0, until: null, leaseSeconds: null, rights: 'read', depth: null } as const
    const grantee = { id: desk.endpoint.parts.identity.id, key }
    const { signed, payload } = await granter.issuing.grant(authority, grantee, terms)
    expect(await refusal(signed, desk)).toBe('ERR_NOT_AUTHORIZED')
    expect(canOpen(desk, object)).toBe(false)
    await desk.endpoint.receive(payload)
    expect(canOpen(desk, object)).toBe(true)
  })

  it('that grants is refused while our bundle is frozen, and taken when that is renewed', async () => {
    const { credential, card } = desk.endpoint.parts.identity
    await plant.endpoint.receive(credential ?? new Uint8Array())
    await plant.endpoint.receive(card.bytes)
    desk.transport.disconnect()
    const [sealed = new Uint8Array()] = await plant.endpoint.grant(STREAM, desk.endpoint.id)
    town.clock.set(town.domain.bundleExpires * 1000 + 8 * DAY)
    expect(await refusal(sealed, desk)).toBe('ERR_EXPIRED')
    expect(desk.endpoint.generations()).toEqual([])
    await desk.endpoint.receive(await town.domain.renewBundle())
    await desk.endpoint.receive(sealed)
    expect(desk.endpoint.generations()).toHaveLength(1)
  })

  it.each(['manifest', 'link'] as const)('that is a bare %s means nothing', async (type) => {
    const [generation] = plant.endpoint.generations()
    const bytes = type === 'manifest' ? generation?.manifest.bytes : await linkOf()
    expect(await refusal(bytes ?? new Uint8Array(), desk)).toBe('ERR_UNSUPPORTED')
  })

  it('that wishes to be enrolled means nothing here', async () => {
    expect(await refusal(await desk.endpoint.enrolment())).toBe('ERR_UNSUPPORTED')
  })

  it('of a domain that has another bundle of one version is reported', async () => {
    const bytes = await withBundle({ version: 1, digest: new Uint8Array(8) })
    await plant.endpoint.receive(bytes)
    expect(eventsOf(plant, 'error').map(({ error }) => error.code)).toEqual(['ERR_CONFLICT'])
  })

  it('by whoever has a newer bundle has it fetched again, at most once a minute', async () => {
    const { transport } = plant
    const fetched: string[] = []
    const subscribe = transport.subscribe.bind(transport)
    transport.subscribe = (filter, handler) => {
      fetched.push(filter)
      return subscribe(filter, handler)
    }
    await desk.endpoint.receive(await town.domain.renewBundle())
    for (let i = 0; i < 3; i++) await plant.endpoint.receive(await request(false))
    await town.settle()
    const address = `waxwing/v1/trust/${plant.endpoint.domain}`
    expect(fetched).toEqual([address])
    await town.pass(61_000, 10_000)
    await plant.endpoint.receive(await request(false))
    await town.settle()
    expect(fetched).toEqual([address, address])
  })

  function signedAs(span: Span): Promise<Uint8Array> {
    return withBundle({ version: 0, digest: new Uint8Array(8) }, span)
  }

  async function withBundle(
    bundle: { version: number; digest: Uint8Array },
    span: Span = { first: 1, last: 1 },
  ): Promise<Uint8Array> {
    const { identity } = desk.endpoint.parts
    const issued = Math.floor(START / 1000)
    const body = {
      kid: new Uint8Array(8),
      spans: [span],
      rights: 'read',
      reason: undefined,
    } as const
    const envelope = {
      id: new Uint8Array(16),
      issued,
      expires: issued + 60,
      bundle,
      credential: identity.credential ?? undefined,
    }
    const type: MessageType = 'request'
    return signMessage({
      type,
      envelope,
      body,
      author: identity.id,
      key: identity.signingKey,
      recipient: null,
    })
  }

  async function linkOf(): Promise<Uint8Array | undefined> {
    want(desk, object)
    await town.pass(1000, 50)
    const [generation] = desk.endpoint.generations()
    return [...(generation?.grants.values() ?? [])][0]?.chain[0]
  }
})

describe('key cards', () => {
  it('count also if they come before the credential of their principal', async () => {
    const late = await town.member('late')
    const { identity } = late.endpoint.parts
    expect(await refusal(identity.card.bytes)).toBe('ERR_NOT_TRUSTED')
    expect(plant.endpoint.parts.trustBook.cardOf(identity.id)).toBeUndefined()
    await plant.endpoint.receive(identity.credential ?? new Uint8Array())
    expect(plant.endpoint.parts.trustBook.cardOf(identity.id)?.issued).toBe(identity.card.issued)
  })
})

describe('any bytes at the door', () => {
  it('are dealt with, or told of by exactly one event, and never throw', async () => {
    const { intake } = plant.endpoint.parts
    const grant = (await plant.endpoint.receive(await request(true)))[0] ?? new Uint8Array()
    const valid = [
      await request(true),
      await request(false),
      grant,
      town.domain.bundle,
      desk.endpoint.parts.identity.credential ?? new Uint8Array(),
      desk.endpoint.parts.identity.card.bytes,
      await desk.endpoint.enrolment(),
      desk.endpoint.parts.messenger.acknowledge(
        plant.endpoint.parts.identity.id,
        new Uint8Array(32),
      ),
      (await town.domain.revoke(new Uint8Array(32)).catch(() => undefined))?.revocation ??
        new Uint8Array(),
      new Uint8Array(),
    ]
    const mutation = record({
      message: nat(valid.length - 1),
      at: nat(),
      to: nat(255),
      cut: option(nat(), { freq: 5 }),
      more: uint8Array({ maxLength: 4 }),
    })
    await assert(
      asyncProperty(mutation, async ({ message, at, to, cut, more }) => {
        const original = valid[message] ?? new Uint8Array()
        const bytes = Uint8Array.from([
          ...original.slice(0, cut === null ? undefined : cut % (original.length + 1)),
          ...more,
        ])
        if (bytes.length > 0) bytes[at % bytes.length] = to
        const before = plant.events.length
        expect(await intake.take('waxwing/v1/inbox/x', bytes)).not.toBe('later')
        await town.settle()
        const events = plant.events.slice(before)
        const told = events.filter(({ type }) => type === 'control-refused' || type === 'error')
        expect(told.length).toBeLessThanOrEqual(1)
        const isUnchanged = Buffer.compare(bytes, original) === 0
        const answered = events.some(({ type }) => type === 'granted' || type === 'denied')
        if (!isUnchanged && !answered) expect(told).toHaveLength(1)
      }),
      { numRuns: 300 },
    )
  }, 60_000)
})

describe('a flood', () => {
  it('of junk and falsely signed requests leaves genuine ones answered, in bounded memory', async () => {
    const genuine = await request(false)
    const forger = await town.open('forger')
    const forged: Uint8Array[] = []
    for (let i = 0; i < 500; i++) forged.push(await request(false, forger))
    const address = requestAddress(Uint8Array.from(Buffer.from(wantedFor(desk, object).kid, 'hex')))
    const junk = Uint8Array.of(0xd2, 0x84, 0x40)
    for (let i = 0; i < 5000; i++) {
      town.broker.inject(address, junk)
      if (i % 10 === 0) town.broker.inject(address, forged[i / 10] ?? junk)
      if (i === 2500) town.broker.inject(address, genuine)
    }
    for (let i = 0; i < 200 && eventsOf(plant, 'granted').length === 0; i++) await town.settle()
    expect(eventsOf(plant, 'granted')).toHaveLength(1)
    for (let i = 0; i < 400 && eventsOf(plant, 'control-refused').length < 5500; i++)
      await town.settle()
    expect(eventsOf(plant, 'control-refused')).toHaveLength(5500)
  }, 60_000)

  it('of large messages under our own KEM kid takes a bounded part of the memory', async () => {
    const sealed = await request(true)
    const { intake } = plant.endpoint.parts
    const big = new Uint8Array(1_000_000)
    big.set(sealed)
    const taken: Promise<Outcome>[] = []
    for (let i = 0; i < 100; i++) taken.push(intake.take('x', big))
    expect(await Promise.all(taken)).not.toContain('later')
    expect(
      eventsOf(plant, 'control-refused').length + eventsOf(plant, 'overload').length,
    ).toBeGreaterThan(0)
  })

  it('that claims to be by one who is known does not shut out others who are known', async () => {
    const other = await town.member('other')
    await plant.endpoint.receive(await request(false, other))
    const { intake } = plant.endpoint.parts
    const claim = await request(false, other)
    claim[claim.length - 1] = (claim.at(-1) ?? 0) ^ 1
    await plant.endpoint.receive(await request(false))
    const claims = Array.from({ length: 8000 }, () => intake.take('x', claim))
    const answered = intake.take('x', await request(false))
    await answered
    expect(eventsOf(plant, 'granted')).toHaveLength(3)
    await Promise.all(claims)
    expect(eventsOf(plant, 'overload').length).toBeGreaterThan(0)
  }, 60_000)
})

describe('closing', () => {
  it('gives back what it could not deal with: the broker brings it again', async () => {
    want(desk, object)
    await town.pass(1000, 50)
    await (await plant.endpoint.producer(STREAM)).rotate()
    const { intake } = desk.endpoint.parts
    await plant.endpoint.grant(STREAM, desk.endpoint.id)
    const taken = intake.take('x', await request(false))
    const closing = desk.endpoint.close()
    await closing
    expect(['handled', 'later']).toContain(await taken)
    expect(await intake.take('x', new Uint8Array())).toBe('later')
    desk = await town.restart(desk)
    await town.settle()
    expect(desk.endpoint.generations()).toHaveLength(2)
  })

  it('waits for nothing that the application may never decide', async () => {
    const slow = await town.member(
      'slow',
      { produces: ['slow/#'] },
      { decide: () => new Promise(() => {}) },
    )
    object = (await slow.endpoint.producer('slow/1')).seal('x')
    want(desk, object, { address: 'slow/1' })
    await town.pass(500, 50)
    await slow.endpoint.close()
    expect(eventsOf(slow, 'error')).toEqual([])
  })
})

describe('on the wire', () => {
  it('sealed requests, grants and denials show neither a stream name nor a plaintext', async () => {
    const secret = 'plant/1'
    want(desk, object)
    await town.pass(1000, 50)
    await plant.endpoint.revoke(STREAM, desk.endpoint.id)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.publish('a plaintext that nobody may see', { address: 'opaque' })
    want(desk, producer.seal('x'))
    await town.pass(5000, 50)
    const inboxes = [plant, desk].map(({ endpoint }) => inboxAddress(endpoint.parts.identity.id))
    const carried = town.broker.carried.filter(
      ({ address }) => !address.startsWith('waxwing/v1/trust'),
    )
    expect(carried.some(({ address }) => inboxes.some((inbox) => address.startsWith(inbox)))).toBe(
      true,
    )
    for (const { payload, address } of carried) {
      expect(address).not.toContain(secret)
      const text = Buffer.from(payload).toString('latin1')
      expect(text).not.toContain(secret)
      expect(text).not.toContain('a plaintext')
    }
  })
})
