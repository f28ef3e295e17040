// SPDX-License-Identifier: Apache-2.0
/**
 * Transfer encodings (RFC 2045 Section 6), undone to the exact bytes: nothing is taken for text, no line
 * end is added or changed. What gateways leave behind is borne: other line lengths, white space at line
 * ends, padding within base64.
 *
 * @module
 */

const [LF, CR, EQUALS, SPACE, TAB] = [0x0a, 0x0d, 0x3d, 0x20, 0x09]

/**
 * Undoes a transfer encoding.
 *
 * @param encoding - The field `Content-Transfer-Encoding`; left out: none.
 * @returns The bytes, a copy; `undefined` where the encoding is unknown.
 */
export function decodeBody(body: Uint8Array, encoding: string | undefined): Uint8Array | undefined {
  switch ((encoding ?? '').replace(/\(.*$/s, '').replaceAll('"', '').trim().toLowerCase()) {
    case '':
    case '7bit':
    case '8bit':
    case 'binary':
      return new Uint8Array(body)
    case 'base64':
      return decodeBase64(body)
    case 'quoted-printable':
      return decodeQuotedPrintable(body)
    default:
      return undefined
  }
}

/** Six bits of each sign of the alphabet; what is not in it is skipped (RFC 2045 Section 6.8). */
const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const SIXES = new Int8Array(256).fill(-1)
for (let six = 0; six < ALPHABET.length; six++) SIXES[ALPHABET.charCodeAt(six)] = six

function decodeBase64(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((body.length * 3) / 4))
  let [length, bits, bitCount] = [0, 0, 0]
  for (const sign of body) {
    const six = SIXES[sign] ?? -1
    if (sign === EQUALS) [bits, bitCount] = [0, 0] // what follows a padding begins anew
    if (six < 0) continue
    bits = ((bits << 6) | six) & 0xffff
    bitCount += 6
    if (bitCount < 8) continue
    bitCount -= 8
    bytes[length++] = bits >> bitCount
  }
  return bytes.slice(0, length)
}

/** In one go, since a mail may have as many lines as bytes. */
function decodeQuotedPrintable(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length)
  let length = 0
  // White space at the end of a line was added on the way (rule 3): a line ends behind what is solid.
  let solid = 0
  /** Behind an equals sign that encodes nothing: at the end of a line, the line goes on in the next. */
  let softEnd = -1
  const endLine = (): boolean => {
    const isSoft = solid === softEnd
    length = isSoft ? solid - 1 : solid
    softEnd = -1
    return isSoft
  }
  for (let at = 0; at < body.length; at++) {
    const byte = body[at] ?? 0
    const lineEnd = byte === LF ? 1 : byte === CR && body[at + 1] === LF ? 2 : 0
    if (lineEnd > 0) {
      if (!endLine()) for (let i = 0; i < lineEnd; i++) bytes[length++] = body[at + i] ?? 0
      solid = length
      at += lineEnd - 1
      continue
    }
    const value = byte === EQUALS ? hexPair(body[at + 1], body[at + 2]) : -1
    if (value >= 0) at += 2
    bytes[length++] = value >= 0 ? value : byte
    if (value >= 0 || (byte !== SPACE && byte !== TAB)) solid = length
    if (value < 0 && byte === EQUALS) softEnd = length
  }
  endLine()
  return bytes.slice(0, length)
}

/** Values of hexadecimal digits; -1 for what is none. */
const DIGITS = new Int8Array(256).fill(-1)
for (let value = 0; value < 16; value++) {
  for (const digit of [value.toString(16), value.toString(16).toUpperCase()]) {
    DIGITS[digit.charCodeAt(0)] = value
  }
}

function hexPair(high = 0, low = 0): number {
  const [first, second] = [DIGITS[high] ?? -1, DIGITS[low] ?? -1]
  return first < 0 || second < 0 ? -1 : (first << 4) | second
}
