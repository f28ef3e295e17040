// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { memoryStore } from '@waxwing/client'
import { encodeCbor, utf8 } from '@waxwing/core'
import { coapUri, parseAuthority } from '../../src/coap/authority.js'
import { readContextFile } from '../../src/coap/context-file.js'
import { KeyBook, type KeptContext } from '../../src/coap/key-book.js'
import { payloadOf } from '../../src/coap/payload-input.js'
import { UsageError } from '../../src/exit-codes.js'
import { payloadText } from '../../src/inspect/content.js'
import {
  contentFormatOfFile,
  formatContentFormat,
  parseContentFormat,
} from '../../src/inspect/content-formats.js'

const SECRET = '0102030405060708090a0b0c0d0e0f10'

describe('Content-Formats', () => {
  it('are numbers, media types and the ends of these', () => {
    const parse = (text: string): number => parseContentFormat(text, '--accept')
    expect(parse('60')).toBe(60)
    expect(parse('application/cbor')).toBe(60)
    expect(parse('CBOR')).toBe(60)
    expect(parse('text')).toBe(0)
    expect(parse('application/cose; cose-type="cose-sign1"')).toBe(18)
    for (const text of ['', 'cose', '65536', '-1', 'no/such']) {
      expect(() => parse(text), text).toThrow(UsageError)
    }
    expect(formatContentFormat(50)).toBe('application/json (50)')
    expect(formatContentFormat(4711)).toBe('4711')
  })

  it('are those of files by their names, octets where nothing is known', () => {
    expect(contentFormatOfFile('a/b.JSON')).toBe(50)
    expect(contentFormatOfFile('firmware')).toBe(42)
  })

  it('say how a payload is shown', () => {
    const cbor = encodeCbor(
      new Map<number, string | Uint8Array>([
        [1, 'a'],
        [2, Uint8Array.of(7)],
      ]),
    )
    expect(payloadText(cbor, 60)).toBe(`{1: "a", 2: h'07'}`)
    expect(payloadText(Uint8Array.of(0xff), 60)).toBe('0xff')
    expect(payloadText(utf8('</a>;ct=0,</b>'), 40)).toBe('</a>;ct=0,\n</b>')
  })
})

describe('servers', () => {
  it('are named by host and port, however that is written', () => {
    expect(parseAuthority('Valve.Example')).toBe('valve.example:5683')
    expect(parseAuthority('coap://[::1]:61616/')).toBe('[::1]:61616')
    expect(coapUri('x.example/a')).toBe('coap://x.example/a')
    for (const text of ['', 'x/path', 'x:99999', 'coaps://x', 'http://x', 'x y']) {
      expect(() => parseAuthority(text), text).toThrow(UsageError)
    }
  })
})

describe('payloads', () => {
  it('come from one place, with their format', async () => {
    expect(await payloadOf('21.5', {})).toEqual({ bytes: utf8('21.5'), contentFormat: 0 })
    expect(await payloadOf('{}', { contentFormat: 'json' })).toMatchObject({ contentFormat: 50 })
    expect(await payloadOf(undefined, {})).toBeUndefined()
    await expect(payloadOf('x', { file: 'y' })).rejects.toThrow(UsageError)
    await expect(payloadOf(undefined, { contentFormat: 'json' })).rejects.toThrow(UsageError)
  })
})

describe('a context in a file', () => {
  const read = (text: string): unknown => readContextFile('c.json', utf8(text))

  it('has the parameters of RFC 8613', () => {
    const text = JSON.stringify({ masterSecret: SECRET, senderId: '', recipientId: '01' })
    expect(read(text)).toMatchObject({
      masterSecret: Uint8Array.from(Buffer.from(SECRET, 'hex')),
      senderId: new Uint8Array(0),
      recipientId: Uint8Array.of(1),
      algorithm: 10,
    })
  })

  it('that is none is refused without a word of its secret', () => {
    for (const text of [
      'no JSON at all',
      '[]',
      `{"masterSecret":"${SECRET}"}`,
      `{"masterSecret":"${SECRET}0","senderId":"","recipientId":"01"}`,
      `{"masterSecret":"","senderId":"","recipientId":"01"}`,
      `{"masterSecret":"${SECRET}","senderId":"","recipientId":"01","algorithm":7}`,
      `{"masterSecret":"${SECRET}","senderId":"","recipientId":"01","other":"${SECRET}"}`,
    ]) {
      expect(() => read(text), text).toThrow(UsageError)
      expect(() => read(text), text).not.toThrow(SECRET)
    }
  })
})

describe('the book of keys', () => {
  const context = (name: string, more: Partial<KeptContext> = {}): KeptContext => ({
    name,
    masterSecret: utf8('secret'),
    masterSalt: new Uint8Array(0),
    senderId: Uint8Array.of(1),
    recipientId: Uint8Array.of(2),
    idContext: undefined,
    algorithm: 10,
    recorded: false,
    authorities: [],
    ...more,
  })

  it('gives back what was put in', async () => {
    const book = new KeyBook(memoryStore())
    const peer = { name: 'anna', credential: Uint8Array.of(1, 2), authorities: ['a:1'] }
    const kept = context('meter', { idContext: Uint8Array.of(9), authorities: ['b:1'] })
    await book.addPeer(peer)
    await book.addContext(kept)
    expect(await book.peers()).toEqual([peer])
    expect(await book.contexts()).toEqual([kept])
  })

  it('has a name for one, one credential for a name, and one context for a server', async () => {
    const book = new KeyBook(memoryStore())
    await book.addPeer({ name: 'anna', credential: Uint8Array.of(1), authorities: ['a:1'] })
    await book.addPeer({ name: 'anna', credential: Uint8Array.of(3), authorities: ['a:1'] })
    const other = { credential: Uint8Array.of(3), authorities: [] }
    await expect(book.addPeer({ name: 'bert', ...other })).rejects.toThrow('has this credential')
    await expect(book.addContext(context('anna'))).rejects.toThrow('anna is known already')
    await expect(book.addContext(context('c', { authorities: ['a:1'] }))).rejects.toThrow(
      'expected',
    )
  })

  it('remembers which keys were used under which name, after they are gone', async () => {
    const book = new KeyBook(memoryStore())
    await book.addContext(context('meter'))
    expect(await book.removeContext('meter')).toBe(true)
    expect(await book.removeContext('meter')).toBe(false)
    await expect(book.addContext(context('other'))).rejects.toThrow('used here as meter')
    await book.addContext(context('other', { senderId: Uint8Array.of(7) }))
    await book.addContext(context('meter'))
  })
})
