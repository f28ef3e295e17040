// SPDX-License-Identifier: Apache-2.0
import {
  CONTROL_PREFIX,
  inboxAddress,
  isControlAddress,
  requestAddress,
  trustAddress,
} from '@waxwing/core'
import { describe, expect, it } from 'vitest'

const ID = new Uint8Array(32).fill(0xff)

describe('an address of control messages', () => {
  it('names a kid in hex, and principals and domains in base64url', () => {
    expect(requestAddress(Uint8Array.of(0, 1, 0xab, 0xff))).toBe('waxwing/v1/request/0001abff')
    expect(inboxAddress(ID)).toBe(`waxwing/v1/inbox/${'_'.repeat(42)}8`)
    expect(trustAddress(ID)).toBe(`waxwing/v1/trust/${'_'.repeat(42)}8`)
  })

  it('is told from others by its beginning', () => {
    expect(isControlAddress(`${CONTROL_PREFIX}anything`)).toBe(true)
    expect(isControlAddress('plant/waxwing/v1/inbox')).toBe(false)
    expect(isControlAddress('waxwing/v2/inbox')).toBe(false)
    expect(isControlAddress('')).toBe(false)
  })
})
