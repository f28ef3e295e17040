// SPDX-License-Identifier: Apache-2.0
/** What is retained, one's own and of others. */
import { expect, it } from 'vitest'
import { KeptMessages } from '../src/control/kept.ts'
import { decodePage, encodePage, inquiryFor } from '../src/inquiry.ts'

function kept(): { messages: KeptMessages; told: { own: number; others: number } } {
  const told = { own: 0, others: 0 }
  const messages = new KeptMessages(
    () => told.own++,
    () => told.others++,
  )
  return { messages, told }
}

const payloadsOf = (messages: KeptMessages, address: string): number[] =>
  messages.page(inquiryFor(address)).items.map(({ payload }) => payload[0] ?? -1)

it('keeps what is its own, however much others want kept', () => {
  const { messages, told } = kept()
  messages.keep('own', Uint8Array.of(1))
  messages.keepFor('own', Uint8Array.of(2))
  for (let index = 0; index < 5_000; index++) messages.keepFor(`a/${index}`, Uint8Array.of(3))
  expect(payloadsOf(messages, 'own')).toEqual([1])
  expect(payloadsOf(messages, 'a/0')).toEqual([])
  expect(payloadsOf(messages, 'a/4999')).toEqual([3])
  for (let index = 0; index < 100; index++) messages.keepFor(`b/${index}`, new Uint8Array(2 ** 18))
  expect(payloadsOf(messages, 'own')).toEqual([1])
  expect(told.own).toBe(0)
  expect(told.others).toBeGreaterThan(900)
})

it('lets its own oldest go, and says so, where there is too much of its own', () => {
  const { messages, told } = kept()
  for (let index = 0; index < 4_100; index++) messages.keep(`a/${index}`, Uint8Array.of(1))
  expect(payloadsOf(messages, 'a/3')).toEqual([])
  expect(payloadsOf(messages, 'a/4')).toEqual([1])
  expect(told).toEqual({ own: 4, others: 0 })
})

it('keeps four of others for an address beside its own, and gives all of them in pages', () => {
  const { messages } = kept()
  messages.keep('a', Uint8Array.of(0))
  for (const index of [1, 2, 3, 4, 5]) messages.keepFor('a', Uint8Array.of(index))
  expect(payloadsOf(messages, 'a')).toEqual([0, 5, 4, 3, 2])
  for (let index = 0; index < 400; index++) {
    messages.keep(`b/${index}`, Uint8Array.of(0))
    for (const other of [1, 2, 3, 4]) messages.keepFor(`b/${index}`, Uint8Array.of(other))
  }
  const counts: number[] = []
  for (let cursor: string | undefined = ''; cursor !== undefined;) {
    const page = decodePage(encodePage(messages.page({ ...inquiryFor('b/+'), cursor })))
    counts.push(page.items.length)
    cursor = page.cursor
  }
  expect(counts.reduce((sum, count) => sum + count)).toBe(2_000)
})
