// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { memoryStore } from '@waxwing/client'
import { encodeCbor, type Store, toHex } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { describe, expect, it } from 'vitest'
import {
  answerChallenge,
  type ClientExchange,
  type CoapMessage,
  deriveContext,
  keepReplayWindow,
  protectRequest,
  protectResponse,
  type ReceivedRequest,
  ReplayGuard,
  type SecurityContext,
  SenderSequence,
  sequenceInStore,
  type StorePlace,
  takeReplayWindow,
  unprotectRequest,
  unprotectResponse,
} from '../../src/index.js'
import { freshContext, INPUT, messageOf, mirrored, only } from '../support/contexts.js'

const place = (store: Store = memoryStore()): StorePlace => ({ store, table: 'oscore', key: 'c' })
const put = ({ store, table, key }: StorePlace, value: unknown): Promise<boolean> =>
  store.write([{ table, key, value: encodeCbor(value as never) }])
const corrupt: unknown = expect.objectContaining({ code: 'ERR_STORE_CORRUPT' })

describe('a sequence in a store', () => {
  it('goes on behind every block that was ever reserved', async () => {
    const at = place()
    const firsts: number[] = []
    for (let start = 0; start < 3; start++) {
      const sequence = await SenderSequence.open(sequenceInStore(at), { blockSize: 10 })
      await sequence.ready()
      firsts.push(sequence.take())
    }
    expect(firsts).toEqual([0, 10, 20])
  })

  it('is shared by processes', async () => {
    const at = place()
    const [a, b] = [
      await SenderSequence.open(sequenceInStore(at), { blockSize: 10 }),
      await SenderSequence.open(sequenceInStore(at), { blockSize: 10 }),
    ]
    await a.ready()
    await b.ready()
    expect([a.take(), b.take(), a.take(), b.take()]).toEqual([0, 10, 1, 11])
  })

  it.each(['text', -1, 2 ** 41, null])('is not believed with a limit of %s', async (limit) => {
    const at = place()
    await put(at, limit)
    await expect(SenderSequence.open(sequenceInStore(at))).rejects.toThrow(corrupt)
  })
})

describe('a server that ends in good order, or does not', () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 5, arbitrary: fc.constant('send' as const) },
      { weight: 5, arbitrary: fc.nat(200) },
      { weight: 1, arbitrary: fc.constantFrom('stop' as const, 'crash' as const) },
    ),
    { maxLength: 60 },
  )

  it('never acts twice on one request, whatever is repeated', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (walk) => {
        const at = place()
        await keepReplayWindow(at, ReplayGuard.ofFreshKeys())
        const client = freshContext()
        let server = await startServer(at)
        const sent: Sent[] = []
        const actedUpon: string[] = []
        for (const step of walk) {
          if (step === 'stop') await keepReplayWindow(at, server.recipient.replay)
          if (step === 'stop' || step === 'crash') {
            server = await startServer(at)
            continue
          }
          if (step === 'send') sent.push(...send(client, messageOf(2, [], `${sent.length}`)))
          const each = step === 'send' ? sent.at(-1) : sent[step % sent.length]
          if (each === undefined) continue
          const received = tryReceive(server, each.message)
          if (received?.kind === 'accepted') actedUpon.push(toHex(received.exchange.partialIv))
          if (received?.kind !== 'unconfirmed' || each.exchange.isDone) continue
          await server.sender.sequence.ready()
          const challenge = protectResponse(received.exchange, received.challenge)
          const again = answerChallenge(each.request, unprotectResponse(each.exchange, challenge))
          sent.push(...send(client, again!))
        }
        expect(new Set(actedUpon).size).toBe(actedUpon.length)
        const accepted = sent.filter(
          (each) => tryReceive(server, each.message)?.kind === 'accepted',
        )
        expect(accepted.every(({ partialIv }) => !actedUpon.includes(partialIv))).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it('accepts again after one challenge', async () => {
    const at = place()
    const client = freshContext()
    const server = await startServer(at)
    await server.sender.sequence.ready()
    const [first] = send(client, messageOf(1))
    const received = tryReceive(server, first!.message)
    if (received?.kind !== 'unconfirmed') throw new Error('it was not challenged')
    const challenge = protectResponse(received.exchange, received.challenge)
    const again = answerChallenge(first!.request, unprotectResponse(first!.exchange, challenge))
    expect(tryReceive(server, send(client, again!)[0]!.message)?.kind).toBe('accepted')
    expect(tryReceive(server, send(client, messageOf(1))[0]!.message)?.kind).toBe('accepted')
  })
})

describe('a replay window in a store', () => {
  it('goes on where it was kept, once', async () => {
    const at = place()
    const guard = ReplayGuard.ofFreshKeys()
    for (const number of [0, 1, 5]) guard.accept(number, undefined)
    await keepReplayWindow(at, guard)
    const taken = await takeReplayWindow(nodeProvider, at)
    expect(taken.state).toEqual(guard.state)
    expect([1, 4, 5, 6].map((number) => taken.accept(number, undefined))).toEqual([
      'replayed',
      'accepted',
      'replayed',
      'accepted',
    ])
    const again = await takeReplayWindow(nodeProvider, at)
    expect(again.accept(7, undefined)).toBe('unconfirmed')
  })

  it('is lost where none was kept', async () => {
    const taken = await takeReplayWindow(nodeProvider, place())
    expect(taken.challenge).toHaveLength(8)
    expect(taken.state).toBeUndefined()
  })

  it('is lost for whoever is second', async () => {
    const store = memoryStore()
    await keepReplayWindow(place(store), ReplayGuard.ofFreshKeys())
    const both = [place(store), place(store)].map((at) => takeReplayWindow(nodeProvider, at))
    const verdicts = (await Promise.all(both)).map((guard) => guard.accept(0, undefined))
    expect(verdicts.toSorted()).toEqual(['accepted', 'unconfirmed'])
  })

  it('that is lost is not kept, and an old one is removed', async () => {
    const at = place()
    await keepReplayWindow(at, ReplayGuard.ofFreshKeys())
    await keepReplayWindow(at, ReplayGuard.lost(nodeProvider))
    expect((await takeReplayWindow(nodeProvider, at)).state).toBeUndefined()
  })

  it.each([
    [[]],
    [[0]],
    [[-2, 0]],
    [[0, -1]],
    [[0, 2 ** 32]],
    [[2 ** 40, 0]],
    [[0, 0, 0]],
    [['0', 0]],
    [5],
  ])('is not believed as %j', async (value) => {
    const at = place()
    await put(at, value)
    await expect(takeReplayWindow(nodeProvider, at)).rejects.toThrow(corrupt)
  })

  it('is not believed where no CBOR stands', async () => {
    const { store, table, key } = place()
    await store.write([{ table, key, value: Uint8Array.of(0xff) }])
    const at = { store, table, key }
    await expect(takeReplayWindow(nodeProvider, at)).rejects.toThrow(corrupt)
    await store.write([{ table, key, value: Uint8Array.of(0xff) }])
    await expect(SenderSequence.open(sequenceInStore(at))).rejects.toThrow(corrupt)
  })
})

interface Sent {
  readonly request: CoapMessage
  readonly message: CoapMessage
  readonly exchange: ClientExchange
  readonly partialIv: string
}

function send(client: SecurityContext, request: CoapMessage): readonly Sent[] {
  const { message, exchange } = protectRequest(client, request)
  return [{ request, message, exchange, partialIv: toHex(exchange.partialIv) }]
}

/** A server with its window and its numbers from the store. */
async function startServer(at: StorePlace): Promise<SecurityContext> {
  const sequence = await SenderSequence.open(sequenceInStore({ ...at, key: 'sequence' }))
  const replay = await takeReplayWindow(nodeProvider, at)
  return deriveContext(nodeProvider, mirrored(INPUT), { sequence, replay })
}

function tryReceive(server: SecurityContext, message: CoapMessage): ReceivedRequest | undefined {
  try {
    return unprotectRequest(only(server), message)
  } catch (error) {
    expect(error).toHaveProperty('code', 'ERR_REPLAYED')
    return undefined
  }
}
