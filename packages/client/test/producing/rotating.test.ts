import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { HOUR, openPlant, pass, quiet, type Plant } from '../support/plant.js'

const STREAM = 'plant/1'
const SECOND = 1000

let plant: Plant
beforeEach(async () => {
  plant = await openPlant()
  const producer = await plant.endpoint.producer(STREAM)
  await producer.close()
})
afterEach(() => plant.endpoint.close())

const rotate = (): Promise<void> => plant.endpoint.parts.hooks.rotate(STREAM)
const rotations = (): number => plant.events.filter(({ type }) => type === 'rotated').length

describe('rotations of a stream whose producer is not open', () => {
  it('are merged: at most one a minute', async () => {
    await rotate()
    const again = Promise.all([rotate(), rotate(), rotate()])
    await pass(plant.clock, 59 * SECOND, SECOND)
    expect(rotations()).toBe(1)
    await pass(plant.clock, 2 * SECOND, SECOND)
    await again
    expect(rotations()).toBe(2)
    await pass(plant.clock, HOUR)
    expect(rotations()).toBe(2)
  })

  it('do not wait for those of another stream', async () => {
    await (await plant.endpoint.producer('plant/2')).close()
    await rotate()
    await plant.endpoint.parts.hooks.rotate('plant/2')
    expect(rotations()).toBe(2)
  })

  it('count for the producer that is opened next, and the other way round', async () => {
    await rotate()
    const producer = await plant.endpoint.producer(STREAM)
    const second = producer.rotate()
    await pass(plant.clock, 59 * SECOND, SECOND)
    expect(rotations()).toBe(1)
    await pass(plant.clock, 2 * SECOND, SECOND)
    await second
    expect(rotations()).toBe(2)
    await producer.close()
    const third = rotate()
    await pass(plant.clock, 58 * SECOND, SECOND)
    expect(rotations()).toBe(2)
    await pass(plant.clock, 2 * SECOND, SECOND)
    await third
    expect(rotations()).toBe(3)
  })

  it('that wait do not hold up who opens the stream, and go on when that is closed', async () => {
    await rotate()
    const waiting = rotate()
    const producer = await plant.endpoint.producer(STREAM)
    expect(producer.seal('x').length).toBeGreaterThan(0)
    await pass(plant.clock, 30 * SECOND, SECOND)
    const { kid } = producer
    await producer.close()
    await pass(plant.clock, 31 * SECOND, SECOND)
    await waiting
    expect(rotations()).toBe(2)
    expect((await plant.endpoint.producer(STREAM)).kid).not.toBe(kid)
  })

  it('that wait are made by whoever has the stream open by then, once', async () => {
    await rotate()
    const waiting = rotate()
    const producer = await plant.endpoint.producer(STREAM)
    const { kid } = producer
    const other = producer.rotate()
    await pass(plant.clock, 61 * SECOND, SECOND)
    await Promise.all([waiting, other])
    expect(producer.kid).not.toBe(kid)
    await pass(plant.clock, HOUR)
    expect(rotations()).toBe(2)
  })

  it('that wait are served by the one that other options bring', async () => {
    await rotate()
    const waiting = rotate()
    await quiet()
    await plant.endpoint.producer(STREAM, { epochSeconds: 600 })
    expect(rotations()).toBe(2)
    await pass(plant.clock, HOUR)
    await waiting
    expect(rotations()).toBe(2)
  })

  it('serve all who asked before they began, and nobody who asked later', async () => {
    await rotate()
    const waiting = rotate()
    await pass(plant.clock, 30 * SECOND, SECOND)
    const joining = rotate()
    await pass(plant.clock, 31 * SECOND, SECOND)
    await Promise.all([waiting, joining])
    expect(rotations()).toBe(2)
    const later = rotate()
    await pass(plant.clock, 61 * SECOND, SECOND)
    await later
    expect(rotations()).toBe(3)
  })

  it('that wait are given up when the endpoint closes, at once', async () => {
    await rotate()
    const waiting = rotate()
    const ended = Promise.allSettled([waiting])
    await quiet()
    await plant.endpoint.close()
    const [{ reason }] = (await ended) as [PromiseRejectedResult]
    expect(reason).toMatchObject({ code: 'ERR_CLOSED' })
    expect(rotations()).toBe(1)
  })
})
