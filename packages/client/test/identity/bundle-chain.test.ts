// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { decodeCredential } from '@waxwing/core'
import { fixedClock } from '@waxwing/client/testing'
import {
  decodeAdmission,
  decodeChain,
  encodeAdmission,
  encodeChain,
} from '../../src/identity/bundle-chain.js'
import { admitted, crypto, newDomain, START_MS } from './fixture.js'

/** The most bundles of a chain (`docs/spec/10-limits.md` Section 10.4). */
const MOST = 17

const clock = fixedClock(START_MS)
const { bundle } = await newDomain(clock)
const bundles = (count: number): Uint8Array[] => Array.from({ length: count }, () => bundle)

describe('a chain of trust bundles', () => {
  it('has as many bundles as there may be anchors, and one more', () => {
    expect(decodeChain(encodeChain(bundles(MOST)))).toHaveLength(MOST)
    expect(() => decodeChain(encodeChain(bundles(MOST + 1)))).toThrow(
      expect.objectContaining({ code: 'ERR_MALFORMED', details: { field: 'count' } }),
    )
  })

  it('is never empty', () => {
    expect(() => decodeChain(new Uint8Array(0))).toThrow(/count/)
  })

  it('is as long as that in an admission, beside the credential', async () => {
    const { identity } = await admitted(await newDomain(clock), clock)
    const credential = identity.credential ?? new Uint8Array(0)
    const admission = decodeAdmission(encodeAdmission({ credential, bundles: bundles(MOST) }))
    expect(admission.bundles).toHaveLength(MOST)
    expect(decodeCredential(crypto, admission.credential).id).toEqual(identity.id)
    const longer = encodeAdmission({ credential, bundles: bundles(MOST + 1) })
    expect(() => decodeAdmission(longer)).toThrow(/count/)
  })
})
