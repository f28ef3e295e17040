// SPDX-License-Identifier: Apache-2.0
import {
  CborTag,
  decodeCbor,
  encodeCbor,
  isSealedMessage,
  kemKid,
  MAX_STATEMENT_BYTES,
  openSealedMessage,
  sealedKid,
  sealHpke,
  sealMessage,
  type CborKey,
  type CborValue,
  type KemKeyPair,
  type KemKind,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bytesUpTo, mutated } from '../support/arbitraries.js'
import { stranger } from '../support/domain.js'
import { messageBytes } from '../support/messages.js'
import { fieldOf, outcomeOf, outcomeOfAsync } from '../support/outcome.js'
import { kemPair } from '../support/stream.js'

const crypto = sodiumProvider
const DESK = stranger('desk')
const THIEF = stranger('thief')
const MESSAGE = messageBytes('grant', DESK, { recipient: DESK.id })

const open = (bytes: Uint8Array, key: KemKeyPair, id = DESK.id): Promise<string> =>
  outcomeOfAsync(openSealedMessage(crypto, bytes, { id, key }))

describe.each<KemKind>(['x25519', 'x-wing'])('a message sealed with %s', (kind) => {
  it('opens for its recipient to the very bytes that were signed', async () => {
    const key = await kemPair('desk', kind)
    const sealed = await sealMessage(crypto, MESSAGE, { id: DESK.id, key })
    expect(isSealedMessage(sealed)).toBe(true)
    expect(sealedKid(sealed)).toEqual(kemKid(crypto, key))
    expect(await openSealedMessage(crypto, sealed, { id: DESK.id, key })).toEqual(MESSAGE)
  })

  it('does not open for anybody else, nor under another key', async () => {
    const key = await kemPair('desk', kind)
    const sealed = await sealMessage(crypto, MESSAGE, { id: DESK.id, key })
    expect(await open(sealed, key, THIEF.id)).toBe('ERR_NOT_AUTHENTIC')
    expect(await open(sealed, await kemPair('thief', kind))).toBe('ERR_RECIPIENT')
    // A thief who writes his own kid over it gains nothing by it.
    const other = await kemPair('thief', kind)
    const moved = replaced(sealed, kemKid(crypto, key), kemKid(crypto, other))
    expect(await open(moved, other)).toBe('ERR_NOT_AUTHENTIC')
    expect(await open(moved, key)).toBe('ERR_RECIPIENT')
  })

  it('does not open when it was cut or changed anywhere', async () => {
    const key = await kemPair('desk', kind)
    const sealed = await sealMessage(crypto, MESSAGE, { id: DESK.id, key })
    const step = Math.ceil(sealed.length / 24)
    for (let i = 0; i < sealed.length; i += step) {
      expect(await open(sealed.subarray(0, i), key), `cut at ${i}`).toBe('ERR_MALFORMED')
      const outcome = await open(sealed.with(i, sealed[i]! ^ 1), key)
      expect(outcome, `byte ${i}`).toMatch(/^ERR_(MALFORMED|UNSUPPORTED|RECIPIENT|NOT_AUTHENTIC)$/)
    }
    const shorter = recut(sealed, (ciphertext) => ciphertext.subarray(0, -1))
    const none = recut(sealed, () => new Uint8Array(0))
    expect(await open(shorter, key)).toBe('ERR_NOT_AUTHENTIC')
    expect(await open(none, key)).toBe('ERR_NOT_AUTHENTIC')
  })
})

describe('a sealed message', () => {
  it('is not the same twice, though nothing else differs', async () => {
    const key = await kemPair('desk')
    const seal = (): Promise<Uint8Array> => sealMessage(crypto, MESSAGE, { id: DESK.id, key })
    expect(await seal()).not.toEqual(await seal())
  })

  it('does not open with a key of the other kind that has its kid', async () => {
    const key = await kemPair('desk')
    const sealed = await sealMessage(crypto, MESSAGE, { id: DESK.id, key })
    const wing = await kemPair('desk', 'x-wing')
    const moved = replaced(sealed, kemKid(crypto, key), kemKid(crypto, wing))
    expect(await open(moved, wing)).toBe('ERR_NOT_AUTHENTIC')
  })

  it('names its key by 8 bytes, or is none', async () => {
    const key = await kemPair('desk')
    const seal = (protectedHeader: ReadonlyMap<CborKey, CborValue>): Promise<Uint8Array> =>
      sealHpke(crypto, { recipientKey: key, protectedHeader, plaintext: MESSAGE, info: DESK.id })
    for (const kid of [new Uint8Array(7), new Uint8Array(32), 'kid']) {
      const sealed = await seal(new Map([[4, kid]]))
      expect(await open(sealed, key)).toBe('ERR_MALFORMED')
      expect(fieldOf(() => sealedKid(sealed))).toBe('kid')
    }
    expect(await open(await seal(new Map()), key)).toBe('ERR_MALFORMED')
  })

  it('is told from a signed one by its first byte', async () => {
    expect(isSealedMessage(MESSAGE)).toBe(false)
    expect(isSealedMessage(new Uint8Array(0))).toBe(false)
    expect(await open(MESSAGE, await kemPair('desk'))).toBe('ERR_MALFORMED')
  })

  it('is not looked at above a mebibyte and what sealing adds', () => {
    const long = new Uint8Array(MAX_STATEMENT_BYTES + 2049)
    expect(outcomeOf(() => sealedKid(long))).toBe('ERR_LIMIT MAX_STATEMENT_BYTES')
    expect(outcomeOf(() => sealedKid(long.subarray(1)))).toBe('ERR_MALFORMED')
  })

  it('fails to decode with its documented errors alone', async () => {
    const key = await kemPair('desk')
    const valid = await sealMessage(crypto, MESSAGE.subarray(0, 20), { id: DESK.id, key })
    fc.assert(
      fc.property(fc.oneof(mutated([valid]), bytesUpTo(200)), (bytes) => {
        const outcome = outcomeOf(() => sealedKid(bytes))
        expect(['valid', 'ERR_MALFORMED', 'ERR_UNSUPPORTED']).toContain(outcome)
      }),
      { numRuns: 500 },
    )
  })
})

/** Writes other bytes over the first occurrence of some. */
function replaced(bytes: Uint8Array, from: Uint8Array, to: Uint8Array): Uint8Array {
  const at = bytes.findIndex((_, i) => from.every((byte, j) => bytes[i + j] === byte))
  if (at === -1) throw new RangeError('the bytes to be replaced are not there')
  const copy = bytes.slice()
  copy.set(to, at)
  return copy
}

/** Encodes a sealed message anew with its ciphertext changed. */
function recut(bytes: Uint8Array, change: (ciphertext: Uint8Array) => Uint8Array): Uint8Array {
  const value = decodeCbor(bytes, 'sealed message')
  if (!(value instanceof CborTag)) throw new TypeError('a sealed message is tagged')
  const [header, unprotected, ciphertext] = value.contents as readonly CborValue[]
  if (header === undefined || unprotected === undefined || !(ciphertext instanceof Uint8Array)) {
    throw new TypeError('a sealed message has three parts')
  }
  return encodeCbor(new CborTag(16, [header, unprotected, change(ciphertext)]))
}
