// SPDX-License-Identifier: Apache-2.0
/**
 * What an object says in the clear, the target can route by.
 */

import { describe, expect, it } from 'vitest'
import { encodeClearProperties, WaxwingError } from '@waxwing/core'
import { numberOf, objectOf } from './support/frames.js'
import { numbersAt, stage } from './support/stage.js'

const PLANT = [{ from: 'plant/#', to: 'plant/#' }]

function clear(number: number, properties: Readonly<Record<string, string>>): Uint8Array {
  return objectOf(number, 20, encodeClearProperties(properties))
}

describe('properties in the clear part of an object', () => {
  it('are told to the target, whatever the source said', async () => {
    const { far, near, device, run } = stage()
    await run({ maps: PLANT })
    const object = clear(1, { region: 'north', 'waxwing-end': 'x' })
    near.inject('plant/1', object, { properties: { region: 'south', hop: '1' } })
    await device.send('plant/1', objectOf(2))
    await device.send('plant/1', objectOf(3, 20, Uint8Array.of(0xff)))
    await expect.poll(() => numbersAt(far)).toEqual([1, 2, 3])
    expect(far.carried.map(({ properties }) => properties)).toEqual([{ region: 'north' }, {}, {}])
    expect(far.carried[0]?.payload).toEqual(object)
  })

  it('stay behind where the target has none', async () => {
    const { toFar, far, device, run } = stage()
    Object.defineProperty(toFar, 'limits', { value: { ...toFar.limits, properties: false } })
    await run({ maps: PLANT })
    await device.send('plant/1', clear(1, { region: 'north' }))
    await expect.poll(() => numbersAt(far)).toEqual([1])
    expect(far.carried[0]?.properties).toEqual({})
  })

  it.each([new TypeError('CC'), new WaxwingError('ERR_LIMIT', '', { rule: 'maximumPacketSize' })])(
    'stay behind where the target does not take them: %s',
    async (error) => {
      const { toFar, far, device, run, events } = stage()
      const send = toFar.send.bind(toFar)
      toFar.send = async (address, payload, options) => {
        if (options?.properties === undefined) await send(address, payload, options)
        else throw numberOf(payload) === 1 ? error : new Error('not now')
      }
      const running = await run({ maps: PLANT })
      await device.send('plant/1', clear(1, { CC: 'elsewhere' }))
      await expect.poll(() => numbersAt(far)).toEqual([1])
      expect(events).toEqual([])
      await device.send('plant/1', clear(2, { region: 'north' }))
      await expect.poll(() => running.counters.there.data.retries).toBeGreaterThan(0)
      expect(numbersAt(far)).toEqual([1])
    },
  )
})
