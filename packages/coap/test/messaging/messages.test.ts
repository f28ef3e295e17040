// SPDX-License-Identifier: Apache-2.0
import { code, type CoapMessage, OPTION } from '@waxwing/oscore'
import { describe, expect, it } from 'vitest'
import type { Response } from '../../src/handler.ts'
import { emptyDatagram, encodeDatagram, TYPE } from '../../src/messaging/datagram.ts'
import { uintOption } from '../../src/options.ts'
import {
  content,
  FAST,
  GET,
  openClient,
  openServer,
  pause,
  POST,
  requestTo,
  textOf,
} from './endpoints.ts'
import { openRawPeer } from './raw-peer.ts'

const NOTHING: CoapMessage = { code: GET, options: [], payload: new Uint8Array(0) }

describe('a server', () => {
  it('executes a request once, whose duplicates come while its handler works and after', async () => {
    let count = 0
    const gate = Promise.withResolvers<void>()
    const server = await openServer(async () => {
      count++
      await gate.promise
      return content('once')
    })
    const peer = await openRawPeer()
    const request = encodeDatagram(TYPE.con, 7, 'tok', { ...NOTHING, code: POST })
    for (let copies = 0; copies < 3; copies++) peer.send(request, server.address)
    const acknowledgement = await peer.next()
    expect(acknowledgement.header).toMatchObject({ type: TYPE.ack, code: 0, messageId: 7 })
    peer.send(request, server.address)
    expect((await peer.next()).header).toEqual(acknowledgement.header)
    gate.resolve()
    const response = await peer.next()
    expect([response.header.type, response.token, textOf(response.message)]).toEqual([
      TYPE.con,
      'tok',
      'once',
    ])
    peer.send(emptyDatagram(TYPE.ack, response.header.messageId), server.address)
    peer.send(request, server.address)
    expect((await peer.next()).header).toEqual(acknowledgement.header)
    expect([count, server.stats.undeliveredResponses]).toEqual([1, 0])
  })

  it('answers a duplicate like the request, and nothing to one that is not confirmable', async () => {
    let count = 0
    const server = await openServer(async () => content(String(++count)))
    const peer = await openRawPeer()
    const request = encodeDatagram(TYPE.con, 7, 'tok', NOTHING)
    peer.send(request, server.address)
    const first = await peer.next()
    peer.send(request, server.address)
    expect(await peer.next()).toEqual(first)
    const unconfirmed = encodeDatagram(TYPE.non, 8, 'tok', NOTHING)
    peer.send(unconfirmed, server.address)
    expect(textOf((await peer.next()).message)).toBe('2')
    peer.send(unconfirmed, server.address)
    peer.send(emptyDatagram(TYPE.con, 9), server.address)
    expect((await peer.next()).header).toMatchObject({ type: TYPE.rst, messageId: 9 })
    expect(count).toBe(2)
  })

  it('takes the same message of another peer, and one with another token, for others', async () => {
    let count = 0
    const server = await openServer(async () => content(String(++count)))
    const [peer, other] = [await openRawPeer(), await openRawPeer()]
    for (const each of [peer, other]) {
      each.send(encodeDatagram(TYPE.con, 7, 'tok', NOTHING), server.address)
      await each.next()
    }
    peer.send(encodeDatagram(TYPE.con, 7, 'new', NOTHING), server.address)
    expect(textOf((await peer.next()).message)).toBe('3')
  })

  it('takes a request for a new one when it comes long after', async () => {
    const clock = { ms: 1e6, now: () => clock.ms }
    let count = 0
    const transmission = { ...FAST, exchangeLifetimeMs: 1_000 }
    const handler = async (): Promise<Response> => content(String(++count))
    const server = await openServer(handler, { clock, transmission })
    const peer = await openRawPeer()
    const ask = async (): Promise<string> => {
      peer.send(encodeDatagram(TYPE.con, 7, 'tok', NOTHING), server.address)
      return textOf((await peer.next()).message)
    }
    expect(await ask()).toBe('1')
    clock.ms += 999
    expect(await ask()).toBe('1')
    clock.ms += 2
    expect(await ask()).toBe('2')
  })

  it.each<[string, Uint8Array]>([
    ['a ping', emptyDatagram(TYPE.con, 7)],
    ['a reserved code', encodeDatagram(TYPE.con, 7, '', { ...NOTHING, code: code(1, 1) })],
    ['a signaling code', encodeDatagram(TYPE.con, 7, '', { ...NOTHING, code: code(7, 1) })],
    ['a token of nine bytes', Uint8Array.of(0x49, GET, 0, 7, ...Buffer.alloc(9))],
    ['a token that is not there', Uint8Array.of(0x44, GET, 0, 7, 1)],
    ['bytes after an empty message', Uint8Array.of(0x40, 0, 0, 7, 1)],
    ['a payload marker without payload', Uint8Array.of(0x40, GET, 0, 7, 0xff)],
    ['a response that nobody waits for', encodeDatagram(TYPE.con, 7, 'tok', content(''))],
  ])(
    'rejects %s with a reset, and ignores it where it is not confirmable',
    async (_title, bytes) => {
      const server = await openServer(async () => content(''))
      const peer = await openRawPeer()
      const unconfirmed = Buffer.from(bytes)
      unconfirmed[0] = (unconfirmed[0]! & 0xcf) | 0x10
      peer.send(unconfirmed, server.address)
      peer.send(bytes, server.address)
      expect((await peer.next()).header).toMatchObject({ type: TYPE.rst, code: 0, messageId: 7 })
      expect([peer.waiting, server.stats.peers]).toEqual([[], 0])
    },
  )

  it('ignores other versions, what is too short, and acknowledgements and resets of nothing', async () => {
    const server = await openServer(async () => content(''))
    const peer = await openRawPeer()
    peer.send(Uint8Array.of(0x80, GET, 0, 7), server.address)
    peer.send(Uint8Array.of(0x40, GET, 0), server.address)
    peer.send(Uint8Array.of(), server.address)
    for (const type of [TYPE.ack, TYPE.rst]) {
      peer.send(emptyDatagram(type, 7), server.address)
      peer.send(encodeDatagram(type, 7, 'tok', content('')), server.address)
      peer.send(encodeDatagram(type, 7, 'tok', NOTHING), server.address)
    }
    peer.send(emptyDatagram(TYPE.con, 9), server.address)
    expect((await peer.next()).header).toMatchObject({ type: TYPE.rst, messageId: 9 })
  })
})

describe('a client', () => {
  it('takes a response for the acknowledgement that was lost', async () => {
    const origin = await openRawPeer()
    const client = await openClient()
    const response = client.network(requestTo(origin.address))
    const request = await origin.next()
    const datagram = encodeDatagram(TYPE.con, 99, request.token, content('late'))
    origin.send(datagram, request.from)
    expect(textOf(await response)).toBe('late')
    let acknowledged = await origin.next()
    // The request was sent again, if the response took its time.
    while (acknowledged.header.type === TYPE.con) acknowledged = await origin.next()
    expect(acknowledged.header).toMatchObject({ type: TYPE.ack, messageId: 99 })
    origin.send(datagram, request.from)
    expect((await origin.next()).header).toMatchObject({ type: TYPE.ack, messageId: 99 })
    await pause(3 * FAST.ackTimeoutMs)
    expect(origin.waiting).toEqual([])
  })

  it('takes no response from elsewhere, nor with another token or message id', async () => {
    const [origin, stranger] = [await openRawPeer(), await openRawPeer()]
    const client = await openClient()
    const response = client.network(requestTo(origin.address))
    const { header, token, from } = await origin.next()
    const forged = content('forged')
    for (const type of [TYPE.ack, TYPE.con, TYPE.non]) {
      stranger.send(encodeDatagram(type, header.messageId, token, forged), from)
      origin.send(encodeDatagram(type, header.messageId, 'else', forged), from)
    }
    origin.send(encodeDatagram(TYPE.ack, header.messageId ^ 1, token, forged), from)
    origin.send(encodeDatagram(TYPE.ack, header.messageId, token, content('true')), from)
    expect(textOf(await response)).toBe('true')
  })

  it('sends a request again until it is acknowledged, with the same message id', async () => {
    const origin = await openRawPeer()
    const client = await openClient()
    const response = client.network(requestTo(origin.address))
    const first = await origin.next()
    const second = await origin.next()
    expect(second).toEqual(first)
    origin.send(emptyDatagram(TYPE.ack, first.header.messageId), first.from)
    await pause(4 * FAST.ackTimeoutMs)
    expect(origin.waiting.length).toBeLessThan(2)
    origin.send(encodeDatagram(TYPE.non, 99, first.token, content('late')), first.from)
    expect(textOf(await response)).toBe('late')
  })

  it('gives up on a response that does not come after the acknowledgement', async () => {
    const origin = await openRawPeer()
    const client = await openClient({ transmission: { ...FAST, responseTimeoutMs: 30 } })
    const response = client.network(requestTo(origin.address))
    const { header, from } = await origin.next()
    origin.send(emptyDatagram(TYPE.ack, header.messageId), from)
    await expect(response).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
    const unwanted = uintOption(OPTION.noResponse, 8)
    const silent = client.network(requestTo(origin.address, { options: [unwanted] }))
    const second = await origin.next()
    origin.send(emptyDatagram(TYPE.ack, second.header.messageId), from)
    await expect(silent).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  })
})
