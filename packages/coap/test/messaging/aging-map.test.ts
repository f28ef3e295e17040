// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { AgingMap } from '../../src/messaging/aging-map.ts'

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e')
const step = fc.oneof(
  fc.record({ kind: fc.constant('add' as const), key }),
  fc.record({ kind: fc.constant('delete' as const), key }),
  fc.record({ kind: fc.constant('delete oldest' as const), key }),
)

it('an aging map is a map that knows its oldest entry', () => {
  const property = fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
    const aging = new AgingMap<number>()
    const plain = new Map<string, number>()
    for (const [index, { kind, key: each }] of steps.entries()) {
      const [oldest] = plain.keys()
      if (kind === 'add' && !plain.has(each)) {
        aging.add(each, index)
        plain.set(each, index)
      } else if (kind === 'delete') {
        expect(aging.delete(each)).toBe(plain.get(each))
        plain.delete(each)
      } else if (kind === 'delete oldest') {
        expect(aging.deleteOldest()).toBe(oldest === undefined ? undefined : plain.get(oldest))
        if (oldest !== undefined) plain.delete(oldest)
      }
      expect([aging.size, aging.oldest]).toEqual([plain.size, [...plain.values()][0]])
      expect(aging.get(each)).toBe(plain.get(each))
    }
  })
  fc.assert(property)
})
