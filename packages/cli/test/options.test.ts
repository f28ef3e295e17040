// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { publishOptionsFrom } from '../src/commands/pub.js'
import { ruleFrom, ruleText } from '../src/commands/rules.js'
import { readerOptionsFrom } from '../src/commands/sub.js'
import { UsageError } from '../src/exit-codes.js'
import {
  fixedTerms,
  futureWarning,
  termsFrom,
  termsText,
  wholeEpochs,
} from '../src/granting-terms.js'
import { sessionName } from '../src/session-lock.js'
import { producerOptionsFrom } from '../src/stream-options.js'

describe('options of pub', () => {
  it('leave the stream as it is where they say nothing', () => {
    expect(producerOptionsFrom({})).toEqual({})
  })

  it('are those of the producer', () => {
    const options = { epoch: '15m', history: 'forget', signature: 'each', heartbeat: '1m' }
    expect(producerOptionsFrom(options)).toEqual({
      epochSeconds: 900,
      history: 'forget',
      signature: 'each',
      heartbeatSeconds: 60,
    })
  })

  it('let a stream go without signatures only where it is said what that means', () => {
    expect(() => producerOptionsFrom({ signature: 'none' })).toThrow('--any-reader-can-write')
    const said = { signature: 'none', anyReaderCanWrite: true }
    expect(producerOptionsFrom(said)).toEqual({ signature: 'none' })
    expect(() => producerOptionsFrom({ signature: 'some' })).toThrow(UsageError)
  })
})

describe('options of pub for links that count every byte', () => {
  it('are those of the producer', () => {
    const options = {
      alg: 'aes-ccm-16-64-128',
      counter: 'durable',
      kidBytes: '4',
      timestamps: false,
    }
    expect(producerOptionsFrom(options)).toEqual({
      alg: 10,
      counterMode: 'durable',
      kidBytes: 4,
      timestamps: false,
    })
    expect(producerOptionsFrom({ kidBytes: '8', timestamps: true })).toEqual({ kidBytes: 8 })
  })

  it('are refused where they are something else', () => {
    expect(() => producerOptionsFrom({ alg: 'rot13' })).toThrow('--alg')
    expect(() => producerOptionsFrom({ counter: 'no' })).toThrow('--counter')
    expect(() => producerOptionsFrom({ kidBytes: '5' })).toThrow('--kid-bytes')
  })
})

describe('options of a message', () => {
  it('have properties in the clear, each once', () => {
    const clear = ['priority=high', 'note=a=b', 'empty=']
    const clearProperties = { priority: 'high', note: 'a=b', empty: '' }
    expect(publishOptionsFrom({ clear })).toEqual({ clearProperties })
    expect(() => publishOptionsFrom({ clear: ['a'] })).toThrow('--clear is KEY=VALUE')
    expect(() => publishOptionsFrom({ clear: ['=a'] })).toThrow(UsageError)
    expect(() => publishOptionsFrom({ clear: ['a=1', 'a=2'] })).toThrow('said twice')
    expect(() => publishOptionsFrom({ clear: ['a=1'], clearPart: 'x' })).toThrow('exclude')
    expect(publishOptionsFrom({ clear: ['__proto__=x'] }).clearProperties).toHaveProperty([
      '__proto__',
    ])
  })
})

describe('options of sub', () => {
  it('are safe where they say nothing', () => {
    expect(readerOptionsFrom({})).toEqual({
      order: 'arrival',
      topicBinding: 'strict',
      acceptUnsigned: false,
      passUnprotected: false,
    })
  })

  it('are those of the reader', () => {
    const options = { maxAge: '1m', order: 'session', reason: 'why', name: 'n', anyTopic: true }
    expect(readerOptionsFrom(options)).toMatchObject({
      maxAgeMs: 60_000,
      order: 'session',
      topicBinding: 'report',
      reason: 'why',
      name: 'n',
    })
  })
})

describe('options of grant', () => {
  it('begin now, or where a request begins, and have no end', () => {
    const before = Date.now()
    expect(termsFrom({}).from?.getTime()).toBeGreaterThanOrEqual(before)
    const asked = new Date(0)
    expect(termsFrom({}, asked)).toEqual({ from: asked, rights: 'read' })
    expect(termsFrom({ from: '2026-01-01T00:00Z' }, asked).from).toEqual(new Date('2026-01-01'))
  })

  it('are told as they will count', () => {
    const terms = termsFrom({ from: '2026-01-02 03:04', lease: '24h', share: true })
    expect(termsText(terms)).toBe('from 2026-01-02 03:04 on, for 1d at a time, and may share it on')
    expect(fixedTerms(terms)).toEqual({
      from: new Date(2026, 0, 2, 3, 4).getTime() / 1000,
      until: null,
      leaseSeconds: 86_400,
      rights: 'share',
      depth: null,
    })
  })
})

describe('what a grant gives in truth', () => {
  const [from, until] = [new Date('2026-01-02T03:04Z'), new Date('2026-01-02T05:06Z')]

  it('is whole epochs, of every length that the stream ever had', () => {
    expect(wholeEpochs({ from, until, leaseSeconds: 5 }, [3600, 900])).toEqual({
      from: new Date('2026-01-02T03:00Z'),
      until: new Date('2026-01-02T06:00Z'),
      leaseSeconds: 5,
    })
    expect(wholeEpochs({ from }, [60])).toEqual({ from })
  })

  it('is told where it reaches beyond an end that is over', () => {
    const given = wholeEpochs({ from, until }, [3600])
    expect(futureWarning({ from, until }, given, until.getTime())).toContain('whole epochs')
    expect(futureWarning({ from, until }, given, given.until?.getTime() ?? 0)).toBeUndefined()
    expect(futureWarning({ from, until }, given, from.getTime())).toBeUndefined()
    expect(futureWarning({ from }, { from }, from.getTime())).toBeUndefined()
  })

  it('has no end before its beginning', () => {
    const [ahead, ago] = ['in 1h', '1h ago']
    expect(() => termsFrom({ from: ahead, until: ago })).toThrow(UsageError)
    expect(() => termsFrom({ until: ago })).toThrow('say --from')
    expect(termsFrom({ until: 'now' }).until).toBeInstanceOf(Date)
  })
})

describe('rules', () => {
  it('are for one role, unit or principal', () => {
    const rule = ruleFrom('screens', { streams: 'plant/#', role: 'screen', history: '30d' })
    expect(rule).toEqual({
      id: 'screens',
      streams: 'plant/#',
      to: { role: 'screen' },
      historySeconds: 2_592_000,
      rights: 'read',
    })
    expect(ruleText(rule)).toBe('screens: role screen may read plant/#, 30d back')
    const id = '-R9iXetl9iEP559qYY5NWN2x5SHhDnQysphhpSJA8Xc'
    expect(ruleFrom('x', { streams: '#', principal: `id:${id}` }).to).toEqual({ principal: id })
    expect(() => ruleFrom('x', { streams: '#' })).toThrow('say one of --role, --unit')
    expect(() => ruleFrom('x', { streams: '#', role: 'a', unit: 'b' })).toThrow(UsageError)
    expect(() => ruleFrom('no name', { streams: '#', role: 'a' })).toThrow(UsageError)
    expect(() => ruleFrom('x', { streams: '#', principal: 'short' })).toThrow(UsageError)
  })
})

describe('sessions', () => {
  it('have names that brokers and files can have, one for each filter', () => {
    const [a, b] = [sessionName('sub', 'plant/+/t'), sessionName('sub', 'plant/#/t')]
    expect(a).toMatch(/^[\w-]{1,40}$/)
    expect(a).not.toBe(b)
    expect(sessionName('sub', 'plant/+/t')).toBe(a)
  })

  it('fit brokers that take 64 letters, digits, dashes and lines, with what stands before them', () => {
    for (const command of ['sub', 'pub', 'receive', 'requests']) {
      const before = `waxwing-${'x'.repeat(16)}-`
      const name = `${before}${sessionName(command, 'ä/'.repeat(200))}`
      expect(name).toMatch(/^[\w-]{1,64}$/)
      expect(`${before}${sessionName(command, 'a'.repeat(200))}`).toMatch(/^[\w-]{1,64}$/)
    }
  })
})
