// SPDX-License-Identifier: Apache-2.0
/**
 * One process of several over one store; run by `processes.test.ts` against the built package.
 *
 * `count PATH TIMES` adds one to a counter that many times. `write PATH` writes until it is killed,
 * eight writes at a time, and prints the number of each that was acknowledged.
 */

import { sqliteStore } from '@waxwing/store-sqlite'
import type { SqliteStore } from '@waxwing/store-sqlite'

const [task, path = '', times = '0'] = process.argv.slice(2)
const key = { keyBytes: new Uint8Array(32).fill(1) }

async function count(store: SqliteStore): Promise<void> {
  for (let done = 0; done < Number(times);) {
    const before = await store.get('t', 'counter')
    const value = Uint8Array.of((before?.[0] ?? 0) + 1)
    if (await store.write([{ table: 't', key: 'counter', value, expect: before ?? null }])) done++
  }
}

async function writeFor(store: SqliteStore, from: number): Promise<never> {
  for (let number = from; ; number += 8) {
    const value = new Uint8Array(500).fill(number)
    await store.write([{ table: 't', key: `n${number}`, value }])
    process.stdout.write(`${number}\n`)
  }
}

const store = sqliteStore(path, { key })
if (task === 'count') await count(store)
else await Promise.all(Array.from({ length: 8 }, (_, i) => writeFor(store, i)))
await store.close()
