// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { fromHex } from '../../src/bytes.js'
import { checkPublicKeyBytes, isWellFormedSignature } from '../../src/crypto/ed25519-rule.js'
import { outcomeOf } from '../support/outcome.js'

const ORDER_REST = 'd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010'
const PRIME_REST = `${'ff'.repeat(30)}7f`
const GOOD_Y = `58${'66'.repeat(31)}`

describe('the rule for Ed25519, to the last byte,', () => {
  it.each([
    ['L - 1', `ec${ORDER_REST}`, true],
    ['L', `ed${ORDER_REST}`, false],
    ['L + 1', `ee${ORDER_REST}`, false],
  ])('has for S = %s the answer that the order demands', (_, s, expected) => {
    expect(isWellFormedSignature(fromHex(GOOD_Y + s))).toBe(expected)
  })

  it.each([
    ['p - 2', `eb${PRIME_REST}`, 'valid'],
    ['p - 1', `ec${PRIME_REST}`, 'ERR_KEY_INVALID prime order'],
    ['p', `ed${PRIME_REST}`, 'ERR_KEY_INVALID canonical encoding'],
    ['0 but for its highest bits', `${'00'.repeat(31)}01`, 'valid'],
    ['31 bytes', '00'.repeat(31), 'ERR_KEY_INVALID length'],
  ])('has for y = %s the answer that the field demands', (_, y, expected) => {
    expect(outcomeOf(() => checkPublicKeyBytes(fromHex(y)))).toBe(expected)
  })
})
