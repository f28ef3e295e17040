// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { utf8 } from '@waxwing/core'
import { sendOptionsOf } from '../../src/producing/send-options.js'
import type { Message } from '../../src/message.js'
import type { Producer } from '../../src/producing/producer.js'
import { Town, type Resident } from '../support/town.js'

const STREAM = 'plant/1'

let town: Town
let plant: Resident
let producer: Producer
let messages: AsyncIterator<Message, undefined>
beforeEach(async () => {
  town = await Town.found()
  plant = await town.member('plant', { produces: ['plant/#'] })
  producer = await plant.endpoint.producer(STREAM)
  messages = plant.endpoint.reader(STREAM)[Symbol.asyncIterator]()
  await town.settle()
})
afterEach(() => town.close())

async function next(): Promise<Message> {
  const { value } = await messages.next()
  if (value === undefined) throw new Error('the reader is closed')
  await value.acknowledge()
  return value
}

const changes = (): unknown[] => plant.events.filter(({ type }) => type === 'properties-changed')

describe('properties in the clear', () => {
  it('are sealed into the object and sent beside it, and come back verified', async () => {
    const clearProperties = { region: 'north', unit: 'C' }
    await producer.publish('21.5', { clearProperties })
    expect(town.broker.carried.at(-1)?.properties).toEqual(clearProperties)
    const message = await next()
    expect(message.clearProperties).toEqual(clearProperties)
    expect(message.unverifiedProperties).toEqual(clearProperties)
    expect(changes()).toEqual([])
  })

  it('count as they were sealed when somebody on the way changes the others, which is told', async () => {
    const object = producer.seal('21.5', { clearProperties: { region: 'north', unit: 'C' } })
    const properties = { region: 'south', unit: 'C', hop: '1' }
    town.broker.inject(STREAM, object, { properties })
    const message = await next()
    expect(message.clearProperties).toEqual({ region: 'north', unit: 'C' })
    expect(message.unverifiedProperties).toEqual(properties)
    expect(changes()).toMatchObject([{ names: ['region'], stream: STREAM, counter: 0 }])
    expect(JSON.stringify(changes())).not.toContain('south')
  })

  it('are not missed where the transport lost its copy', async () => {
    town.broker.inject(STREAM, producer.seal('21.5', { clearProperties: { region: 'north' } }))
    expect((await next()).clearProperties).toEqual({ region: 'north' })
    expect(changes()).toEqual([])
  })

  it('are none where the clear part says something else, or there is none', async () => {
    await producer.publish('21.5', { clearPart: utf8('north') })
    await producer.publish('21.6')
    for (let i = 0; i < 2; i++) expect((await next()).clearProperties).toBeUndefined()
  })

  it('stand in the object alone where messages carry none', () => {
    const options = { clearProperties: { region: 'north' }, retained: true }
    expect(sendOptionsOf(options, { properties: false })).toEqual({ retained: true })
    expect(sendOptionsOf(options, {})).toEqual({ retained: true, properties: { region: 'north' } })
  })

  it('stand in every object that is sealed with them', async () => {
    const options = { clearProperties: { region: 'north' } }
    const sealed = [...producer.sealAll(['a', 'b'], options), producer.sealWill('gone', options)]
    for (const object of sealed) {
      town.broker.inject(STREAM, object)
      expect((await next()).clearProperties).toEqual({ region: 'north' })
    }
  })

  it('are refused together with a clear part, and where they are too many or no text', async () => {
    const clearProperties = { region: 'north' }
    const both = { clearProperties, clearPart: utf8('x') }
    await expect(producer.publish('x', both)).rejects.toThrow(/clearProperties/)
    expect(() => producer.seal('x', both)).toThrow(TypeError)
    expect(() => producer.seal('x', { clearProperties: { a: 1 } as never })).toThrow(TypeError)
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`p${i}`, '']))
    expect(() => producer.seal('x', { clearProperties: many })).toThrow(RangeError)
    expect(producer.seal('x')).toBeInstanceOf(Uint8Array)
  })
})
