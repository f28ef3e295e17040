// SPDX-License-Identifier: Apache-2.0
import { memoryStore } from '@waxwing/client'
import { type CborValue, decodeCbor, encodeCbor } from '@waxwing/core'
import { nodeProvider as crypto } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import { ownEdhocCredential } from '../../src/security/index.js'
import { coded, edhocWorld, type End, textOf } from './world.js'

const TABLE = 'coap-security'

/** Changes what an end keeps of EDHOC. */
async function damage({ store }: End, change: (kept: CborValue[]) => CborValue): Promise<void> {
  for (const prefix of ['client/', 'server/']) {
    for (const { key, value } of await store.scan(TABLE, { prefix })) {
      const changed = encodeCbor(change(decodeCbor(value.slice(), 'kept keys') as CborValue[]))
      await store.write([{ table: TABLE, key, value: changed }])
    }
  }
}

describe.each(['client', 'server'] as const)('kept keys that are damaged, at the %s', (at) => {
  it.each<[string, (kept: CborValue[]) => CborValue]>([
    ['no list', () => 1],
    ['of another version', (kept) => kept.with(0, 2)],
    ['without a secret', (kept) => kept.with(1, new Uint8Array(0))],
    ['with a secret that is a number', (kept) => kept.with(1, 5)],
    ['with a Sender ID that is too long', (kept) => kept.with(3, new Uint8Array(8))],
    ['with a Recipient ID that is too long', (kept) => kept.with(4, new Uint8Array(8))],
    ['with one identifier for both ends', (kept) => kept.with(3, kept[4]!)],
  ])('count as lost: %s', async (_, change) => {
    const world = await edhocWorld()
    await world.ask()
    await damage(world[at], change)
    await world.client.start()
    await world.restartServer()
    expect(textOf(await world.ask())).toBe('on')
    expect(world[at].events.map(({ kind }) => kind)).toContain('failed')
  })
})

describe('an own credential', () => {
  it.each<[string, Uint8Array]>([
    ['no CBOR', Uint8Array.of(0xff)],
    ['nothing', new Uint8Array(0)],
    ['no list', encodeCbor(1)],
    ['a short key', encodeCbor([new Uint8Array(31), 'desk'])],
    ['no subject', encodeCbor([new Uint8Array(32), 1])],
  ])('that is damaged is told as such: %s', async (_, value) => {
    const store = memoryStore()
    await store.write([{ table: TABLE, key: 'own/x25519', value }])
    const reading = ownEdhocCredential({ store, crypto })
    await expect(reading).rejects.toMatchObject(coded('ERR_STORE_CORRUPT'))
  })
})
