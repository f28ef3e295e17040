// SPDX-License-Identifier: Apache-2.0
/**
 * Bytes as text that survives where SMS carry text only (`docs/spec/09-bindings.md` Section 9.10.5): base 85
 * over characters that ASCII and the GSM 7-bit default alphabet both have in one septet, behind a mark that
 * tells it from what a person wrote.
 *
 * Each sequence of bytes has one armoured form, and decoding takes no other.
 *
 * @module
 */

import { malformed } from '@waxwing/core'

const ALPHABET =
  '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz@$_!"#%&\'()*+,-./:;<=>?'
const MARK = ':%'
const BASE = 85
const GROUP_BYTES = 4
const GROUP_CHARACTERS = 5

const VALUES: ReadonlyMap<string, number> = new Map(
  Array.from(ALPHABET, (character, value) => [character, value]),
)

/** How many bytes fit into so many characters, the mark included. */
export function armourCapacity(characters: number): number {
  const rest = Math.max(0, characters - MARK.length)
  const groups = Math.floor(rest / GROUP_CHARACTERS)
  return groups * GROUP_BYTES + Math.max(0, (rest % GROUP_CHARACTERS) - 1)
}

/** @returns Text of the characters above. */
export function encodeArmour(bytes: Uint8Array): string {
  let text = MARK
  for (let at = 0; at < bytes.length; at += GROUP_BYTES) {
    text += encodeGroup(bytes.subarray(at, at + GROUP_BYTES))
  }
  return text
}

/** Whether a text wants to be armour, and is not a person's. */
export function isArmour(text: string): boolean {
  return text.startsWith(MARK)
}

/** @throws {WaxwingError} `ERR_MALFORMED`, unless `encodeArmour` makes exactly this text. */
export function decodeArmour(text: string): Uint8Array {
  if (!isArmour(text)) throw malformed('armour', 'mark')
  const groups = text.slice(MARK.length)
  const partial = groups.length % GROUP_CHARACTERS
  if (partial === 1) throw malformed('armour', 'length')
  const whole = Math.floor(groups.length / GROUP_CHARACTERS) * GROUP_BYTES
  const bytes = new Uint8Array(whole + Math.max(0, partial - 1))
  for (let at = 0, to = 0; at < groups.length; at += GROUP_CHARACTERS, to += GROUP_BYTES) {
    bytes.set(decodeGroup(groups.slice(at, at + GROUP_CHARACTERS)), to)
  }
  return bytes
}

/** One to four bytes as one character more. */
function encodeGroup(bytes: Uint8Array): string {
  let value = 0
  for (let i = 0; i < GROUP_BYTES; i++) value = value * 256 + (bytes[i] ?? 0)
  let characters = ''
  for (let i = 0; i < GROUP_CHARACTERS; i++) {
    characters = ALPHABET.charAt(value % BASE) + characters
    value = Math.floor(value / BASE)
  }
  return characters.slice(0, bytes.length + 1)
}

function decodeGroup(characters: string): Uint8Array {
  let value = 0
  for (let i = 0; i < GROUP_CHARACTERS; i++) {
    // What is missing counts as the highest, so that what is there rounds to the bytes it was made of.
    const digit = i < characters.length ? VALUES.get(characters.charAt(i)) : BASE - 1
    if (digit === undefined) throw malformed('armour', 'character')
    value = value * BASE + digit
  }
  if (value > 0xffff_ffff) throw malformed('armour', 'group')
  const all = Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value)
  const bytes = all.subarray(0, characters.length - 1)
  if (encodeGroup(bytes) !== characters) throw malformed('armour', 'group')
  return bytes
}
