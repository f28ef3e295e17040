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

function decodeQuotedPrintable(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length)
  let length = 0
  for (let at = 0; at < body.length;) {
    const lineFeed = body.indexOf(LF, at)
    const next = lineFeed === -1 ? body.length : lineFeed + 1
    let lineEnd = lineFeed === -1 ? next : lineFeed
    if (lineFeed !== -1 && lineEnd > at && body[lineEnd - 1] === CR) lineEnd--
    let end = lineEnd
    // White space at the end of a line was added on the way (rule 3).
    while (end > at && (body[end - 1] === SPACE || body[end - 1] === TAB)) end--
    const isSoft = end > at && body[end - 1] === EQUALS
    length = decodeLine(body.subarray(at, isSoft ? end - 1 : end), bytes, length)
    if (!isSoft) {
      bytes.set(body.subarray(lineEnd, next), length)
      length += next - lineEnd
    }
    at = next
  }
  return bytes.slice(0, length)
}

function decodeLine(line: Uint8Array, bytes: Uint8Array, begin: number): number {
  let length = begin
  for (let at = 0; at < line.length; at++) {
    const byte = line[at] ?? 0
    const value = byte === EQUALS ? hexPair(line[at + 1], line[at + 2]) : -1
    if (value >= 0) at += 2
    bytes[length++] = value >= 0 ? value : byte
  }
  return length
}

function hexPair(high = 0, low = 0): number {
  const digits = String.fromCharCode(high, low)
  return /^[\da-f]{2}$/i.test(digits) ? Number.parseInt(digits, 16) : -1
}
