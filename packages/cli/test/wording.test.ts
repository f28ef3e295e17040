// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { WaxwingError } from '@waxwing/core'
import type { WaxwingEvent } from '@waxwing/client'
import { describeEvent, spanText, toJson, type Lookup } from '../src/wording.js'

const lookup: Lookup = { epochSeconds: () => 3600, nameOf: (id) => `<${id}>` }
const facts = { address: 'a/b', kid: '00ff', epoch: 3, session: '0102030405060708', counter: 4 }
const stream = { ...facts, stream: 'a/b' }

describe('events in plain words', () => {
  const events: readonly (readonly [WaxwingEvent, RegExp])[] = [
    [{ type: 'gap', missing: { first: 3, last: 5 }, ...stream }, /messages 3 to 5 are lost/],
    [{ type: 'gap', missing: { first: 3, last: 3 }, ...stream }, /message 3 is lost/],
    [
      { type: 'gap', missing: { first: 3, last: 3 }, afterRetained: true, ...stream },
      /message 3, sent before this reader subscribed, or lost/,
    ],
    [
      { type: 'sessions-missing', sessionCount: 3, objectCount: 57, ...stream },
      /3 sessions \(57 messages\) are lost/,
    ],
    [
      { type: 'sessions-missing', sessionCount: 1, objectCount: undefined, ...stream },
      /1 session is lost/,
    ],
    [{ type: 'gap-filled', ...stream }, /after all: message 4/],
    [{ type: 'duplicate', ...stream }, /Came again: message 4/],
    [{ type: 'conflict', object: new Uint8Array(1), ...stream }, /evidence against its producer/],
    [{ type: 'moved', ...stream, address: 'c' }, /moved to c/],
    [{ type: 'stale', ageMs: 90_000, ...stream }, /1m30s old/],
    [{ type: 'stale', ageMs: undefined, ...stream }, /does not say how old/],
    [{ type: 'refused', code: 'ERR_REVOKED', ...stream }, /does not count \(ERR_REVOKED\)/],
    [{ type: 'refused', code: 'ERR_LIMIT', ...stream }, /waxwing receive FILE --stream a\/b/],
    [{ type: 'not-authentic', ...facts }, /forged or changed/],
    [{ type: 'malformed', code: 'ERR_MALFORMED', byteCount: 1, ...facts }, /1 byte at a\/b/],
    [{ type: 'parked', pool: 'unvouched', ...facts }, /Kept until there is a key/],
    [{ type: 'evicted', pool: 'failed', reason: 'denied', ...facts }, /access was denied/],
    [{ type: 'drained', kid: '00ff', count: 2 }, /2 kept messages can now be read/],
    [{ type: 'two-writers', stream: 'a/b', producers: ['x', 'y'] }, /<x> and <y>/],
    [{ type: 'denied', principal: 'x', stream: 'a/b', code: 'out-of-span' }, /Told <x>: no grant/],
    [{ type: 'denial', kid: '00ff', code: 'not-authorized', retrySeconds: 3600 }, /again in 1h/],
    [{ type: 'requested', kid: '00ff', spans: [], sealed: false }, /\(unsealed\)/],
    [{ type: 'rotated', stream: 'a/b', kid: '00ff', reason: 'revocation' }, /new keys/],
    [{ type: 'revoked', principal: 'x', stream: null }, /no more of anything/],
    [{ type: 'ack', principal: 'x' }, /<x> confirmed/],
    [{ type: 'no-ack', principal: 'x', about: 'share' }, /did not confirm/],
    [{ type: 'trust', domain: 'd', version: 3 }, /version 3/],
    [{ type: 'control-refused', code: 'ERR_CHAIN', rule: 'end', address: 'q' }, /at q: end/],
    [{ type: 'overload', dropped: 9 }, /9 dropped/],
    [{ type: 'clock', change: 'back' }, /went back/],
    [{ type: 'error', error: new WaxwingError('ERR_CLOCK', 'no time') }, /Problem: no time/],
    [{ type: 'wrong-nodes', stream: 'a/b', grantIds: [] }, /evidence against who granted/],
    [{ type: 'crowded-nodes', stream: 'a/b', grantIds: ['x'] }, /some are wrong, asking goes on/],
  ]

  it.each(events.map(([event, text]) => [event.type, event, text] as const))(
    'say what %s means',
    (_, event, text) => {
      expect(describeEvent(event, lookup)).toMatch(text)
    },
  )

  it('say who asks for what, when and why', () => {
    const request = {
      type: 'request',
      requestId: 'abc',
      principal: 'x',
      name: 'dashboard',
      stream: 'a/b',
      spans: [{ first: 0, last: 2 ** 32 - 1 }],
      reason: 'the hall',
    } as const
    expect(describeEvent(request, lookup)).toBe(
      'dashboard asks to read a/b for all time, because: the hall (request abc)',
    )
  })
})

describe('spans', () => {
  it('are times where the length of epochs is known, else epochs', () => {
    const midnight = new Date(2026, 0, 1).getTime() / 3_600_000
    const span = { first: midnight, last: midnight + 1 }
    expect(spanText(span, 3600)).toBe('from 2026-01-01 00:00 until 2026-01-01 02:00')
    expect(spanText({ first: midnight, last: 2 ** 32 - 1 }, 3600)).toBe('from 2026-01-01 00:00 on')
    expect(spanText({ first: 5, last: 6 }, undefined)).toBe('epochs 5 to 6')
  })
})

describe('JSON of events', () => {
  it('has bytes in hex, dates in ISO 8601, and errors by their code', () => {
    expect(
      toJson({
        bytes: Uint8Array.of(1, 255),
        date: new Date(0),
        error: new WaxwingError('ERR_CLOCK', 'no time'),
        map: new Map([['a', 1n]]),
        list: [undefined, true],
      }),
    ).toEqual({
      bytes: '01ff',
      date: '1970-01-01T00:00:00.000Z',
      error: { code: 'ERR_CLOCK', message: 'no time' },
      map: { a: '1' },
      list: [null, true],
    })
  })
})
