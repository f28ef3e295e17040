// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest'
import { inboxAddress, requestAddress } from '@waxwing/core'
import { memoryStore } from '@waxwing/client'
import { Correspondents, type CorrespondentTerms } from '@waxwing/transport-kit'

const INBOX = inboxAddress(new Uint8Array(32).fill(7))
/** As short as its layout lets it be (`docs/spec/04-objects.md` Section 4.2): it opens to nothing. */
const OBJECT = Uint8Array.from(
  Buffer.from('d08357a40118180448c0ffee00c0ffee000641050a4400000007a050' + '00'.repeat(16), 'hex'),
)

function open(terms: Partial<CorrespondentTerms> = {}): Promise<Correspondents> {
  return Correspondents.open({ table: 'peers', maxPeers: 2, report: failTest, ...terms })
}

function failTest(error: unknown): void {
  throw error
}

describe('correspondents', () => {
  it('knows who said that an inbox is theirs, also for what lies below it', async () => {
    const correspondents = await open()
    correspondents.learnInbox(INBOX, 'desk@example.org')
    expect(correspondents.peersFor(INBOX)).toEqual(['desk@example.org'])
    expect(correspondents.peersFor(`${INBOX}/0123-abc`)).toEqual(['desk@example.org'])
    expect(correspondents.peersFor('plant/1')).toEqual([])
  })

  it('keeps the newest peers of an address, the newest first', async () => {
    const correspondents = await open()
    for (const peer of ['a', 'b', 'a', 'c']) correspondents.learnInbox(INBOX, peer)
    expect(correspondents.peersFor(INBOX)).toEqual(['c', 'a'])
  })

  it('learns nothing from addresses that are no inbox, and from peers of no or too great length', async () => {
    const correspondents = await open()
    correspondents.learnInbox('plant/1', 'a')
    correspondents.learnInbox(`${INBOX}/below`, 'a')
    for (const peer of ['', 'a\nb', 'x'.repeat(321)]) correspondents.learnInbox(INBOX, peer)
    correspondents.learnObject(Uint8Array.of(0xd0), 'a')
    expect(correspondents.peersFor(INBOX)).toEqual([])
    expect(correspondents.peersFor('plant/1')).toEqual([])
  })

  it('sends requests for a kid to where objects with it came from', async () => {
    const correspondents = await open()
    correspondents.learnObject(OBJECT, 'thermometer@example.org')
    const request = requestAddress(Uint8Array.from(Buffer.from('c0ffee00c0ffee00', 'hex')))
    expect(correspondents.peersFor(request)).toEqual(['thermometer@example.org'])
  })

  it('forgets the address of which nothing was heard for longest', async () => {
    const correspondents = await open()
    const kid = (index: number): Uint8Array => Uint8Array.of(0, 0, 0, 0, 0, 0, index >> 8, index)
    const inbox = (index: number): string =>
      inboxAddress(new Uint8Array([...new Uint8Array(24), ...kid(index)]))
    for (let index = 0; index < 4_096; index++) correspondents.learnInbox(inbox(index), 'a')
    correspondents.learnInbox(inbox(0), 'a')
    correspondents.learnInbox(INBOX, 'b')
    expect(correspondents.peersFor(inbox(0))).toEqual(['a'])
    expect(correspondents.peersFor(inbox(1))).toEqual([])
    expect(correspondents.peersFor(INBOX)).toEqual(['b'])
  })

  it('remembers in a store, and in it forgets as well', async () => {
    const store = memoryStore()
    const first = await open({ store })
    first.learnInbox(INBOX, 'a')
    first.learnInbox(INBOX, 'b')
    await first.settled()
    const second = await open({ store })
    expect(second.peersFor(INBOX)).toEqual(['b', 'a'])
  })

  it('keeps little for a store that is slower than what anybody can make it learn', async () => {
    const store = memoryStore()
    const isReady = Promise.withResolvers<void>()
    let count = 0
    const slow = {
      ...store,
      scan: store.scan.bind(store),
      write: async (changes: Parameters<typeof store.write>[0]) => {
        count++
        await isReady.promise
        return store.write(changes)
      },
    }
    const correspondents = await open({ store: slow })
    const inboxes = Array.from({ length: 10_000 }, (_, index) => {
      const id = Buffer.alloc(32)
      id.writeUInt32BE(index)
      return inboxAddress(id)
    })
    for (const inbox of inboxes) correspondents.learnInbox(inbox, 'a')
    isReady.resolve()
    await correspondents.settled()
    expect(count).toBeLessThan(30)
    const left = await store.scan('peers', { limit: 10_000 })
    expect(new Set(left.map(({ key }) => key))).toEqual(new Set(inboxes.slice(-4_096)))
  })

  it('reports a store that refuses, and knows the hint all the same', async () => {
    const reported: unknown[] = []
    const store = memoryStore()
    store.write = () => Promise.reject(new Error('full'))
    const correspondents = await open({ store, report: (error) => void reported.push(error) })
    correspondents.learnInbox(INBOX, 'a')
    await correspondents.settled()
    expect(reported).toEqual([new Error('full')])
    expect(correspondents.peersFor(INBOX)).toEqual(['a'])
  })
})
