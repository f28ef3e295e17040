// SPDX-License-Identifier: Apache-2.0
/**
 * Which numbers an address stands for (`docs/spec/09-bindings.md` Section 9.10.4): what is configured for it, who
 * was heard of, what is configured for many. And numbers as SMPP writes them.
 *
 * @module
 */

import { isControlAddress, type WaxwingError } from '@waxwing/core'
import { filterMatches, inboxOf, transportError, type Correspondents } from '@waxwing/transport-kit'
import { NUMBER_PREFIX, principalOf, SENDER_BYTES, shortInbox, type Letter } from './envelope.js'
import type { PduAddress } from './smpp/pdu.js'

export type Coding = 'binary' | 'text'

/** Types of numbers (SMPP v3.4 Section 5.2.5), and the one plan. */
const TON = { unknown: 0, international: 1, alphanumeric: 5 } as const
const NPI_ISDN = 1
/** Shorter ones are short codes of one network. */
const SHORTEST_INTERNATIONAL = 7

const NUMBER = /^[0-9]{3,15}$/

/** Where a message goes. */
export interface Places {
  /** At least one; digits. */
  readonly numbers: readonly string[]
  /** Whether they are the numbers of the inbox's owner itself. */
  readonly isDirect: boolean
}

export interface PlaceOptions {
  readonly numbers?: Readonly<Record<string, string>>
  readonly routes?: Readonly<Record<string, string | readonly string[]>>
}

/** Digits, of `+` and digits or of digits alone. @throws {TypeError} Naming the option. */
export function numberOf(text: string, option: string): string {
  const digits = /^\+?([0-9]{3,15})$/.exec(text)?.[1]
  if (digits === undefined) throw new TypeError(`${option} has what is no number: ${text}`)
  return digits
}

/** The own number or name. @throws {TypeError} */
export function sourceOf(text: string): PduAddress {
  if (/^[A-Za-z][\w .-]{0,10}$/.test(text)) {
    return { ton: TON.alphanumeric, npi: 0, digits: text }
  }
  return destinationOf(numberOf(text, 'source'))
}

export function destinationOf(digits: string): PduAddress {
  return digits.length < SHORTEST_INTERNATIONAL
    ? { ton: TON.unknown, npi: 0, digits }
    : { ton: TON.international, npi: NPI_ISDN, digits }
}

/** The name of a sender in addresses: its digits, or its name in the form of a part of a URL. */
export function peerOf({ digits }: PduAddress): string {
  return encodeURIComponent(digits.replace(/^\+(?=[0-9]+$)/, ''))
}

/** @throws {WaxwingError} `ERR_TRANSPORT` if no number is known; it says what to configure. */
export function placesOf(
  address: string,
  options: PlaceOptions,
  correspondents: Correspondents,
): Places {
  if (address.startsWith(NUMBER_PREFIX)) return numberAddress(address)
  const inbox = inboxOf(address)
  const own = inbox === undefined ? undefined : ownersNumber(inbox, options)
  if (own !== undefined) return { numbers: [own], isDirect: true }
  const isControl = isControlAddress(address)
  const configured = routesFor(address, options.routes, isControl)
  if (configured.length > 0) return { numbers: configured, isDirect: false }
  const learned = isControl ? learnedFor(address, inbox, correspondents) : []
  if (learned.length > 0) return { numbers: learned, isDirect: inbox !== undefined }
  const others = isControl ? routesFor(address, options.routes, false) : []
  if (others.length > 0) return { numbers: others, isDirect: false }
  throw noNumber(address, inbox !== undefined)
}

function numberAddress(address: string): Places {
  const digits = address.slice(NUMBER_PREFIX.length)
  if (!NUMBER.test(digits)) {
    throw transportError(`${address} is no number that can be written to`)
  }
  return { numbers: [digits], isDirect: false }
}

function ownersNumber(inbox: string, { numbers = {} }: PlaceOptions): string | undefined {
  const principal = inbox.slice(inbox.lastIndexOf('/') + 1)
  const number = Object.hasOwn(numbers, principal) ? numbers[principal] : undefined
  return number === undefined ? undefined : numberOf(number, 'numbers')
}

/** @param isForControl - Only filters that are for control addresses. */
function routesFor(
  address: string,
  routes: PlaceOptions['routes'] = {},
  isForControl: boolean,
): readonly string[] {
  const found = new Set<string>()
  for (const [filter, targets] of Object.entries(routes)) {
    if (isForControl && !isControlAddress(filter)) continue
    if (!filterMatches(filter, address)) continue
    for (const number of typeof targets === 'string' ? [targets] : targets) {
      found.add(numberOf(number, 'routes'))
    }
  }
  return [...found]
}

function learnedFor(
  address: string,
  inbox: string | undefined,
  correspondents: Correspondents,
): readonly string[] {
  const sender = inbox === undefined ? undefined : senderOf(inbox)
  if (inbox !== undefined && sender === undefined) return []
  const peers = correspondents.peersFor(sender === undefined ? address : shortInbox(sender))
  return peers.filter((peer) => NUMBER.test(peer)) // to a name nobody can write
}

function noNumber(address: string, isInbox: boolean): WaxwingError {
  const what = isInbox ? 'set numbers for that principal, or routes' : 'set routes'
  return transportError(`no number is known for ${address}: ${what}`)
}

/** Remembers what a message says of who is where. */
export function learnFrom(letter: Letter, source: string, correspondents: Correspondents): void {
  const { to, sender, payload } = letter
  if (sender !== undefined) correspondents.learnInbox(shortInbox(sender), source)
  const isControl = to.kind === 'inbox' || (to.kind === 'address' && isControlAddress(to.address))
  if (!isControl) correspondents.learnObject(payload, source)
}

/** The first bytes of the principal whose inbox this is. */
export function senderOf(inbox: string): Uint8Array | undefined {
  const principal = principalOf(inbox)
  return principal === undefined || principal.length < SENDER_BYTES
    ? undefined
    : principal.slice(0, SENDER_BYTES)
}
