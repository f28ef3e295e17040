// SPDX-License-Identifier: Apache-2.0
import { memoryStore } from '@waxwing/client'
import { encodeCbor, fromHex } from '@waxwing/core'
import { nodeProvider as crypto } from '@waxwing/core/node'
import { encodeBareCcs } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import { ownEdhocCredential, readPeerCredential } from '../../src/security/index.js'
import { coded } from './world.js'

describe('an EDHOC credential of ones own', () => {
  it('is made once and kept', async () => {
    const store = memoryStore()
    const both = await Promise.all(
      ['desk', 'lamp'].map((subject) => ownEdhocCredential({ store, crypto, subject })),
    )
    const later = await ownEdhocCredential({ store, crypto })
    const encoded = [...both, later].map(({ credential }) => credential.encoded)
    expect(encoded[1]).toEqual(encoded[0])
    expect(encoded[2]).toEqual(encoded[0])
    expect(readPeerCredential(encoded[0]!).subject).toMatch(/^(desk|lamp)$/)
  })

  it('is another in another store', async () => {
    const [one, other] = await Promise.all(
      [1, 2].map(() => ownEdhocCredential({ store: memoryStore(), crypto })),
    )
    expect(one!.credential.encoded).not.toEqual(other!.credential.encoded)
  })

  it('is read by others as it is', async () => {
    const own = await ownEdhocCredential({ store: memoryStore(), crypto, subject: 'Ångström' })
    const read = readPeerCredential(own.credential.encoded)
    expect(read.credential).toEqual(own.credential)
    expect(read.subject).toBe('Ångström')
    expect({ kind: 'kid', kid: read.kid }).toEqual(own.idCred)
    expect(read.kid).toHaveLength(1)
  })

  it('is not made anew where what is kept is damaged', async () => {
    const store = memoryStore()
    const value = encodeCbor([new Uint8Array(31), ''])
    await store.write([{ table: 'coap-security', key: 'own/x25519', value }])
    await expect(ownEdhocCredential({ store, crypto })).rejects.toMatchObject(
      coded('ERR_STORE_CORRUPT'),
    )
  })
})

describe('the credential of a peer', () => {
  it('has a key identifier', () => {
    const bare = encodeBareCcs({ curve: 'x25519', x: new Uint8Array(32).fill(9) })
    expect(() => readPeerCredential(bare)).toThrow(expect.objectContaining(coded('ERR_MALFORMED')))
  })

  it.each(['', 'a0', 'f6', 'a10800'])('is not %s', (hex) => {
    expect(() => readPeerCredential(fromHex(hex))).toThrow(
      expect.objectContaining(coded('ERR_MALFORMED')),
    )
  })
})
