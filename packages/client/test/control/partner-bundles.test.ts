import { equalBytes, trustAddress } from '@waxwing/core'
import { expect, it } from 'vitest'
import { Domain } from '../../src/domain/domain.js'
import { openEndpoint } from '../../src/endpoint.js'
import { memoryStore } from '../../src/memory-store.js'
import { memoryBroker, memoryTransport } from '../../src/testing.js'

it('whom a partner revokes is learnt from the broker', async () => {
  const broker = memoryBroker()
  const [alpha, beta] = await Promise.all(
    ['alpha', 'beta'].map((name) => Domain.create({ store: memoryStore(), name, recovery: false })),
  )
  if (alpha === undefined || beta === undefined) throw new Error('two domains')
  await beta.addPartner({ ...beta.readPartnerCard(alpha.partnerCard()), patterns: ['alpha/#'] })
  const open = (name: string) =>
    openEndpoint({ store: memoryStore(), transport: memoryTransport(broker), name })
  await using sensor = await open('sensor')
  await sensor.admit(await alpha.admit(await sensor.enrolment(), { produces: ['alpha/#'] }))
  await using desk = await open('desk')
  await desk.admit(await beta.admit(await desk.enrolment()))

  const { identity } = sensor.parts
  const { bundle } = await alpha.revoke(identity.id)
  broker.inject(trustAddress(alpha.id), bundle, { retained: true })
  await broker.idle()
  const { trust } = desk.parts.trustBook
  expect(trust.revokedSince({ id: identity.id, domainId: alpha.id })).toBeDefined()
})

it('what a dropped partner sends is not opened, until the partner is named again', async () => {
  const broker = memoryBroker()
  const [alpha, beta] = await Promise.all(
    ['alpha', 'beta'].map((name) => Domain.create({ store: memoryStore(), name, recovery: false })),
  )
  if (alpha === undefined || beta === undefined) throw new Error('two domains')
  const partner = { ...beta.readPartnerCard(alpha.partnerCard()), patterns: ['alpha/#'] }
  await beta.addPartner(partner)
  await alpha.addPartner({ ...alpha.readPartnerCard(beta.partnerCard()), patterns: [] })
  const open = (name: string) => {
    const transport = memoryTransport(broker)
    return openEndpoint({ store: memoryStore(), transport, name, decide: (r) => r.grant() })
  }
  await using sensor = await open('sensor')
  await sensor.admit(await alpha.admit(await sensor.enrolment(), { produces: ['alpha/#'] }))
  await using desk = await open('desk')
  await desk.admit(await beta.admit(await desk.enrolment()))

  const texts: string[] = []
  const reader = desk.reader('alpha/data')
  void (async () => {
    for await (const message of reader) texts.push(message.text())
  })()
  await reader.start()
  await using producer = await sensor.producer('alpha/data')
  await producer.publish('while it is our partner')
  await expect.poll(() => texts).toEqual(['while it is our partner'])

  await desk.receive(await beta.removePartner(alpha.id))
  await producer.publish('while it is not')
  await broker.idle()
  await expect.poll(async () => (await reader.parked()).length).toBe(1)
  expect(texts).toHaveLength(1)

  await desk.receive(await beta.addPartner(partner))
  await expect.poll(() => texts).toEqual(['while it is our partner', 'while it is not'])
})

it('bare credentials of a partner’s principals are learnt at a rate, those of our own at once', async () => {
  const [alpha, beta] = await Promise.all(
    ['alpha', 'beta'].map((name) => Domain.create({ store: memoryStore(), name, recovery: false })),
  )
  if (alpha === undefined || beta === undefined) throw new Error('two domains')
  await beta.addPartner({ ...beta.readPartnerCard(alpha.partnerCard()), patterns: [] })
  await using desk = await openEndpoint({ store: memoryStore(), name: 'desk' })
  await desk.admit(await beta.admit(await desk.enrolment()))
  const learnt = async (domain: Domain): Promise<number> => {
    const domainId = domain.id
    for (let i = 0; i < 70; i++) {
      await using one = await openEndpoint({ store: memoryStore(), name: 'one' })
      await one.admit(await domain.admit(await one.enrolment()), { domainId })
      const learning = desk.receive(one.parts.identity.credential ?? new Uint8Array())
      await learning.catch((error: unknown) => expect(error).toMatchObject({ code: 'ERR_LIMIT' }))
    }
    const known = desk.parts.trustBook.known()
    return known.filter(({ domainId: id }) => id !== null && equalBytes(id, domainId)).length
  }
  expect(await learnt(alpha)).toBeLessThan(70)
  expect(await learnt(beta)).toBe(70)
})
