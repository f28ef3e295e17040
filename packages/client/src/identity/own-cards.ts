// SPDX-License-Identifier: Apache-2.0
/**
 * The rules of our own key cards (`docs/spec/06-identity.md` Section 6.4): when a new one is due,
 * which number it gets, and when private keys are deleted. Pure but for the making of keys.
 *
 * @module
 */

import {
  CLOCK_SKEW_SECONDS,
  decodeKeyCard,
  generateKemKeyPair,
  signKeyCard,
  type CryptoProvider,
  type Ed25519SigningKey,
  type KemKeyPair,
  type KemKind,
} from '@waxwing/core'
import type { TimeKeeper } from '../time-keeper.js'
import type { CardKeys } from './own-records.js'

/** How long private keys are kept after their card expired, in seconds: 30 days. */
export const CARD_GRACE_SECONDS = 2_592_000

/** A card is renewed when less than one part in so many of its life is left. */
const DUE_PART = 3

/** The author of cards. */
export interface CardAuthor {
  readonly id: Uint8Array
  readonly key: Ed25519SigningKey
}

/** What a card has keys for, if nobody chooses. */
export const ALL_KEMS: readonly KemKind[] = ['x25519', 'x-wing']

/** @throws {RangeError} If a card cannot have keys of these kinds: X25519, alone or with X-Wing. */
export function checkKems(kems: readonly KemKind[]): void {
  const isKnown = kems.every((kind) => ALL_KEMS.includes(kind))
  if (isKnown && kems.includes('x25519') && new Set(kems).size === kems.length) return
  throw new RangeError(`kems must be x25519, or x25519 and x-wing, not ${kems.join(', ')}`)
}

/** Makes KEM keys for a card, of each kind one. */
export async function makeKemKeys(
  crypto: CryptoProvider,
  kems: readonly KemKind[] = ALL_KEMS,
): Promise<readonly KemKeyPair[]> {
  const made: KemKeyPair[] = []
  for (const kind of kems) made.push(await generateKemKeyPair(crypto, kind))
  return made
}

/** Signs a card over keys. */
export function makeCard(
  author: CardAuthor,
  keys: readonly KemKeyPair[],
  validity: { readonly issued: number; readonly lifeSeconds: number },
): CardKeys {
  const { issued, lifeSeconds } = validity
  const publicKeys = keys.map(({ kind, publicKey }) => ({ kind, publicKey }))
  const fields = { issued, expires: issued + lifeSeconds, keys: publicKeys }
  return { card: decodeKeyCard(signKeyCard(fields, author.id, author.key)), keys }
}

/**
 * Whether the current card, the last one, is to be replaced.
 *
 * @param kems - What it has to have keys for, and nothing else; left out: whatever it has.
 */
export function isCardDue(
  cards: readonly CardKeys[],
  time: TimeKeeper,
  kems?: readonly KemKind[],
): boolean {
  const current = cards.at(-1)
  if (current === undefined) return true
  if (kems !== undefined && !isSameKinds(kems, current)) return true
  const { issued, expires } = current.card
  return (expires - secondsOf(time)) * DUE_PART < expires - issued || isFromFuture(current, time)
}

/**
 * The number of the next card: the time of issue, and higher than any before.
 *
 * A number from the future is left out: it was made while the clock was wrong, nobody whose clock is
 * right has accepted it, and to go on from it would lock everybody out until that time comes.
 */
export function nextCardNumber(cards: readonly CardKeys[], time: TimeKeeper): number {
  const numbers = cards.filter((card) => !isFromFuture(card, time)).map(({ card }) => card.issued)
  return Math.max(secondsOf(time), ...numbers.map((issued) => issued + 1))
}

/**
 * The cards whose private keys are still kept: the current one, and those not yet expired for a
 * grace. Where a time is confirmed, that one counts, so that a clock that jumps ahead deletes nothing.
 */
export function cardsToKeep(cards: readonly CardKeys[], time: TimeKeeper): readonly CardKeys[] {
  const confirmed = time.confirmedMs === undefined ? Infinity : Math.floor(time.confirmedMs / 1000)
  const limit = Math.min(secondsOf(time), confirmed) - CARD_GRACE_SECONDS
  return cards.filter(({ card }, i) => i === cards.length - 1 || card.expires > limit)
}

/** The kinds of KEM keys that a card has. */
export function kemsOf({ keys }: CardKeys): readonly KemKind[] {
  return keys.map(({ kind }) => kind)
}

function isSameKinds(kems: readonly KemKind[], card: CardKeys): boolean {
  const held = kemsOf(card)
  return held.length === kems.length && kems.every((kind) => held.includes(kind))
}

/** Whether a card is dated in the future, by a time that is borne out. */
function isFromFuture({ card }: CardKeys, time: TimeKeeper): boolean {
  return time.isConfirmed && card.issued > secondsOf(time) + CLOCK_SKEW_SECONDS
}

function secondsOf(time: TimeKeeper): number {
  return Math.floor(time.now() / 1000)
}
