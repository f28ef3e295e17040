// SPDX-License-Identifier: Apache-2.0
/**
 * What a reader has to say, in words for people who never heard of Waxwing.
 *
 * @module
 */

import type { Message, WaxwingEvent } from '@waxwing/client'
import type { Text } from './layout.js'
import { formatTime } from './story-clock.js'

/** A message that was opened and verified. */
export function openedWords(message: Message): Text[] {
  const { sealedAt, protection } = message
  const who = protection.signedBy?.name ?? 'unsigned'
  const when = sealedAt === undefined ? 'at an unknown time' : formatTime(sealedAt)
  const text = `opened: ${shownReading(message.text())} (${who}, ${when})`
  return [{ text, tone: 'good' }]
}

/** The reading in a message: `21.4 °C`. */
export function shownReading(text: string): string {
  const { celsius } = JSON.parse(text) as { celsius: number }
  return `${celsius.toFixed(1)} °C`
}

/** The events that the story is about. */
export function eventWords(event: WaxwingEvent): Text[] {
  switch (event.type) {
    case 'parked':
      return [{ text: 'parked: it has no key for this', tone: 'waiting' }]
    case 'denial':
      return [{ text: `told no: ${event.code}`, tone: 'bad' }]
    case 'duplicate':
      return [{ text: 'duplicate: it had this one already', tone: 'bad' }]
    case 'gap':
      return [{ text: `gap: ${numbers(event.missing)}`, tone: 'bad' }]
    case 'gap-filled':
      return [{ text: `gap filled: number ${event.counter ?? '?'} came late`, tone: 'good' }]
    case 'not-authentic':
      return [{ text: 'not authentic: changed on the way, or forged', tone: 'bad' }]
    case 'malformed':
      return [{ text: 'malformed: this is no sealed object', tone: 'bad' }]
    case 'moved':
      return [{ text: `moved: it belongs to ${event.stream}`, tone: 'bad' }]
    default:
      return [{ text: event.type, tone: 'plain' }]
  }
}

function numbers({ first, last }: { first: number; last: number }): string {
  return first === last ? `number ${first} is missing` : `numbers ${first} to ${last} are missing`
}
