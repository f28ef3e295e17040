// SPDX-License-Identifier: Apache-2.0
import type { TransportStatus } from '@waxwing/core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { StatusBoard } from '../src/status-board.js'

function boardOf(): { board: StatusBoard; seen: TransportStatus['state'][] } {
  const [board, seen]: [StatusBoard, TransportStatus['state'][]] = [new StatusBoard(), []]
  board.listen(({ state }) => seen.push(state))
  return { board, seen }
}

describe('one status of two connections', () => {
  it('is disconnected while either is, and says so once', () => {
    const { board, seen } = boardOf()
    const [data, control] = [{}, {}]
    board.up(control)
    board.up(data)
    board.down(data)
    board.down(control)
    board.up(control)
    expect(seen).toEqual(['connected', 'disconnected'])
    board.up(data)
    expect(seen).toEqual(['connected', 'disconnected', 'connected'])
  })

  it('is no news before the first connection', () => {
    const { board, seen } = boardOf()
    board.down({})
    expect(seen).toEqual([])
  })

  it('reaches the other listeners although one throws', () => {
    const { board, seen } = boardOf()
    const failure = new Error('a bug of the application')
    const later = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => undefined)
    onTestFinished(() => later.mockRestore())
    board.listen(() => {
      throw failure
    })
    board.listen(({ state }) => seen.push(state))
    board.report(new Error('something'))
    expect(seen).toEqual(['error', 'error'])
    expect(later.mock.calls[0]?.[0]).toThrow(failure)
  })
})
