// SPDX-License-Identifier: Apache-2.0
/** What is retained, one's own and of others. */
import { expect, it } from 'vitest'
import { KeptMessages } from '../src/control/kept.ts'
import { inquiryFor } from '../src/inquiry.ts'

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
