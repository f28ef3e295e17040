// SPDX-License-Identifier: Apache-2.0
/**
 * What a broker can say of a message: nothing here has a key.
 *
 * @module
 */

import {
  decodeObject,
  isControlAddress,
  toHex,
  WaxwingError,
  type DecodedObject,
} from '@waxwing/core'
import type { Carried } from './embedded-broker.js'
import type { Text } from './layout.js'

/** Bytes of hex shown; the rest is said by the size. */
const HEX_BYTES = 16
/** First byte of a COSE_Encrypt0: whatever is sealed. */
const TAG_ENCRYPT0 = 0xd0
const ID_SHOWN = 8

/** The broker's view of a message, line by line. */
export function wireView(message: Carried): Text[] {
  const { topic, payload } = message
  const size = `${payload.length.toLocaleString('en')} bytes`
  const first: Text = { text: `${shortTopic(topic)}, ${size}`, tone: 'plain' }
  if (isControlAddress(topic)) return [first, ...controlLines(payload)]
  const object = decoded(payload)
  if (object === undefined) return [first, hexLine(payload)]
  const { kid, epoch, ciphertext } = object
  return [first, { text: `kid ${toHex(kid)}, epoch ${epoch}`, tone: 'plain' }, hexLine(ciphertext)]
}

/** Reads the frame of an object, which anyone can; `undefined` if it is none. */
export function decoded(payload: Uint8Array): DecodedObject | undefined {
  try {
    return decodeObject(payload)
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

function controlLines(payload: Uint8Array): Text[] {
  if (payload[0] === TAG_ENCRYPT0) {
    return [{ text: 'sealed to its recipient', tone: 'plain' }, hexLine(payload)]
  }
  return [{ text: 'signed, open: shows who asks for which kid', tone: 'plain' }, hexLine(payload)]
}

function hexLine(bytes: Uint8Array): Text {
  const shown = toHex(bytes.subarray(0, HEX_BYTES)).match(/.{1,4}/g) ?? []
  const text = shown.join(' ')
  return { text: bytes.length > HEX_BYTES ? `${text} …` : text, tone: 'code' }
}

/** Ids in topics are long; their beginning tells them apart. */
function shortTopic(topic: string): string {
  if (!isControlAddress(topic)) return topic
  return topic
    .split('/')
    .map((level) => (level.length > 16 ? `${level.slice(0, ID_SHOWN)}…` : level))
    .join('/')
}
