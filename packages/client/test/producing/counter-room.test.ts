import { describe, expect, it } from 'vitest'
import { CounterRoom } from '../../src/producing/counter-room.js'

describe('a room of counters', () => {
  it('is empty at first, and goes on from block to block', () => {
    const room = new CounterRoom()
    expect(room).toMatchObject({ left: 0, last: -1, isShort: true })
    room.add(0, 2)
    room.add(7, 9)
    const used: number[] = []
    while (room.left > 0) {
      used.push(room.next)
      room.useUpTo(room.next + 1)
    }
    expect(used).toEqual([0, 1, 7, 8])
    expect(room.last).toBe(8)
  })

  it('takes blocks that touch for one, and uses nothing twice', () => {
    const room = new CounterRoom()
    room.add(0, 4)
    room.useUpTo(3)
    room.useUpTo(1)
    room.add(4, 8)
    expect(room).toMatchObject({ left: 5, next: 3, last: 2 })
    expect(room.close()).toEqual({ next: 3, end: 8 })
  })

  it('gives back only the end of what was reserved last, and has nothing more', () => {
    const room = new CounterRoom()
    room.add(0, 4)
    room.add(8, 12)
    expect(room.close()).toEqual({ next: 8, end: 12 })
    expect(room).toMatchObject({ left: 0, isShort: false })
    expect(room.close()).toBeUndefined()
    expect(new CounterRoom().close()).toBeUndefined()
  })

  it('asks for more at once by those who use much, up to a limit', () => {
    const room = new CounterRoom()
    const sizes = Array.from({ length: 9 }, (_, i) => room.sizeAt(i * 999))
    expect(sizes).toEqual([64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096])
    expect(room.sizeAt(10_000)).toBe(64)
  })
})
