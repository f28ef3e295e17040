// SPDX-License-Identifier: Apache-2.0
/** Addresses as routing keys, and filters as binding keys. */
import { describe, expect, it } from 'vitest'
import * as fc from 'fast-check'
import { addressOf, bindingKeyOf, routingKeyOf } from '../src/names.js'

describe('names', () => {
  it('swaps / and .', () => {
    expect(routingKeyOf('plant/1/temp.c')).toBe('plant.1.temp/c')
    expect(addressOf('plant.1.temp/c')).toBe('plant/1/temp.c')
  })

  it('turns + into * and leaves # alone', () => {
    expect(bindingKeyOf('plant/+/t.x/#')).toBe('plant.*.t/x.#')
    expect(bindingKeyOf('#')).toBe('#')
  })

  it('leaves the group out of what is bound', () => {
    expect(bindingKeyOf('$share/crew/plant/+')).toBe('plant.*')
  })

  it('maps addresses one to one', () => {
    const address = fc.string({
      unit: fc.constantFrom('/', '.', '*', 'a', 'é', '$'),
      maxLength: 60,
    })
    fc.assert(fc.property(address, (text) => addressOf(routingKeyOf(text)) === text))
  })

  it('refuses what is longer than a routing key can be, counted in bytes', () => {
    expect(routingKeyOf('x'.repeat(255))).toHaveLength(255)
    expect(() => routingKeyOf('x'.repeat(256))).toThrow('address is longer than 255 bytes')
    expect(() => routingKeyOf('é'.repeat(128))).toThrow(TypeError)
    expect(() => bindingKeyOf(`$share/g/${'x'.repeat(256)}`)).toThrow('filter is longer')
  })
})
