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
  keepFreshState,
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
/** A place of new keys. */
async function freshPlace(store?: Store): Promise<StorePlace> {
  const at = place(store)
  await keepFreshState(at)
  return at
}
const put = (at: StorePlace, suffix: string, value: Uint8Array): Promise<boolean> =>
  at.store.write([{ table: at.table, key: at.key + suffix, value }])
const corrupt: unknown = expect.objectContaining({ code: 'ERR_STORE_CORRUPT' })

describe('a sequence in a store', () => {
  it('goes on behind every block that was ever reserved', async () => {
    const at = await freshPlace()
    const firsts: number[] = []
    for (let start = 0; start < 3; start++) {
      const sequence = await SenderSequence.open(sequenceInStore(at), { blockSize: 10 })
      await sequence.ready()
      firsts.push(sequence.take())
    }
    expect(firsts).toEqual([0, 10, 20])
  })

  it('is shared by processes', async () => {
    const at = await freshPlace()
    const [a, b] = [
      await SenderSequence.open(sequenceInStore(at), { blockSize: 10 }),
      await SenderSequence.open(sequenceInStore(at), { blockSize: 10 }),
    ]
    await a.ready()
    await b.ready()
    expect([a.take(), b.take(), a.take(), b.take()]).toEqual([0, 10, 1, 11])
  })

  it.each(['text', -1, 2 ** 41, null])('is not believed with a limit of %s', async (limit) => {
    const at = await freshPlace()
    await put(at, '/sequence', encodeCbor(limit))
    await expect(SenderSequence.open(sequenceInStore(at))).rejects.toThrow(corrupt)
  })

  it('never begins where none was kept, or where it was lost', async () => {
    const lost: unknown = expect.objectContaining({
      code: 'ERR_STORE_CORRUPT',
      details: { rule: 'lost sender sequence' },
    })
    await expect(SenderSequence.open(sequenceInStore(place()))).rejects.toThrow(lost)
    const at = await freshPlace()
    const running = await SenderSequence.open(sequenceInStore(at), { blockSize: 1 })
    await running.ready()
    running.take()
    await at.store.write([{ table: at.table, key: `${at.key}/sequence`, value: null }])
    await expect(running.ready()).rejects.toThrow(lost)
    await expect(SenderSequence.open(sequenceInStore(at))).rejects.toThrow(lost)
  })

  it('shares its place with the window, and repeats no number over any end', async () => {
    const at = await freshPlace()
    const firsts: number[] = []
    for (let start = 0; start < 4; start++) {
      const guard = await takeReplayWindow(nodeProvider, at)
      const sequence = await SenderSequence.open(sequenceInStore(at), { blockSize: 10 })
      await sequence.ready()
      firsts.push(sequence.take())
      if (start === 2) continue
      await keepReplayWindow(at, guard)
    }
    expect(firsts).toEqual([0, 10, 20, 30])
  })

  it('is new once', async () => {
    const at = await freshPlace()
    const conflict: unknown = expect.objectContaining({ code: 'ERR_CONFLICT' })
    await expect(keepFreshState(at)).rejects.toThrow(conflict)
    const sequence = await SenderSequence.open(sequenceInStore(at))
    await sequence.ready()
    await expect(keepFreshState(at)).rejects.toThrow(conflict)
    await takeReplayWindow(nodeProvider, at)
    await expect(keepFreshState(at)).rejects.toThrow(conflict)
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
        const at = await freshPlace()
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
    const at = await freshPlace()
    await takeReplayWindow(nodeProvider, at)
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

  it('that is lost is not kept, and leaves everything as it was', async () => {
    const at = await freshPlace()
    await takeReplayWindow(nodeProvider, at)
    const before = await at.store.scan(at.table)
    expect(await keepReplayWindow(at, ReplayGuard.lost(nodeProvider))).toBe(false)
    expect(await at.store.scan(at.table)).toEqual(before)
  })

  it('is the last one: its guard accepts nothing from then on', async () => {
    const at = await freshPlace()
    const guard = await takeReplayWindow(nodeProvider, at)
    const kept = keepReplayWindow(at, guard)
    const closed: unknown = expect.objectContaining({ code: 'ERR_CLOSED' })
    expect(() => guard.accept(0, undefined)).toThrow(closed)
    expect(await kept).toBe(true)
    expect(() => guard.accept(0, undefined)).toThrow(closed)
  })

  it('is not overwritten by a process that has a successor', async () => {
    const at = await freshPlace()
    const old = await takeReplayWindow(nodeProvider, at)
    const next = await takeReplayWindow(nodeProvider, at)
    expect(next.accept(5, next.challenge)).toBe('accepted')
    // Neither while the successor runs, nor after it kept its own.
    expect(await keepReplayWindow(at, old)).toBe(false)
    expect(await keepReplayWindow(at, next)).toBe(true)
    expect(await keepReplayWindow(at, old)).toBe(false)
    const third = await takeReplayWindow(nodeProvider, at)
    expect(third.accept(5, undefined)).toBe('replayed')
  })

  it('of fresh keys is kept where nothing stands, and nowhere else', async () => {
    const at = place()
    const first = ReplayGuard.ofFreshKeys()
    await takeReplayWindow(nodeProvider, at)
    expect(await keepReplayWindow(at, first)).toBe(false)
    expect(await keepReplayWindow(place(), ReplayGuard.ofFreshKeys())).toBe(true)
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
    [Uint8Array.of(1)],
  ])('is not believed as %j', async (value) => {
    const at = place()
    await put(at, '/window', encodeCbor(value))
    await expect(takeReplayWindow(nodeProvider, at)).rejects.toThrow(corrupt)
  })

  it('is not believed where no CBOR stands', async () => {
    const at = place()
    await put(at, '/window', Uint8Array.of(0xff))
    await put(at, '/sequence', Uint8Array.of(0xff))
    await expect(takeReplayWindow(nodeProvider, at)).rejects.toThrow(corrupt)
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
  const sequence = await SenderSequence.open(sequenceInStore(at))
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
