import { issueGrant, kemKeyThumbprint, MAX_MESSAGE_SECONDS } from '@waxwing/core'
import { sodiumProvider as crypto } from '@waxwing/core/sodium'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixTerms, spanOf } from '../../src/granting/terms.js'
import type { Decide } from '../../src/options.js'
import { DAY, START } from '../support/plant.js'
import { canOpen, Town, want, type Resident } from '../support/town.js'

const STREAM = 'plant/1'
const NOW = START / 1000
const LAST_EPOCH = 0xffff_ffff

let town: Town
let plant: Resident
beforeEach(async () => {
  town = await Town.found()
  plant = await town.member('plant', { produces: ['plant/#'] }, { announce: true })
})
afterEach(() => town.close())

/** Shares everything, with an end that no clock reaches. */
async function shareUntil(end: number, { endpoint: grantee }: Resident): Promise<void> {
  const { granter, identity, messenger, trustBook } = plant.endpoint.parts
  const [generation] = plant.endpoint.generations()
  const key = granter.issuing.keyFor(trustBook.cardOf(grantee.parts.identity.id))
  if (generation === undefined || key === undefined) throw new Error('nothing can be shared')
  const { id } = grantee.parts.identity
  const body = issueGrant({
    crypto,
    manifest: generation.manifest,
    issuer: { id: identity.id, key: identity.signingKey, credential: identity.credential },
    nodesFor: (span) => generation.ring.nodesFor(span),
    parentChain: [],
    grantee: id,
    kemKey: kemKeyThumbprint(crypto, key),
    span: { first: 0, last: LAST_EPOCH },
    rights: 'share',
    now: NOW,
    end,
  })
  const signed = messenger.compose('grant', body, { recipient: id, lifeSeconds: DAY / 1000 })
  await grantee.receive((await messenger.sealFor({ id, key }, signed)).payload)
}

describe('a share that ends later than the last epoch there is', () => {
  it('silences no keeper', async () => {
    const decide: Decide = (request) => request.grant({ from: new Date(START - DAY) })
    const keeper = await town.member('keeper', {}, { announce: true, decide })
    const desk = await town.member('desk', {}, { announce: true })
    await town.pass(2000, 500)
    const producer = await plant.endpoint.producer(STREAM)
    await producer.ready()
    await shareUntil(Number.MAX_SAFE_INTEGER, keeper)
    plant.transport.disconnect()
    const object = producer.seal('21.5')
    want(desk, object)
    await town.pass(5000, 500)
    expect(canOpen(desk, object)).toBe(true)
  })
})

describe('terms', () => {
  it.each([0, -1, 1.5, MAX_MESSAGE_SECONDS + 1, Number.MAX_SAFE_INTEGER])(
    'are none with a lease of %d seconds',
    (leaseSeconds) => {
      expect(() => fixTerms({ leaseSeconds }, NOW)).toThrow(/^leaseSeconds/)
    },
  )

  it('end with the last epoch, and give nothing after it', () => {
    const farAway = new Date(8.64e15)
    const terms = fixTerms({ until: farAway, leaseSeconds: MAX_MESSAGE_SECONDS }, NOW)
    expect(spanOf(terms, 1, NOW)).toEqual({ first: NOW, last: LAST_EPOCH })
    expect(spanOf(fixTerms({ from: farAway }, NOW), 1, NOW)).toBeUndefined()
  })
})
