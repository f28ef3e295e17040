// SPDX-License-Identifier: Apache-2.0
import { MsgHdrsImpl } from '@nats-io/transport-node'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { headersOf, propertiesOf } from '../src/properties.js'

/** As a server passes them on. */
function carried(properties: Readonly<Record<string, string>>): MsgHdrsImpl {
  return MsgHdrsImpl.decode(headersOf({ 'Nats-Msg-Id': 'id' }, properties).encode())
}

describe('properties', () => {
  it('come out as they went in, whatever their names and values', () => {
    const text = fc
      .array(fc.constantFrom(...Array.from('aZ-: %4\r\n\t\0\x7f\x85\u2028ä😀')), { maxLength: 8 })
      .map((signs) => signs.join(''))
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 5 }), (properties) => {
        expect({ ...propertiesOf(carried(properties)) }).toEqual({ ...properties })
      }),
      { numRuns: 200 },
    )
  })

  it.each(['Nats-Rollup', 'nats-msg-id', 'KV-Operation', 'Waxwing-Reason', 'Status', '__proto__'])(
    'tell the server nothing: %s',
    (name) => {
      const headers = carried(Object.fromEntries([[name, 'all\r\nNats-Rollup: all']]))
      expect(headers.get('Nats-Msg-Id')).toBe('id')
      const names = headers.keys().filter((each) => each !== 'Nats-Msg-Id')
      expect(names).toHaveLength(1)
      expect(names[0]).not.toMatch(/^(nats|kv|waxwing)-|^status$/i)
      expect(Object.entries(propertiesOf(headers))).toEqual([[name, 'all\r\nNats-Rollup: all']])
    },
  )

  it('take no longer for a value that is mostly white space', () => {
    const value = `x${' '.repeat(200_000)}x`
    const since = performance.now()
    expect(propertiesOf(carried({ value }))).toEqual({ value })
    expect(performance.now() - since).toBeLessThan(10_000)
  })

  it('leave out what is the server’s, and take the first of several', () => {
    const headers = new MsgHdrsImpl()
    headers.append('Nats-Expected-Stream', 's')
    headers.append('x', '1')
    headers.append('x', '2')
    headers.append('half', '%4')
    expect(propertiesOf(headers)).toEqual({ x: '1', half: '%4' })
    expect(propertiesOf(undefined)).toEqual({})
  })
})
