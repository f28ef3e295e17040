// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { inboxAddress } from '@waxwing/core'
import { ReplyAddresses } from '../src/reply-addresses.js'

const inboxFor = (byte: number): string => inboxAddress(new Uint8Array(32).fill(byte))

describe('hints of where to reply', () => {
  const clock = { nowMs: 0 }
  const hints = (): ReplyAddresses =>
    new ReplyAddresses({ isNode: (node) => node !== '$management', nowMs: () => clock.nowMs })

  it('are for the whole inbox, and end with their time', () => {
    const replies = hints()
    replies.learn(inboxFor(1), 'node')
    expect(replies.nodeFor(`${inboxFor(1)}/grant`)).toBe('node')
    expect(replies.nodeFor(inboxFor(2))).toBeUndefined()
    clock.nowMs += 600_001
    expect(replies.nodeFor(inboxFor(1))).toBeUndefined()
  })

  it('are replaced by newer ones, and forgotten where they were of no use', () => {
    const replies = hints()
    replies.learn(inboxFor(1), 'old')
    replies.learn(inboxFor(1), 'new')
    replies.forget(inboxFor(1), 'old')
    expect(replies.nodeFor(inboxFor(1))).toBe('new')
    replies.forget(inboxFor(1), 'new')
    expect(replies.nodeFor(inboxFor(1))).toBeUndefined()
  })

  it('are not taken for what is no inbox, nor for nodes that are none', () => {
    const replies = hints()
    replies.learn('plant/1', 'node')
    replies.learn(`${inboxFor(1)}/below`, 'node')
    replies.learn(inboxFor(1), '$management')
    replies.learn(inboxFor(1), 'x'.repeat(513))
    expect(replies.nodeFor('plant/1')).toBeUndefined()
    expect(replies.nodeFor(inboxFor(1))).toBeUndefined()
  })

  it('are bounded: the oldest go', () => {
    const replies = hints()
    for (let index = 0; index < 1_001; index++) replies.learn(`waxwing/v1/inbox/${index}`, 'node')
    expect(replies.nodeFor('waxwing/v1/inbox/0')).toBeUndefined()
    expect(replies.nodeFor('waxwing/v1/inbox/1')).toBe('node')
  })
})
