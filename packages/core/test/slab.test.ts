// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { Slab } from '../src/slab.js'

describe('a slab', () => {
  it('gives out zeros, of just the length, that nobody else has', () => {
    const slab = new Slab()
    const pieces = [0, 1, 100, 1024, 1025, 5000].flatMap((length) =>
      Array.from({ length: 20 }, () => slab.take(length)),
    )
    for (const [i, piece] of pieces.entries()) {
      expect(piece.every((byte) => byte === 0)).toBe(true)
      piece.fill(i + 1)
    }
    for (const [i, piece] of pieces.entries()) {
      expect(piece.every((byte) => byte === i + 1)).toBe(true)
    }
    expect(pieces.map(({ length }) => length)).toEqual(
      [0, 1, 100, 1024, 1025, 5000].flatMap((length) => Array<number>(20).fill(length)),
    )
  })

  it('cuts pieces of up to 1,024 bytes from one buffer of 8,192, side by side', () => {
    const slab = new Slab()
    const pieces = Array.from({ length: 8 }, () => slab.take(1024))
    const buffer = pieces[0]?.buffer
    expect(buffer?.byteLength).toBe(8192)
    expect(pieces.every((piece) => piece.buffer === buffer)).toBe(true)
    expect(pieces.map(({ byteOffset }) => byteOffset)).toEqual(pieces.map((_, i) => i * 1024))
    const next = slab.take(1)
    expect(next.buffer).not.toBe(buffer)
    expect(next.byteOffset).toBe(0)
  })

  it('gives what is larger a buffer of its own, between pieces of another', () => {
    const slab = new Slab()
    const before = slab.take(10)
    expect(slab.take(1025).buffer.byteLength).toBe(1025)
    const after = slab.take(10)
    expect(after.buffer).toBe(before.buffer)
    expect(after.byteOffset).toBe(10)
  })
})
