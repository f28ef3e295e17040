// SPDX-License-Identifier: Apache-2.0
/**
 * Text as the bytes of an SMS over SMPP, and back (SMPP v3.4 Section 5.2.19, 3GPP TS 23.038 Sections 4 and
 * 6.2.1).
 *
 * Centres disagree on what data coding 0 is: GSM's default alphabet, or ASCII. Three characters of the
 * armour have other numbers in the two, and none of these six numbers is a character of the armour in
 * both; so both are read.
 *
 * @module
 */

/** What only the GSM alphabet has at these numbers, of the characters of the armour. */
const GSM_NUMBERS: Readonly<Record<string, number>> = { '@': 0x00, $: 0x02, _: 0x11 }
const GSM_CHARACTERS: Readonly<Record<number, string>> = { 0x00: '@', 0x02: '$', 0x11: '_' }

const ASCII = 0x01
const LATIN1 = 0x03
const UCS2 = 0x08
const SMPP_BYTES: ReadonlySet<number> = new Set([0x02, 0x04])
const FIRST_OF_NETWORK = 0x10

/** @param text - Of the characters of the armour. */
export function textToBytes(text: string, alphabet: 'gsm' | 'ascii'): Uint8Array {
  const own = alphabet === 'gsm' ? GSM_NUMBERS : {}
  return Uint8Array.from(text, (character) => own[character] ?? character.charCodeAt(0))
}

/**
 * What is armour in it comes out exactly; what a person wrote, as far as ASCII, Latin-1 or UCS-2 have it.
 *
 * @param dataCoding - As the message said. Anything that is not known is read as 0.
 */
export function bytesToText(bytes: Uint8Array, dataCoding: number): string {
  if (isUcs2(dataCoding)) return ucs2ToText(bytes)
  const characters = Array.from(bytes, (byte) => {
    if (dataCoding === ASCII || dataCoding === LATIN1) return String.fromCharCode(byte)
    return GSM_CHARACTERS[byte] ?? String.fromCharCode(byte)
  })
  return characters.join('')
}

/**
 * Whether a message says that it is bytes. Numbers below 16 are SMPP's own, of which most are alphabets of
 * texts; those above are as the network has them (3GPP TS 23.038 Section 4).
 */
export function isBinaryCoding(dataCoding: number): boolean {
  if (dataCoding < FIRST_OF_NETWORK) return SMPP_BYTES.has(dataCoding)
  const isClass = (dataCoding & 0xf4) === 0xf4
  return isGeneral(dataCoding, 0x04) || isClass
}

/** Of the general groups, not compressed, with or without a class, to be deleted automatically or not. */
function isGeneral(dataCoding: number, alphabet: number): boolean {
  return (dataCoding & 0xac) === alphabet
}

function isUcs2(dataCoding: number): boolean {
  if (dataCoding < FIRST_OF_NETWORK) return dataCoding === UCS2
  return isGeneral(dataCoding, UCS2)
}

function ucs2ToText(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at + 1 < bytes.length; at += 2) {
    text += String.fromCharCode((bytes[at]! << 8) | bytes[at + 1]!)
  }
  return text.toWellFormed()
}
