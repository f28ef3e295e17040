// SPDX-License-Identifier: Apache-2.0
/**
 * A store that fails or dawdles where a test wants it to.
 *
 * @module
 */

import type { Change, Store } from '@waxwing/core'

export interface StoreFaults {
  /**
   * Called before the write is handed on; `count` is 1 for the first. To throw makes the write
   * fail with nothing changed, to return a promise delays it (and those after it).
   */
  beforeWrite?(count: number, changes: readonly Change[]): void | Promise<void>
  /** Called after the write. To throw makes it fail for the caller although it is durable. */
  afterWrite?(count: number, changes: readonly Change[]): void | Promise<void>
  /** Called before `get` and `scan`. */
  beforeRead?(table: string): void | Promise<void>
}

type Write = (changes: readonly Change[]) => Promise<boolean>

/** Wraps a store. Writes stay in the order in which they were called, whatever is delayed. */
export function faultyStore(store: Store, faults: StoreFaults): Store {
  let count = 0
  let last: Promise<unknown> = Promise.resolve()

  async function write(nth: number, changes: readonly Change[], to: Write): Promise<boolean> {
    await faults.beforeWrite?.(nth, changes)
    const written = await to(changes)
    await faults.afterWrite?.(nth, changes)
    return written
  }

  function queue(changes: readonly Change[], to: Write): Promise<boolean> {
    const copies = changes.map(copyChange)
    const nth = ++count
    const result = last.then(() => write(nth, copies, to))
    last = result.catch(() => undefined)
    return result
  }

  const { continuity } = store

  return {
    async get(table, key) {
      await faults.beforeRead?.(table)
      return await store.get(table, key)
    },
    async scan(table, query) {
      await faults.beforeRead?.(table)
      return await store.scan(table, query)
    },
    write: (changes) => queue(changes, (copies) => store.write(copies)),
    ...(continuity && {
      continuity: {
        life: () => continuity.life(),
        write: (life, changes) => queue(changes, (copies) => continuity.write(life, copies)),
      },
    }),
    ...(store.onForeignChange && {
      onForeignChange: (listener: () => void) => store.onForeignChange!(listener),
    }),
    async close() {
      await last
      await store.close()
    },
  }
}

function copyChange(change: Change): Change {
  const { value, expect } = change
  const copy = { ...change, value: value?.slice() ?? null }
  return expect === undefined ? copy : { ...copy, expect: expect?.slice() ?? null }
}
