// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { AddressMap } from '../src/address-map.js'

describe('a map of addresses', () => {
  it.each([
    ['plant/#', 'plant/#', 'plant/1/temperature', 'plant/1/temperature'],
    ['plant/#', 'works/east/#', 'plant/1/temperature', 'works/east/1/temperature'],
    ['plant/#', 'works/#', 'plant', 'works'],
    ['a/+/b/#', 'x/+/y/#', 'a/1/b/c/d', 'x/1/y/c/d'],
    ['+/+/t', 'all/+/+', '1/2/t', 'all/1/2'],
    ['#', 'copy/#', 'any/thing', 'copy/any/thing'],
    ['one', 'two', 'one', 'two'],
    ['a/+', 'b/+', 'a/', 'b/'],
  ])('leads by %s -> %s from %s, as %s', (from, to, address, expected) => {
    expect(new AddressMap({ from, to }).translate(address)).toBe(expected)
    expect(new AddressMap({ from: to, to: from }).translate(expected)).toBe(address)
  })

  it.each([
    ['plant/#', 'plant/#', 'other/1'],
    ['a/+', 'b/+', 'a/1/2'],
    ['a/+', 'b/+', 'a'],
    ['a/b', 'c', 'a/b/c'],
    ['x/#', '#', 'x'],
  ])('has by %s -> %s no place for %s', (from, to, address) => {
    expect(new AddressMap({ from, to }).translate(address)).toBeUndefined()
  })

  it('leads nowhere into control addresses', () => {
    const map = new AddressMap({ from: 'x/#', to: '#' })
    expect(map.translate('x/waxwing/v1/inbox/somebody')).toBeUndefined()
    expect(() => new AddressMap({ from: 'x/#', to: 'waxwing/v1/#' })).toThrow('control')
    expect(() => new AddressMap({ from: 'waxwing/v1/inbox/+', to: 'x/+' })).toThrow('control')
  })

  it('ends where an address only grows', () => {
    const map = new AddressMap({ from: 'a/#', to: 'a/a/#' })
    let address: string | undefined = 'a'
    for (let round = 0; round < 63; round++) address = map.translate(address ?? '')
    expect(address?.split('/')).toHaveLength(64)
    expect(map.translate(address ?? '')).toBeUndefined()
  })

  it.each([
    ['a/#', 'b/+', 'same wildcards'],
    ['a/+/#', 'b/#', 'same wildcards'],
    ['a', 'b/#', 'same wildcards'],
    ['a/#/b', 'a/#/b', 'no filter'],
    ['a+', 'a+', 'no filter'],
    ['', 'a', 'no filter'],
    ['$share/g/a/#', 'a/+', 'same wildcards'],
  ])('is not made of %s -> %s', (from, to, why) => {
    const make = (): AddressMap => new AddressMap({ from, to })
    expect(make).toThrow(TypeError)
    expect(make).toThrow(why)
  })
})
