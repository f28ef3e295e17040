// SPDX-License-Identifier: Apache-2.0
import { malformed, notAuthentic, notTrusted } from '@waxwing/core'
import { describe, expect, it } from 'vitest'

describe('an error of core', () => {
  it('names the field that is malformed, and has a cause only where there is one', () => {
    const cause = new RangeError('cut off')
    const error = malformed('card', 'kid', cause)
    expect(error).toMatchObject({ code: 'ERR_MALFORMED', details: { field: 'kid' }, cause })
    expect(malformed('card', 'kid')).not.toHaveProperty('cause')
  })

  it('tells nobody why an object did not open, but keeps the cause', () => {
    const cause = new RangeError('the tag does not verify')
    const error = notAuthentic(cause)
    expect(error).toMatchObject({ code: 'ERR_NOT_AUTHENTIC', details: {}, cause })
    expect(error.message).toBe(notAuthentic().message)
  })

  it('says who is not trusted in words, and nothing else', () => {
    const error = notTrusted('nobody vouches')
    expect(error).toMatchObject({ code: 'ERR_NOT_TRUSTED', details: {} })
    expect(error.message).toBe('nobody vouches')
  })
})
