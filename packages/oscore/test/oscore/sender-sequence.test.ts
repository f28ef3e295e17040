// SPDX-License-Identifier: Apache-2.0
import * as fc from 'fast-check'
import { WaxwingError } from '@waxwing/core'
import { describe, expect, it } from 'vitest'
import { MAX_SEQUENCE_NUMBER, SenderSequence, type SequenceRecord } from '../../src/index.js'
import { recordFrom } from '../support/contexts.js'

/** What happens to one write of a limit. */
type Fate = 'kept' | 'lost' | 'kept, but seems lost'

/** A record that survives, whose writes meet the fates that were drawn. */
function fragileRecord(fates: readonly Fate[]): SequenceRecord {
  let limit = 0
  let writes = 0
  return {
    read: () => Promise.resolve(limit),
    raise: (from, to) => {
      const fate = fates[writes++] ?? 'kept'
      const isOurs = limit === from
      if (isOurs && fate !== 'lost') limit = to
      if (fate !== 'kept') return Promise.reject(new WaxwingError('ERR_STORE_FULL', 'no room'))
      return Promise.resolve(isOurs)
    },
  }
}

const actions = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.constant('take' as const) },
    { weight: 3, arbitrary: fc.constant('ready' as const) },
    { weight: 1, arbitrary: fc.constant('restart' as const) },
    { weight: 1, arbitrary: fc.constant('cut off while reserving' as const) },
  ),
  { maxLength: 80 },
)

describe('SenderSequence', () => {
  it('gives no number twice, wherever processes end and whatever becomes of writes', async () => {
    const fates = fc.array(fc.constantFrom<Fate>('kept', 'lost', 'kept, but seems lost'))
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fates,
        actions,
        async (blockSize, f, walk) => {
          const record = fragileRecord(f)
          const used: number[] = []
          let sequence = await SenderSequence.open(record, { blockSize })
          for (const action of walk) {
            if (action === 'take') used.push(...tryTake(sequence))
            if (action === 'ready') await sequence.ready().catch(() => undefined)
            // The write goes on while the process that asked for it is gone.
            if (action === 'cut off while reserving') void sequence.ready().catch(() => undefined)
            if (action === 'restart' || action === 'cut off while reserving') {
              sequence = await SenderSequence.open(record, { blockSize })
            }
          }
          expect(new Set(used).size).toBe(used.length)
        },
      ),
      { numRuns: 300 },
    )
  })

  it('gives no number twice to processes that share a record', async () => {
    const walks = fc.array(fc.tuple(fc.nat(2), fc.boolean()), { maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), walks, async (blockSize, walk) => {
        const record = recordFrom(0)
        const open = (): Promise<SenderSequence> => SenderSequence.open(record, { blockSize })
        const sequences = [await open(), await open(), await open()]
        const used: number[] = []
        for (const [which, doesTake] of walk) {
          if (doesTake) used.push(...tryTake(sequences[which]!))
          else await sequences[which]!.ready()
        }
        expect(new Set(used).size).toBe(used.length)
      }),
    )
  })

  it('records a limit once for each block', async () => {
    const record = recordFrom(0)
    const sequence = await SenderSequence.open(record, { blockSize: 3 })
    expect(() => sequence.take()).toThrow(expect.objectContaining({ code: 'ERR_NOT_READY' }))
    const taken: number[] = []
    const limits: number[] = []
    for (let i = 0; i < 7; i++) {
      await sequence.ready()
      taken.push(sequence.take())
      limits.push(await record.read())
    }
    expect(taken).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(limits).toEqual([3, 3, 3, 6, 6, 6, 9])
  })

  it('reserves once for all who wait', async () => {
    const record = recordFrom(0)
    const sequence = await SenderSequence.open(record, { blockSize: 2 })
    await Promise.all([sequence.ready(), sequence.ready(), sequence.ready()])
    expect(await record.read()).toBe(2)
  })

  it('ends after 2^40 - 1', async () => {
    const record = recordFrom(MAX_SEQUENCE_NUMBER - 1)
    const sequence = await SenderSequence.open(record, { blockSize: 100 })
    await sequence.ready()
    expect(await record.read()).toBe(MAX_SEQUENCE_NUMBER + 1)
    expect([sequence.take(), sequence.take()]).toEqual([
      MAX_SEQUENCE_NUMBER - 1,
      MAX_SEQUENCE_NUMBER,
    ])
    const again = await SenderSequence.open(record)
    for (const each of [sequence, again]) {
      await each.ready()
      expect(() => each.take()).toThrow(expect.objectContaining({ code: 'ERR_COUNTER_EXHAUSTED' }))
    }
  })

  it('ends as well where another process took the last block', async () => {
    const record = recordFrom(MAX_SEQUENCE_NUMBER)
    const sequences = [await SenderSequence.open(record), await SenderSequence.open(record)]
    for (const sequence of sequences) await sequence.ready()
    expect(sequences[0]!.take()).toBe(MAX_SEQUENCE_NUMBER)
    expect(() => sequences[1]!.take()).toThrow(
      expect.objectContaining({ code: 'ERR_COUNTER_EXHAUSTED' }),
    )
  })

  it('does not believe a record that is damaged, or that does not move', async () => {
    for (const limit of [-1, 0.5, Number.NaN, MAX_SEQUENCE_NUMBER + 2]) {
      await expect(SenderSequence.open(recordFrom(limit))).rejects.toThrow(
        expect.objectContaining({ code: 'ERR_STORE_CORRUPT' }),
      )
    }
    const stuck = { ...recordFrom(5), raise: () => Promise.resolve(false) }
    const sequence = await SenderSequence.open(stuck)
    await expect(sequence.ready()).rejects.toThrow(
      expect.objectContaining({ code: 'ERR_STORE_CORRUPT' }),
    )
  })

  it.each([0, -1, 1.5, Number.NaN])('refuses blocks of %d', async (blockSize) => {
    await expect(SenderSequence.open(recordFrom(0), { blockSize })).rejects.toThrow(RangeError)
  })
})

function tryTake(sequence: SenderSequence): readonly number[] {
  try {
    return [sequence.take()]
  } catch (error) {
    expect(error).toHaveProperty('code', 'ERR_NOT_READY')
    return []
  }
}
