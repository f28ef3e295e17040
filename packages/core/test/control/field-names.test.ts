// SPDX-License-Identifier: Apache-2.0
import {
  coseKeyToCbor,
  decodeLink,
  decodeMessage,
  type CborKey,
  type CborValue,
  type MessageType,
} from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'
import { describe, expect, it } from 'vitest'
import { stranger } from '../support/domain.js'
import { MESSAGE_TYPES, messageBytes, withField } from '../support/messages.js'
import { fieldOf } from '../support/outcome.js'
import { chainOf, manifestOf } from '../support/stream.js'

const crypto = sodiumProvider
const DESK = stranger('desk')
const PLANT = stranger('plant')
const bytes = (length: number): Uint8Array => new Uint8Array(length)
/** What no field may be. */
const BAD = -1

const KEM_KEY = coseKeyToCbor({ kind: 'x25519', publicKey: bytes(32) })

type Change = readonly [CborKey, CborValue | undefined]

const ENVELOPE: readonly (readonly [Change, string])[] = [
  [[1, BAD], 'id'],
  [[2, BAD], 'issued'],
  [[3, BAD], 'expires'],
  [[4, BAD], 'in reply to'],
  [[5, BAD], 'bundle'],
  [[5, [BAD, bytes(8)]], 'bundle version'],
  [[5, [1, BAD]], 'bundle digest'],
  [[5, [1, bytes(8), 0]], 'bundle'],
  [[6, BAD], 'credential'],
  [[7, BAD], 'key card'],
]

const BODIES: Readonly<Record<MessageType, readonly (readonly [Change, string])[]>> = {
  request: [
    [[16, BAD], 'kid'],
    [[16, bytes(5)], 'kid'],
    [[17, BAD], 'spans'],
    [[17, [[BAD, 1]]], 'span'],
    [[17, [[1, BAD]]], 'span'],
    [[18, BAD], 'rights'],
    [[18, 3], 'rights'],
    [[19, BAD], 'reason'],
  ],
  grant: [
    [[16, BAD], 'manifest'],
    [[17, BAD], 'chain'],
    [[17, [BAD]], 'chain'],
    [[18, BAD], 'nodes'],
  ],
  denial: [
    [[16, BAD], 'kid'],
    [[17, BAD], 'code'],
    [[17, 5], 'code'],
    [[18, BAD], 'retry'],
    [[19, BAD], 'producer id'],
    [[19, bytes(31)], 'producer id'],
    [[20, BAD], 'manifest digest'],
    [[21, BAD], 'chain'],
    [[21, [BAD]], 'chain'],
  ],
  ack: [
    [[16, BAD], 'outcome'],
    [[16, 2], 'outcome'],
  ],
  revocation: [
    [[16, BAD], 'principal'],
    [[16, bytes(31)], 'principal'],
    [[17, BAD], 'since'],
    [[18, BAD], 'generation id'],
    [[19, BAD], 'reason'],
  ],
  enrol: [
    [[16, undefined], 'COSE_Key'],
    [[16, KEM_KEY], 'COSE_Key'],
    [[17, BAD], 'name'],
    [[18, BAD], 'unit'],
    [[19, BAD], 'roles'],
    [[19, [BAD]], 'roles'],
    [[19, ['']], 'roles'],
    [[20, BAD], 'produces'],
    [[20, Array.from({ length: 33 }, () => 'a')], 'produces'],
    [[20, [BAD]], 'produces'],
    [[20, ['a/b', 'a//b']], 'produces'],
    [[21, BAD], 'token'],
  ],
}

const LINK: readonly (readonly [Change, string])[] = [
  [[1, BAD], 'generation id'],
  [[2, BAD], 'grant id'],
  [[3, BAD], 'issuer'],
  [[3, bytes(31)], 'issuer'],
  [[4, BAD], 'grantee'],
  [[4, bytes(31)], 'grantee'],
  [[5, BAD], 'KEM key'],
  [[6, undefined], 'span'],
  [[6, [1, BAD]], 'span'],
  [[7, BAD], 'rights'],
  [[7, 2], 'depth'],
  [[8, BAD], 'depth'],
  [[9, BAD], 'issued'],
  [[10, BAD], 'end'],
  [[11, BAD], 'parent'],
  [[12, BAD], 'nodes digest'],
  [[12, bytes(31)], 'nodes digest'],
  [[13, BAD], 'credential'],
]

describe('what is refused of', () => {
  it.each(MESSAGE_TYPES)('a message of type %s is named', (type) => {
    for (const [change, name] of [...ENVELOPE, ...BODIES[type]]) {
      const changed = withField(messageBytes(type, DESK), DESK, change)
      expect(
        fieldOf(() => decodeMessage(crypto, changed)),
        name,
      ).toBe(name)
    }
  })

  it('a link is named', () => {
    const [link = bytes(0)] = chainOf(manifestOf(PLANT, null), [{ issuer: PLANT, grantee: DESK }])
    for (const [change, name] of LINK) {
      const changed = withField(link, PLANT, change)
      expect(
        fieldOf(() => decodeLink(crypto, changed)),
        name,
      ).toBe(name)
    }
  })

  it('a statement that is no message is its type', () => {
    const manifest = manifestOf(PLANT, null).bytes
    expect(fieldOf(() => decodeMessage(crypto, manifest))).toBe('typ')
    expect(fieldOf(() => decodeLink(crypto, manifest))).toBe('typ')
  })
})
