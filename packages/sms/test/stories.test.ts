// SPDX-License-Identifier: Apache-2.0
/** What it costs, in SMS: a sensor with a number, a reader with another one, and a centre between them. */
import { describe, expect, it, onTestFinished } from 'vitest'
import {
  Domain,
  memoryStore,
  openEndpoint,
  type Endpoint,
  type EndpointOptions,
  type ProducerOptions,
  type Reader,
} from '@waxwing/client'
import type { Clock } from '@waxwing/core'
import type { SmsTransportOptions } from '@waxwing/sms'
import type { MessageCentre, Submitted } from '@waxwing/testkit'
import { centreFor, FAR, NEAR, transportAt } from './support/stage.ts'

const START = Date.UTC(2026, 5, 1)
const HOUR = 3_600_000
/** Epochs of an hour that are one node of the tree. */
const EIGHT_HOURS = { from: new Date(START), until: new Date(START + 8 * HOUR - 1) }
const CLOCK: Clock = { now: () => START + 1.5 * HOUR, monotonic: () => performance.now() }
const FRUGAL: ProducerOptions = { alg: 10, counterMode: 'durable', timestamps: false }

interface Member {
  readonly endpoint: Endpoint
  readonly events: { readonly type: string }[]
}

async function plant(): Promise<Domain> {
  return Domain.create({
    store: memoryStore(),
    clock: CLOCK,
    name: 'plant',
    recoveryStore: memoryStore(),
  })
}

/** A member of the domain with a number of its own, whose card has X25519 alone. */
async function member(
  centre: MessageCentre,
  domain: Domain,
  terms: {
    readonly number: string
    readonly sms?: Partial<SmsTransportOptions>
    readonly options?: Partial<EndpointOptions>
    readonly produces?: readonly string[]
  },
): Promise<Member> {
  const store = memoryStore()
  const transport = transportAt(centre, terms.number, { store, ...terms.sms })
  const events: { readonly type: string }[] = []
  const endpoint = await openEndpoint({
    store,
    transport,
    clock: CLOCK,
    kems: ['x25519'],
    onEvent: (event) => events.push(event),
    ...terms.options,
  })
  onTestFinished(() => endpoint.close().then(() => undefined))
  const enrolment = await endpoint.enrolment({ name: terms.number })
  const admission = await domain.admit(enrolment, { produces: terms.produces ?? [] })
  await endpoint.admit(admission, { domainId: domain.id })
  return { endpoint, events }
}

/** The texts that a reader hands over. */
async function collected(reader: Reader): Promise<string[]> {
  const texts: string[] = []
  await reader.start()
  void (async () => {
    for await (const message of reader) {
      if (message.kind !== 'message') continue
      texts.push(message.text())
      await message.acknowledge()
    }
  })()
  return texts
}

/** The segments of each message that was sent to a number, by their reference. */
function segmentCounts(taken: readonly Submitted[], number: string): readonly number[] {
  const counts = new Map<string, number>()
  for (const [i, { to, esmClass, message }] of taken.entries()) {
    if (to !== number) continue
    const key = esmClass === 0x40 ? Buffer.from(message.subarray(0, 6)).toString('hex') : `${i}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return [...counts.values()]
}

describe('a reading', () => {
  it.each([
    ['unsigned, of 100 bytes', 100, { signature: 'none', kidBytes: 8 }, 1],
    ['unsigned, of 117 bytes', 117, { signature: 'none', kidBytes: 8 }, 1],
    ['unsigned, of 118 bytes', 118, { signature: 'none', kidBytes: 8 }, 2],
    ['signed, of 48 bytes', 48, { signature: 'each', kidBytes: 8 }, 1],
    ['signed, of 53 bytes', 53, { signature: 'each', kidBytes: 8 }, 1],
    ['signed, of 54 bytes', 54, { signature: 'each', kidBytes: 8 }, 2],
    ['signed, of 57 bytes, with a short kid', 57, { signature: 'each', kidBytes: 4 }, 1],
  ] as const)('%s, fits', async (_what, length, options, count) => {
    const centre = await centreFor()
    const sms = { routes: { 'plant/#': FAR } }
    const { endpoint } = await member(centre, await plant(), { number: NEAR, sms, produces: ['#'] })
    const producer = await endpoint.producer('plant/1', { ...FRUGAL, ...options })
    await producer.publish(new Uint8Array(length))
    const sizes = centre.taken.map(({ message }) => message.length)
    expect(sizes, sizes.join()).toHaveLength(count)
  })

  it('with its time fits as well', async () => {
    const centre = await centreFor()
    const sms = { routes: { 'plant/#': FAR } }
    const { endpoint } = await member(centre, await plant(), { number: NEAR, sms, produces: ['#'] })
    const timed = { ...FRUGAL, timestamps: true }
    const unsigned = await endpoint.producer('plant/1', { ...timed, signature: 'none' })
    await unsigned.publish(new Uint8Array(100))
    const signed = await endpoint.producer('plant/2', { ...timed, kidBytes: 4 })
    await signed.publish(new Uint8Array(48))
    const sizes = centre.taken.map(({ message }) => message.length)
    expect(sizes).toEqual([129, 137])
  })
})

describe('a reader with a number', () => {
  it('asks the number that objects came from, and is answered at its own: in 4 SMS and 7', async () => {
    const centre = await centreFor()
    const domain = await plant()
    const sensor = await member(centre, domain, {
      number: NEAR,
      options: { decide: (request) => request.grant(EIGHT_HOURS) },
      produces: ['sms/#'],
    })
    const desk = await member(centre, domain, { number: FAR })
    const texts = await collected(desk.endpoint.reader(`sms/${NEAR}`))
    const producer = await sensor.endpoint.producer(`sms/${NEAR}`, FRUGAL)
    await producer.publish('21.5 C', { address: `sms/${FAR}` })
    await expect.poll(() => texts).toEqual(['21.5 C'])
    const [requests, grants] = [segmentCounts(centre.taken, NEAR), segmentCounts(centre.taken, FAR)]
    expect(requests).toEqual([4])
    expect(grants).toEqual([1, 7])
  })
  it('does so in text alone, where nothing else gets through', async () => {
    const centre = await centreFor()
    const domain = await plant()
    const sms = { coding: 'text', concatenation: '8-bit' } as const
    const sensor = await member(centre, domain, {
      number: NEAR,
      sms,
      options: { decide: (request) => request.grant(EIGHT_HOURS) },
      produces: ['sms/#'],
    })
    const desk = await member(centre, domain, { number: FAR, sms })
    const texts = await collected(desk.endpoint.reader(`sms/${NEAR}`))
    const producer = await sensor.endpoint.producer(`sms/${NEAR}`, FRUGAL)
    await producer.publish('21.5 C', { address: `sms/${FAR}` })
    await expect.poll(() => texts).toEqual(['21.5 C'])
    expect(new Set(centre.taken.map(({ dataCoding }) => dataCoding))).toEqual(new Set([0]))
  })
})
