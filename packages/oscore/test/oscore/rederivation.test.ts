// SPDX-License-Identifier: Apache-2.0
import { type CryptoProvider, decodeCbor, encodeCbor, toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  type CoapMessage,
  constructNonce,
  ContextBook,
  decodeOscoreOption,
  optionValue,
  protectRequest,
  protectResponse,
  RederivingClient,
  RederivingServer,
  type RederivationDone,
  ServerExchange,
  type SharedInput,
  unprotectRequest,
  unprotectResponse,
} from '../../src/index.js'
import { contextOf } from '../../src/oscore/rederivation.js'
import { accept, freshContext, INPUT, messageOf, mirrored } from '../support/contexts.js'

const OSCORE = 9
const refused = (code: string): unknown => expect.objectContaining({ code })
const shared: SharedInput = INPUT
const mirror: SharedInput = mirrored(INPUT)
const ask = messageOf(1, [], 'ask')
const act = messageOf(2, [], 'act')
const done = messageOf(68, [], 'done')

interface Ends {
  readonly client: RederivingClient
  readonly server: RederivingServer
}

const ends = (): Ends => ({
  client: new RederivingClient(nodeProvider, shared),
  server: new RederivingServer(nodeProvider, mirror),
})

function challengeOf(server: RederivingServer, message: CoapMessage): CoapMessage {
  const step = server.receive(message)
  if (step.kind !== 'challenge') throw new Error(step.kind)
  return step.response
}

function establishedBy(server: RederivingServer, message: CoapMessage): RederivationDone {
  const step = server.receive(message)
  if (step.kind !== 'established') throw new Error(step.kind)
  return step
}

const kidContextOf = (message: CoapMessage): Uint8Array => {
  const { kidContext } = decodeOscoreOption(optionValue(message, OSCORE)!)
  return decodeCbor(kidContext!, 'kid context') as Uint8Array
}

describe('new contexts from an old Master Secret', () => {
  it('come of two requests and two responses', () => {
    const { client, server } = ends()
    const request1 = client.ask(ask)
    const response1 = challengeOf(server, request1)
    const request2 = client.confirm(response1, act)
    const established = establishedBy(server, request2)
    expect(established.request).toEqual(act)
    const { context, response } = client.finish(protectResponse(established.exchange, done))
    expect(response).toEqual(done)
    expect(context.common.idContext).toEqual(established.context.common.idContext)
    const { message, exchange } = protectRequest(context, ask)
    const accepted = accept(established.context, message)
    const answer = protectResponse(accepted.exchange, done, { ownPartialIv: true })
    expect(unprotectResponse(exchange, answer)).toEqual(done)
  })

  it('are named as Figure 14 says', () => {
    const { client, server } = ends()
    const request1 = client.ask(ask)
    const response1 = challengeOf(server, request1)
    const request2 = client.confirm(response1, act)
    const [r1, r2, r2r3] = [request1, response1, request2].map(kidContextOf)
    expect([r1, r2, r2r3].map((part) => part!.length)).toEqual([8, 16, 24])
    expect(r2r3!.subarray(0, 16)).toEqual(r2)
    expect(toHex(r2r3!.subarray(16))).not.toBe(toHex(r1!))
    expect(establishedBy(server, request2).context.common.idContext).toEqual(r2r3)
  })

  it('begin with an observation, if request #2 registers', () => {
    const { client, server } = ends()
    const observe = { number: 6, value: new Uint8Array(0) }
    const response1 = challengeOf(server, client.ask(ask))
    const request2 = client.confirm(response1, messageOf(1, [observe]))
    const { exchange: atServer } = establishedBy(server, request2)
    const notify = (text: string): CoapMessage =>
      protectResponse(atServer, messageOf(69, [observe], text))
    const { exchange, response } = client.finish(notify('first'))
    expect(response).toEqual(messageOf(69, [observe], 'first'))
    expect(unprotectResponse(exchange, notify('second')).payload).toEqual(
      messageOf(69, [], 'second').payload,
    )
  })

  it('never have an ID Context twice', () => {
    const { client, server } = ends()
    const [r1s, r2s, r3s] = [new Set<string>(), new Set<string>(), new Set<string>()]
    for (let run = 0; run < 20; run++) {
      const request1 = client.ask(ask)
      const response1 = challengeOf(server, request1)
      const request2 = client.confirm(response1, act)
      r1s.add(toHex(kidContextOf(request1)))
      r2s.add(toHex(kidContextOf(response1)))
      // R2 alone would make the whole another one: each part has to be drawn.
      r3s.add(toHex(kidContextOf(request2).subarray(16)))
      establishedBy(server, request2)
    }
    expect([r1s.size, r2s.size, r3s.size]).toEqual([20, 20, 20])
  })

  it('come as well where the server begins, with an ID Context that it forgot', () => {
    // The second looks like 0x07 wrapped; the tag tells.
    for (const idContext of [Uint8Array.of(1, 2, 3), Uint8Array.of(0x41, 7)]) {
      const { client, server } = ends()
      const old = freshContext({ ...shared, idContext })
      const { message, exchange } = protectRequest(old, ask)
      expect(() => unprotectRequest(new ContextBook().find, message)).toThrow(
        refused('ERR_KEY_UNKNOWN'),
      )
      const response1 = challengeOf(server, message)
      client.resume(exchange)
      const established = establishedBy(server, client.confirm(response1, act))
      expect(client.finish(protectResponse(established.exchange, done)).response).toEqual(done)
    }
  })
})

describe('the server', () => {
  it('runs any number of times at once, and lets one succeed', () => {
    const { server } = ends()
    const clients = [1, 2, 3].map(() => new RederivingClient(nodeProvider, shared))
    const seconds = clients.map((client) =>
      client.confirm(challengeOf(server, client.ask(ask)), act),
    )
    establishedBy(server, seconds[1]!)
    for (const late of [seconds[0]!, seconds[2]!]) {
      // Its R2 is void, so that it counts as a request #1.
      expect(server.receive(late).kind).toBe('challenge')
    }
  })

  it('does not establish a context a second time for a replay of request #2', () => {
    const { client, server } = ends()
    const request2 = client.confirm(challengeOf(server, client.ask(ask)), act)
    establishedBy(server, request2)
    expect(server.receive(request2).kind).toBe('challenge')
    const other = new RederivingClient(nodeProvider, shared)
    const again = other.confirm(challengeOf(server, other.ask(ask)), act)
    expect(server.receive(request2).kind).toBe('challenge')
    expect(server.receive(again).kind).toBe('established')
  })

  it('establishes no context in which the client has no part: request #2 has an R3', () => {
    const { client, server } = ends()
    const r2 = kidContextOf(challengeOf(server, client.ask(ask)))
    const requestIn = (...parts: readonly Uint8Array[]): CoapMessage =>
      protectRequest(contextOf(nodeProvider, shared, ...parts), act).message
    expect(server.receive(requestIn(r2)).kind).toBe('challenge')
    expect(server.receive(requestIn(r2, Uint8Array.of(1))).kind).toBe('established')
  })

  it('answers a replay of request #1 with keys that are new each time', () => {
    const { client, server } = ends()
    const request1 = client.ask(ask)
    const responses = [1, 2, 3].map(() => challengeOf(server, request1))
    expect(new Set(responses.map(({ payload }) => toHex(payload))).size).toBe(3)
    expect(new Set(responses.map((each) => toHex(kidContextOf(each)))).size).toBe(3)
  })

  it('forgets its challenges when told to', () => {
    const { client, server } = ends()
    const request2 = client.confirm(challengeOf(server, client.ask(ask)), act)
    server.expire()
    expect(server.receive(request2).kind).toBe('challenge')
  })

  it('overwrites what proved its challenges, when one succeeds and when told to', () => {
    const drawn: Uint8Array[] = []
    const crypto: CryptoProvider = {
      ...nodeProvider,
      randomBytes: (lengthBytes) => {
        const bytes = nodeProvider.randomBytes(lengthBytes)
        if (lengthBytes === 32) drawn.push(bytes)
        return bytes
      },
    }
    const client = new RederivingClient(nodeProvider, shared)
    const server = new RederivingServer(crypto, mirror)
    establishedBy(server, client.confirm(challengeOf(server, client.ask(ask)), act))
    challengeOf(server, client.ask(ask))
    server.expire()
    expect(drawn).toEqual([new Uint8Array(32), new Uint8Array(32)])
  })

  it('refuses what does not verify, and goes on', () => {
    const { client, server } = ends()
    const request1 = client.ask(ask)
    const response1 = challengeOf(server, request1)
    const request2 = client.confirm(response1, act)
    const bad = (message: CoapMessage): CoapMessage => ({ ...message, payload: new Uint8Array(30) })
    expect(() => server.receive(bad(request1))).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(() => server.receive(bad(request2))).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(establishedBy(server, request2).request).toEqual(act)
  })

  it('refuses a request without kid context', () => {
    const { server } = ends()
    const { message } = protectRequest(freshContext(shared), ask)
    expect(() => server.receive(message)).toThrow(refused('ERR_MALFORMED'))
  })
})

describe('the client', () => {
  it('takes its steps in order', () => {
    const { client, server } = ends()
    const response1 = challengeOf(server, client.ask(ask))
    expect(() => client.finish(response1)).toThrow(TypeError)
    client.confirm(response1, act)
    expect(() => client.confirm(response1, act)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(() => new RederivingClient(nodeProvider, shared).confirm(response1, act)).toThrow(
      TypeError,
    )
    const { exchange } = protectRequest(freshContext(shared), ask)
    expect(() => client.resume(exchange)).toThrow(RangeError)
  })

  it('begins anew where it asks again, or is told that the server begins', () => {
    const { client, server } = ends()
    const begin = [
      () => void client.ask(ask),
      () => {
        const context = freshContext({ ...shared, idContext: Uint8Array.of(1) })
        client.resume(protectRequest(context, ask).exchange)
      },
    ]
    for (const again of begin) {
      const request2 = client.confirm(challengeOf(server, client.ask(ask)), act)
      const response2 = protectResponse(establishedBy(server, request2).exchange, done)
      again()
      expect(() => client.finish(response2)).toThrow(TypeError)
    }
  })

  it('confirms again where somebody else succeeded meanwhile, and its request #2 was challenged', () => {
    const { client, server } = ends()
    const other = new RederivingClient(nodeProvider, shared)
    const late = client.confirm(challengeOf(server, client.ask(ask)), act)
    establishedBy(server, other.confirm(challengeOf(server, other.ask(ask)), act))
    const again = client.confirm(challengeOf(server, late), act)
    const established = establishedBy(server, again)
    expect(client.finish(protectResponse(established.exchange, done)).response).toEqual(done)
    expect(() => client.confirm(again, act)).toThrow(TypeError)
  })

  it('goes on waiting after a response that does not verify', () => {
    const { client, server } = ends()
    const response1 = challengeOf(server, client.ask(ask))
    const bad = { ...response1, payload: new Uint8Array(30) }
    expect(() => client.confirm(bad, act)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    const established = establishedBy(server, client.confirm(response1, act))
    const response2 = protectResponse(established.exchange, done)
    const worse = { ...response2, payload: new Uint8Array(30) }
    expect(() => client.finish(worse)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    expect(client.finish(response2).response).toEqual(done)
  })

  it('takes no response #1 of another run, and none without R2', () => {
    const { client, server } = ends()
    const other = new RederivingClient(nodeProvider, shared)
    const foreign = challengeOf(server, other.ask(ask))
    client.ask(ask)
    expect(() => client.confirm(foreign, act)).toThrow(refused('ERR_NOT_AUTHENTIC'))
    const [option] = foreign.options
    const without = { ...foreign, options: [{ ...option!, value: new Uint8Array(0) }] }
    expect(() => client.confirm(without, act)).toThrow(refused('ERR_MALFORMED'))
  })

  it('takes a response #1 that uses the nonce of request #1, made with the new Common IV', () => {
    const { client } = ends()
    const request1 = client.ask(ask)
    const [r1, r2] = [kidContextOf(request1), new Uint8Array(8).fill(2)]
    const second = contextOf(nodeProvider, mirror, r2, r1)
    const { kid, partialIv } = decodeOscoreOption(optionValue(request1, OSCORE)!)
    const names = { kid: kid!, partialIv: partialIv! }
    const nonce = constructNonce({ ...second.common, idPiv: kid!, partialIv: partialIv! })
    const exchange = new ServerExchange(second, names, nonce)
    const response1 = protectResponse(exchange, messageOf(129), { kidContext: encodeCbor(r2) })
    expect(decodeOscoreOption(optionValue(response1, OSCORE)!).partialIv).toBeUndefined()
    const request2 = client.confirm(response1, act)
    expect(kidContextOf(request2).subarray(0, 8)).toEqual(r2)
  })

  it('never has a nonce twice with one key, whatever is lost and repeated', () => {
    const seen = new Map<string, number>()
    const crypto = watching(seen)
    const client = new RederivingClient(crypto, shared)
    const server = new RederivingServer(crypto, mirror)
    for (let run = 0; run < 5; run++) {
      const request1 = client.ask(ask)
      challengeOf(server, request1)
      const response1 = challengeOf(server, request1)
      const established = establishedBy(server, client.confirm(response1, act))
      const response2 = protectResponse(established.exchange, done)
      protectResponse(established.exchange, done)
      client.finish(response2)
    }
    expect(seen.size).toBe(30)
    expect([...seen.values()].every((count) => count === 1)).toBe(true)
  })
})

/** The provider, which counts encryptions by key and nonce. */
function watching(seen: Map<string, number>): CryptoProvider {
  return {
    ...nodeProvider,
    aead: (alg, key) => {
      const name = toHex(key)
      const aead = nodeProvider.aead(alg, key)
      return {
        open: aead.open.bind(aead),
        seal: (nonce, aad, plaintext, out) => {
          const use = `${name} ${toHex(nonce)}`
          seen.set(use, (seen.get(use) ?? 0) + 1)
          aead.seal(nonce, aad, plaintext, out)
        },
      }
    },
  }
}
