// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { PEER_MAKERS } from '../src/peers/all.ts'
import type { Peer, Sealed } from '../src/peers/peer.ts'
import { waxwingBatchPeer } from '../src/peers/waxwing-batch.ts'
import { waxwingPeers } from '../src/peers/waxwing.ts'

const peers: Peer[] = []
for (const maker of [waxwingPeers, ...PEER_MAKERS]) peers.push(...(await maker()))

function bytes(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (7 * index) % 251)
}

/** The last byte of each format is of a tag or a signature, and so is the third letter from the end. */
function altered(sealed: Sealed): Sealed {
  if (typeof sealed !== 'string')
    return sealed.map((byte, index) => byte ^ (index === sealed.length - 1 ? 1 : 0))
  const letter = sealed.at(-3) === 'A' ? 'B' : 'A'
  return `${sealed.slice(0, -3)}${letter}${sealed.slice(-2)}`
}

describe.each(peers)('$name', (peer) => {
  it.each([32, 4096])('opens the %i bytes that it sealed', async (length) => {
    const plaintext = bytes(length)
    const sealed = await peer.seal(plaintext)
    expect(sealed.length).toBeGreaterThan(length)
    expect(Buffer.from(await peer.open(sealed))).toEqual(Buffer.from(plaintext))
  })

  it('does not open what was altered', async () => {
    const sealed = altered(await peer.seal(bytes(32)))
    await expect((async () => peer.open(sealed))()).rejects.toThrow()
  })

  it('says its version, and in one sentence which of its ways it is', () => {
    expect(peer.version).toMatch(/^\d+\.\d+\.\d+$/)
    expect(peer.mode).toMatch(/^[^.]+[^.]$/)
  })
})

describe('Waxwing with one signature for many', () => {
  it('opens each of the objects that it sealed', () => {
    const peer = waxwingBatchPeer()
    const plaintexts = [bytes(32), bytes(4096), bytes(32)]
    expect(peer.openBatch(peer.sealBatch(plaintexts))).toEqual(plaintexts)
  })
})

describe('the peers', () => {
  it('are as many that sign as are promised, and as many that do not', () => {
    const names = (signed: boolean): string[] =>
      peers.filter((peer) => peer.signed === signed).map(({ name }) => name)
    expect(names(false)).toHaveLength(7)
    expect(names(true)).toHaveLength(7)
    expect(new Set(peers.map(({ name }) => name)).size).toBe(peers.length)
  })
})
