// SPDX-License-Identifier: Apache-2.0
import { encodeCbor, TransferProgress, type CborValue, type PieceFacts } from '@waxwing/core'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { outcomeOf } from '../support/outcome.js'

/** The pieces of a payload, in order. */
function piecesOf(size: number, pieceBytes: number, isSizeTold: boolean): PieceFacts[] {
  const count = Math.max(1, Math.ceil(size / pieceBytes))
  return Array.from({ length: count }, (_, index) => ({
    index,
    last: index === count - 1,
    bytes: Math.min(pieceBytes, size - index * pieceBytes),
    ...(isSizeTold && index === 0 ? { size } : {}),
  }))
}

const MOST_BYTES = 4
const MOST_PIECES = 5

/** Whether these are pieces of any payload at all: every payload and every length is tried. */
function explained(pieces: readonly PieceFacts[]): boolean {
  for (let pieceBytes = 1; pieceBytes <= MOST_BYTES; pieceBytes++) {
    for (let size = 0; size <= MOST_BYTES * (MOST_PIECES + 1); size++) {
      const all = piecesOf(size, pieceBytes, true)
      const isOfIt = (piece: PieceFacts): boolean => {
        const right = all[piece.index]
        return (
          right !== undefined &&
          right.last === piece.last &&
          right.bytes === piece.bytes &&
          (piece.size ?? size) === size
        )
      }
      if (pieces.every(isOfIt)) return true
    }
  }
  return false
}

const anyPiece: fc.Arbitrary<PieceFacts> = fc
  .record({
    index: fc.nat({ max: MOST_PIECES - 1 }),
    last: fc.boolean(),
    bytes: fc.nat({ max: MOST_BYTES }),
    size: fc.option(fc.nat({ max: MOST_BYTES * MOST_PIECES }), { nil: undefined }),
  })
  .map(({ size, ...piece }) => (size === undefined || piece.index > 0 ? piece : { ...piece, size }))

function added(pieces: readonly PieceFacts[]): TransferProgress {
  const progress = new TransferProgress()
  for (const piece of pieces) progress.add(piece)
  return progress
}

describe('the progress of a transfer', () => {
  it('accepts exactly the pieces that some payload explains together', () => {
    fc.assert(
      fc.property(fc.array(anyPiece, { maxLength: 8 }), (pieces) => {
        let progress = new TransferProgress()
        const kept: PieceFacts[] = []
        for (const piece of pieces) {
          const isGood = explained([...kept, piece])
          const isKnown = kept.some(({ index }) => index === piece.index)
          const expected = isGood ? (isKnown ? 'duplicate' : 'new') : 'conflict'
          const checked = progress.check(piece)
          expect(progress.add(piece)).toBe(checked)
          expect(['end', 'length', 'size'].includes(checked) ? 'conflict' : checked).toBe(expected)
          if (isGood) kept.push(piece)
          progress = TransferProgress.restore(progress.serialize())
        }
      }),
      { numRuns: 3000 },
    )
  })

  it('is complete when every piece came, in any order and any number of times, and not before', () => {
    const transfer = fc.tuple(fc.nat({ max: 60 }), fc.integer({ min: 1, max: 9 }), fc.boolean())
    fc.assert(
      fc.property(
        transfer,
        fc.array(fc.nat()),
        fc.infiniteStream(fc.nat()),
        (facts, extra, order) => {
          const all = piecesOf(...facts)
          const some = extra.map((n) => all[n % all.length]!)
          const keys = new Map([...all, ...some].map((piece) => [{ piece }, order.next().value]))
          const shuffled = [...keys].toSorted(([, a], [, b]) => a - b).map(([{ piece }]) => piece)
          const progress = new TransferProgress()
          const left = new Set(all.map(({ index }) => index))
          for (const piece of shuffled) {
            expect(progress.isComplete).toBe(false)
            expect(progress.add(piece)).toBe(left.delete(piece.index) ? 'new' : 'duplicate')
            expect(progress.receivedCount).toBe(all.length - left.size)
            const missing = progress.missing().flatMap(({ first, last }) => {
              return Array.from({ length: last - first + 1 }, (_, i) => first + i)
            })
            const {
              pieceCount = Math.max(
                ...all.filter(({ index }) => !left.has(index)).map((p) => p.index),
              ),
            } = progress
            expect(missing).toEqual(
              [...left].filter((index) => index < pieceCount).toSorted((a, b) => a - b),
            )
            if (left.size === 0) break
          }
          expect(progress.isComplete).toBe(true)
          expect([progress.size, progress.receivedBytes]).toEqual([facts[0], facts[0]])
        },
      ),
      { numRuns: 500 },
    )
  })

  it('knows how many pieces there are as soon as the first one says the size', () => {
    const progress = added([{ index: 0, last: false, bytes: 10, size: 95 }])
    expect([progress.pieceCount, progress.size]).toEqual([10, 95])
    expect(progress.missing()).toEqual([{ first: 1, last: 9 }])
    expect(progress.offsetOf(9)).toBe(90)
  })

  it('does not know where a last piece belongs before it has another', () => {
    const progress = added([{ index: 3, last: true, bytes: 5 }])
    expect([progress.offsetOf(3), progress.size, progress.pieceCount]).toEqual([
      undefined,
      undefined,
      4,
    ])
    progress.add({ index: 1, last: false, bytes: 8 })
    expect([progress.offsetOf(3), progress.size]).toEqual([24, 29])
  })

  const conflicts: readonly [string, string, PieceFacts, PieceFacts][] = [
    ['end', 'two ends', { index: 3, last: true, bytes: 1 }, { index: 4, last: true, bytes: 1 }],
    [
      'end',
      'a piece beyond it',
      { index: 3, last: true, bytes: 1 },
      { index: 4, last: false, bytes: 9 },
    ],
    [
      'end',
      'an end below a piece',
      { index: 3, last: false, bytes: 9 },
      { index: 2, last: true, bytes: 1 },
    ],
    [
      'end',
      'a last piece that was not',
      { index: 3, last: false, bytes: 9 },
      { index: 3, last: true, bytes: 9 },
    ],
    [
      'end',
      'a piece that was the last',
      { index: 3, last: true, bytes: 9 },
      { index: 3, last: false, bytes: 9 },
    ],
    [
      'length',
      'two lengths',
      { index: 0, last: false, bytes: 9 },
      { index: 1, last: false, bytes: 8 },
    ],
    [
      'length',
      'a last piece of two lengths',
      { index: 3, last: true, bytes: 9 },
      { index: 3, last: true, bytes: 8 },
    ],
    [
      'length',
      'a last piece above the length',
      { index: 0, last: false, bytes: 9 },
      { index: 1, last: true, bytes: 10 },
    ],
    [
      'size',
      'two sizes',
      { index: 0, last: false, bytes: 9, size: 20 },
      { index: 0, last: false, bytes: 9, size: 21 },
    ],
    [
      'size',
      'an end before the size',
      { index: 0, last: false, bytes: 9, size: 20 },
      { index: 1, last: true, bytes: 9 },
    ],
    [
      'size',
      'a piece that fills it without being the last',
      { index: 0, last: false, bytes: 9, size: 18 },
      { index: 1, last: false, bytes: 9 },
    ],
  ]
  it.each(conflicts)('tells by the %s a contradiction: %s', (verdict, _, first, second) => {
    const progress = added([first])
    const before = progress.serialize()
    expect(progress.check(second)).toBe(verdict)
    expect(progress.add(second)).toBe(verdict)
    expect(progress.serialize()).toEqual(before)
  })

  it.each([
    ['length', { index: 1, last: false, bytes: 0 }],
    ['length', { index: 1, last: true, bytes: 0 }],
    ['size', { index: 0, last: true, bytes: 3, size: 4 }],
    ['size', { index: 0, last: false, bytes: 1, size: 2 ** 24 + 1 }],
    ['size', { index: 0, last: false, bytes: 9, size: 9 }],
  ] as const)('refuses by its %s a piece that no payload has', (verdict, piece) => {
    expect(new TransferProgress().add(piece)).toBe(verdict)
  })

  it.each([
    { index: 2 ** 24, last: true, bytes: 1 },
    { index: -1, last: true, bytes: 1 },
    { index: 0, last: true, bytes: 0.5 },
    { index: 1, last: true, bytes: 1, size: 5 },
    { index: 0, last: true, bytes: 1, size: 2 ** 53 },
  ])('is the bug of its caller with %o', (piece) => {
    expect(() => new TransferProgress().add(piece)).toThrow(RangeError)
  })

  const damaged: readonly [string, CborValue][] = [
    ['no array', 5],
    ['a field too few', [1, null, null, null]],
    ['pieces without a highest index', [1, null, null, null, [[0, 1]]]],
    ['another highest index', [1, null, null, 5, [[0, 1]]]],
    [
      'ranges that touch',
      [
        1,
        null,
        null,
        3,
        [
          [0, 1],
          [2, 3],
        ],
      ],
    ],
    [
      'ranges out of order',
      [
        1,
        null,
        null,
        1,
        [
          [4, 4],
          [0, 1],
        ],
      ],
    ],
    ['a range that runs backwards', [1, null, null, 1, [[3, 1]]]],
    ['a length of nothing', [0, null, null, 0, [[0, 0]]]],
    ['a last piece above the length', [1, 2, null, 1, [[0, 1]]]],
    ['pieces without a length', [null, null, null, 1, [[0, 1]]]],
    ['a length without pieces', [3, 1, null, 0, [[0, 0]]]],
    ['an end without pieces', [null, 1, null, null, []]],
    ['a size without the first piece', [1, null, 9, 1, [[1, 1]]]],
    ['a size that is not kept', [1, 1, 9, 1, [[0, 1]]]],
  ]
  it.each(damaged)('is not restored from %s', (_, value) => {
    expect(outcomeOf(() => TransferProgress.restore(encodeCbor(value)))).toBe('ERR_MALFORMED')
  })
})
