// SPDX-License-Identifier: Apache-2.0
/**
 * `vectors/armour.json`: bytes as text for SMS that carry text only, and text that is no armour
 * (`docs/spec/09-bindings.md` Section 9.10.5).
 *
 * @module
 */

import { bytesOf } from './primitives.ts'
import { Cases, type VectorFile } from './vector-file.ts'

const DIGITS = '0123456789'
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const CHARACTERS = `${DIGITS}${LETTERS}${LETTERS.toLowerCase()}@$_!"#%&'()*+,-./:;<=>?`

export function armour(): VectorFile {
  const cases = new Cases()
  addValid(cases)
  addRefused(cases)
  return cases.file(
    'armour',
    'A valid case is bytes and their text, each to be made from the other. A refused case is text ' +
      'that is no armour. Byte strings are hex.',
  )
}

/** Group by group, each as one whole number. */
function armoured(bytes: Uint8Array): string {
  let text = ':%'
  for (let at = 0; at < bytes.length; at += 4) {
    const group = [...bytes.subarray(at, at + 4)]
    const padded = [...group, 0, 0, 0].slice(0, 4)
    const value = padded.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n)
    const places = [4n, 3n, 2n, 1n, 0n].map((power) => Number((value / 85n ** power) % 85n))
    text += places
      .slice(0, group.length + 1)
      .map((place) => CHARACTERS.charAt(place))
      .join('')
  }
  return text
}

function addValid(cases: Cases): void {
  const add = (comment: string, bytes: Uint8Array): void => {
    cases.valid(comment, { bytes, text: armoured(bytes) })
  }
  add('nothing', Uint8Array.of())
  for (const length of [1, 2, 3, 4, 5, 6, 7, 8]) {
    add(`${length} zeros`, new Uint8Array(length))
    add(`${length} times ff`, new Uint8Array(length).fill(0xff))
    add(`${length} bytes`, bytesOf(`armour ${length}`, length))
  }
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  add('every byte', all)
  const every = Uint8Array.from({ length: 85 * 4 }, (_, i) => everyDigit(i))
  add('every character in each place', every)
}

/** Groups whose five digits are all the same: 0, 1, … up to what four bytes hold. */
function everyDigit(at: number): number {
  const digit = BigInt(Math.floor(at / 4)) % 82n
  const value = digit * (1n + 85n + 85n ** 2n + 85n ** 3n + 85n ** 4n)
  return Number((value >> (8n * BigInt(3 - (at % 4)))) & 0xffn)
}

function addRefused(cases: Cases): void {
  const add = (comment: string, text: string): void => {
    cases.refused('ERR_MALFORMED', comment, { text })
  }
  add('nothing', '')
  add('half a mark', ':')
  add('no mark', '00000')
  add('a mark in the wrong order', '%:00000')
  add('a single character', ':%0')
  add('a single character after a group', ':%000000')
  add('a space', ':%00 00')
  add('a character of ASCII that GSM has not', ':%00[00')
  add('a character of GSM that ASCII has not', ':%00é00')
  add('a line break at the end', ':%00000\n')
  add('a group above four bytes', ':%?????')
  add('the first group above four bytes', aboveFourBytes())
  add('two characters, of which the second says more than a byte', ':%01')
  add('three characters, of which the third says more than two bytes', ':%001')
  add('four characters, of which the fourth says more than three bytes', ':%0001')
  add('two characters above a byte', ':%??')
}

/** One more than ff ff ff ff. */
function aboveFourBytes(): string {
  const places = [4n, 3n, 2n, 1n, 0n].map((power) => Number((2n ** 32n / 85n ** power) % 85n))
  return `:%${places.map((place) => CHARACTERS.charAt(place)).join('')}`
}
