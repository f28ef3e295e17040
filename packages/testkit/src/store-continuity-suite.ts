// SPDX-License-Identifier: Apache-2.0
/**
 * The part of the {@link Store} contract that says what a store that notices its own past offers; run by
 * `describeStore`. How it can be put back, and what shows then, is each store's own.
 *
 * @module
 */

import { expect, it } from 'vitest'
import type { Store, StoreContinuity } from '@waxwing/core'
import { bytes, put, type Open } from './store-reading-suite.js'

const OTHER_LIFE = new Uint8Array(16)

export function describeContinuity(open: Open): void {
  it('has one life, whatever is written', async () => {
    const store = await open()
    const continuity = continuityOf(store)
    const life = await continuity.life()
    expect(life).toHaveLength(16)
    await store.write([put('a', 1)])
    expect(await continuity.write(life, [put('b', 2)])).toBe(true)
    expect(await continuity.life()).toEqual(life)
    expect(await store.scan('t')).toHaveLength(2)
  })

  it('has another life than any other store', async () => {
    const [one, other] = [await open(), await open()]
    expect(await continuityOf(one).life()).not.toEqual(await continuityOf(other).life())
  })

  it('writes nothing for another life, or where an expectation is not met', async () => {
    const store = await open()
    const continuity = continuityOf(store)
    expect(await continuity.write(OTHER_LIFE, [put('a', 1)])).toBe(false)
    const life = await continuity.life()
    expect(await continuity.write(OTHER_LIFE, [put('a', 1)])).toBe(false)
    const unmet = [put('a', 1), { ...put('b', 1), expect: bytes(7) }]
    expect(await continuity.write(life, unmet)).toBe(false)
    expect(await store.scan('t')).toEqual([])
    expect(await continuity.life()).toEqual(life)
  })

  it('takes copies, and gives them', async () => {
    const store = await open()
    const continuity = continuityOf(store)
    const life = await continuity.life()
    const change = put('a', 1)
    const written = continuity.write(life, [change])
    change.value?.fill(9)
    expect(await written).toBe(true)
    expect(await store.get('t', 'a')).toEqual(bytes(1))
    life.fill(9)
    expect(await continuity.life()).not.toEqual(life)
  })

  it('refuses keys as writes do, and everything once it is closed', async () => {
    const store = await open()
    const continuity = continuityOf(store)
    const life = await continuity.life()
    await expect(continuity.write(life, [put('', 1)])).rejects.toThrow(TypeError)
    await store.close()
    await expect(continuity.life()).rejects.toMatchObject({ code: 'ERR_CLOSED' })
    const late = continuity.write(life, [put('a', 1)])
    await expect(late).rejects.toMatchObject({ code: 'ERR_CLOSED' })
  })
}

/** What several handles, one after another or at once, have in common. */
export function describeSharedContinuity(both: () => Promise<readonly [Store, Store]>): void {
  it('has one life for two handles, each of which goes on from what the other wrote', async () => {
    const [one, other] = (await both()).map(continuityOf) as [StoreContinuity, StoreContinuity]
    const life = await one.life()
    expect(await other.life()).toEqual(life)
    const writes = Array.from({ length: 8 }, (_, i) =>
      (i % 2 === 0 ? one : other).write(life, [put(`k${i}`, i)]),
    )
    expect(await Promise.all(writes)).toEqual(Array.from({ length: 8 }, () => true))
    expect(await one.life()).toEqual(life)
    expect(await other.life()).toEqual(life)
  })
}

function continuityOf({ continuity }: Store): StoreContinuity {
  if (continuity === undefined) throw new TypeError('the store has no continuity')
  return continuity
}
