import { decodeObject, toHex } from '@waxwing/core'
import { beforeEach, describe, expect, it } from 'vitest'
import type { Decide } from '../../src/options.js'
import { carry, introduce, Village, type Member } from '../support/domain.js'
import { DAY, HOUR, START } from '../support/plant.js'

const STREAM = 'plant/1'
const ALWAYS = { from: new Date(START - DAY) }

let village: Village
let plant: Member
let object: Uint8Array
beforeEach(async () => {
  village = await Village.found()
  plant = await village.member('plant', { produces: ['plant/#'] })
  object = (await plant.endpoint.producer(STREAM)).seal('21.5')
})

function opens({ endpoint }: Member, sealed = object): boolean {
  const decoded = decodeObject(sealed)
  const [generation] = endpoint.parts.book.byKid(toHex(decoded.kid))
  return generation?.opener.open(decoded).kind === 'opened'
}

/** Has one member grant to another, and the other take it. */
async function grant(
  from: Member,
  to: Member,
  name: string,
  terms: Parameters<Member['endpoint']['grant']>[2] = ALWAYS,
): Promise<void> {
  await introduce(to, from)
  await carry(await from.endpoint.grant(STREAM, name, terms), to, from)
}

describe('delegation', () => {
  it('goes on over a chain four links long, and no further', async () => {
    const share = { ...ALWAYS, rights: 'share' as const }
    const names = ['one', 'two', 'three']
    let giver = plant
    for (const name of names) {
      const delegate = await village.member(name)
      await grant(giver, delegate, name, share)
      giver = delegate
    }
    const reader = await village.member('reader')
    await grant(giver, reader, 'reader')
    expect(opens(reader)).toBe(true)
    const [generation] = reader.endpoint.generations()
    expect([...(generation?.grants.values() ?? [])][0]?.issuers).toHaveLength(4)

    const fifth = await village.member('fifth')
    await introduce(fifth, giver)
    await expect(giver.endpoint.grant(STREAM, 'fifth', share)).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHORIZED',
    })
  })

  it('gives no more than was given: neither a wider span nor a later end', async () => {
    const delegate = await village.member('delegate')
    const narrow = {
      from: new Date(START),
      until: new Date(START + HOUR),
      rights: 'share' as const,
    }
    await grant(plant, delegate, 'delegate', narrow)
    const reader = await village.member('reader')
    await grant(delegate, reader, 'reader', { from: new Date(START - DAY) })
    const [generation] = reader.endpoint.generations()
    const epoch = Math.floor(START / HOUR)
    expect(generation?.ring.spans()).toEqual([{ first: epoch, last: epoch + 1 }])
  })

  it('is refused where only reading was granted', async () => {
    const desk = await village.member('desk')
    await grant(plant, desk, 'desk')
    const friend = await village.member('friend')
    await introduce(friend, desk)
    await expect(desk.endpoint.grant(STREAM, 'friend', ALWAYS)).rejects.toMatchObject({
      code: 'ERR_KEY_UNKNOWN',
    })
  })

  it('answers requests as the producer would, when that is off-line', async () => {
    const decide: Decide = (request) => request.grant(ALWAYS)
    const keeper = await village.member('keeper', {}, { decide })
    await grant(plant, keeper, 'keeper', { ...ALWAYS, rights: 'share' })
    const reader = await village.member('reader')
    const { kid, epoch } = decodeObject(object)
    const wanted = { kid: toHex(kid), epoch, address: STREAM, reason: undefined, andLater: false }
    const { requester } = reader.endpoint.parts
    const request = await requester.makeRequest({ ...wanted, generation: undefined })
    await carry([request], keeper, reader)
    expect(opens(reader)).toBe(true)
  })

  it('of a delegate that was revoked serves nothing any more', async () => {
    const delegate = await village.member('delegate')
    await grant(plant, delegate, 'delegate', { ...ALWAYS, rights: 'share' })
    const reader = await village.member('reader')
    await village.domain.revoke(delegate.endpoint.parts.identity.id)
    await reader.endpoint.receive(village.domain.bundle)
    await introduce(reader, delegate)
    const [sealed] = await delegate.endpoint.grant(STREAM, 'reader', ALWAYS)
    if (sealed === undefined) throw new Error('a grant was made')
    await expect(reader.endpoint.receive(sealed)).rejects.toMatchObject({ code: 'ERR_REVOKED' })
    expect(opens(reader)).toBe(false)
  })
})

describe('recovery', () => {
  it('opens the history of a device that is lost with its disk', async () => {
    const waiting = await plant.endpoint.takeOutbox()
    expect(waiting).toHaveLength(1)
    const recovery = await village.open(village.recoveryStore)
    await carry(
      waiting.map(({ payload }) => payload),
      recovery,
    )
    expect(opens(recovery)).toBe(true)
    const desk = await village.member('desk')
    await grant(recovery, desk, 'desk')
    expect(opens(desk)).toBe(true)
  })
})

describe('keepers', () => {
  it('are granted share of each new generation, again and again until they acknowledge', async () => {
    const keeper = await village.member('keeper')
    await village.domain.addKeeper(keeper.endpoint.parts.identity.id)
    await plant.endpoint.receive(village.domain.bundle)
    await keeper.endpoint.receive(village.domain.bundle)
    await introduce(keeper, plant)
    await plant.endpoint.parts.sharing.announceAll()
    const mine = async (): Promise<readonly Uint8Array[]> => {
      const all = await plant.endpoint.takeOutbox()
      const inbox = `inbox/${keeper.endpoint.id}`
      return all.filter(({ address }) => address.includes(inbox)).map(({ payload }) => payload)
    }
    const first = await mine()
    expect(first).toHaveLength(1)
    expect(await mine()).toHaveLength(1)
    await carry(first, keeper, plant)
    expect(await mine()).toHaveLength(0)
    expect(plant.events).toContainEqual({ type: 'ack', principal: keeper.endpoint.id })
    expect(opens(keeper)).toBe(true)
  })
})

describe('revoking', () => {
  it('by the anchor rotates what the principal could read, once, and is acknowledged', async () => {
    const desk = await village.member('desk')
    await grant(plant, desk, 'desk')
    const { revocation, bundle } = await village.domain.revoke(desk.endpoint.parts.identity.id)
    const answers = await plant.endpoint.receive(revocation)
    expect(answers).toHaveLength(1)
    await plant.endpoint.receive(revocation)
    await plant.endpoint.receive(bundle)
    expect(plant.events.filter(({ type }) => type === 'rotated')).toHaveLength(1)
    const producer = await plant.endpoint.producer(STREAM)
    expect(opens(desk, producer.seal('after'))).toBe(false)
    expect(opens(desk)).toBe(true)
  })

  it('by somebody who granted nothing is refused', async () => {
    const stranger = await village.member('stranger')
    const { identity, messenger } = stranger.endpoint.parts
    const body = {
      principalId: identity.id,
      since: Math.floor(START / 1000),
      generationId: null,
    }
    const forged = messenger.compose('revocation', body, { recipient: null })
    await expect(plant.endpoint.receive(forged)).rejects.toMatchObject({
      code: 'ERR_NOT_AUTHORIZED',
    })
  })
})
