// SPDX-License-Identifier: Apache-2.0
/**
 * Payloads of the right form, without keys: that is all that a bridge looks at.
 *
 * @module
 */

import { concatBytes, signStatement, utf8 } from '@waxwing/core'

/** The label of the clear part. */
const CLEAR_PART = Uint8Array.of(0x3a, 0, 1, 0, 0)

/** An object of `plaintextBytes` bytes, each number another one. */
export function objectOf(number: number, plaintextBytes = 20, clearPart?: Uint8Array): Uint8Array {
  const kid = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
  const counter = bigEndian(number, 3)
  const partialIv = concatBytes(new Uint8Array(7).fill(9), counter)
  const header = concatBytes(
    Uint8Array.of(clearPart === undefined ? 0xa4 : 0xa5, 0x01, 0x18, 24, 0x04, 0x48),
    kid,
    Uint8Array.of(0x06, 0x4a),
    partialIv,
    Uint8Array.of(0x0a, 0x44, 0, 0, 0, 1),
    ...(clearPart === undefined ? [] : [CLEAR_PART, byteString(clearPart)]),
  )
  const ciphertext = new Uint8Array(plaintextBytes + 16).fill(number & 0xff)
  return concatBytes(
    Uint8Array.of(0xd0, 0x83),
    byteString(header),
    Uint8Array.of(0xa0),
    byteString(ciphertext),
  )
}

/** The number of an object made by {@link objectOf}. */
export function numberOf(object: Uint8Array): number {
  const [high = 0, middle = 0, low = 0] = object.subarray(27, 30)
  return high * 65_536 + middle * 256 + low
}

/** A control message, each number another one. Nobody signed it. */
export function controlOf(number: number): Uint8Array {
  return signStatement({
    type: 'request',
    author: new Uint8Array(32).fill(1),
    key: { sign: () => new Uint8Array(64) } as never,
    recipient: null,
    payload: new Map([[1, number]]),
  })
}

export const TEXT: Uint8Array = utf8('{"temperature":21.5}')

function byteString(bytes: Uint8Array): Uint8Array {
  const { length } = bytes
  const head =
    length < 24
      ? [0x40 + length]
      : length < 256
        ? [0x58, length]
        : length < 65_536
          ? [0x59, length >> 8, length & 255]
          : [0x5a, ...bigEndian(length, 4)]
  return concatBytes(Uint8Array.from(head), bytes)
}

function bigEndian(value: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => Math.floor(value / 256 ** (length - 1 - i)) & 255)
}
