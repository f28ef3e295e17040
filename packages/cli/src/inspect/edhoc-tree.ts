// SPDX-License-Identifier: Apache-2.0
/**
 * Messages of EDHOC (RFC 9528) as far as they are in the clear: message_1 is all so, of the others there
 * is little.
 *
 * @module
 */

import { type CborValue, decodeCbor, itemEnd, WaxwingError } from '@waxwing/core'
import { decodeEdhocPayload, decodeErrorMessage } from '@waxwing/oscore'
import { fact, hexFact, sizeFact, type Fact, type Tree } from './tree.js'

const METHODS = [
  'both sign',
  'the initiator signs, the responder has a static key',
  'the initiator has a static key, the responder signs',
  'both have static keys',
]
const SUITES: readonly string[] = [
  'AES-CCM-16-64-128, SHA-256, X25519',
  'AES-CCM-16-128-128, SHA-256, X25519',
  'AES-CCM-16-64-128, SHA-256, P-256',
  'AES-CCM-16-128-128, SHA-256, P-256',
  'ChaCha20/Poly1305, SHA-256, X25519',
  'ChaCha20/Poly1305, SHA-256, P-256',
  'AES-128-GCM, SHA-256, X25519',
]
const POINT_BYTES = 32
const TRUE = 0xf5

/** Where a message stands, which says what it can be. */
export type EdhocPlace = 'request' | 'response'

/**
 * The payload of a request or response of EDHOC (RFC 9528 Appendix A.2).
 *
 * @returns `undefined` if it is none.
 */
export function edhocTree(payload: Uint8Array, place: EdhocPlace): Tree | undefined {
  try {
    return place === 'request' ? requestTree(payload) : responseTree(payload)
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

/** A message_1 as it travels, behind `true`, or bare; `undefined` if it is none. */
export function edhocFileTree(bytes: Uint8Array): Tree | undefined {
  try {
    return message1Tree(bytes[0] === TRUE ? bytes.subarray(1) : bytes)
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

/** The message_3 that stands before a protected request (RFC 9668). */
export function message3Tree(message: Uint8Array): Tree {
  return ciphertextTree('EDHOC message_3', message)
}

function requestTree(payload: Uint8Array): Tree | undefined {
  const carried = decodeEdhocPayload(payload)
  if (carried.kind === 'message_1') return message1Tree(carried.message)
  const { title, facts } = errorTree(carried.message) ?? message3Tree(carried.message)
  return { title, facts: [hexFact('C_R', carried.connectionId), ...facts] }
}

function responseTree(payload: Uint8Array): Tree | undefined {
  const failed = errorTree(payload)
  if (failed !== undefined) return failed
  const [joined, ...rest] = sequence(payload)
  if (!(joined instanceof Uint8Array) || rest.length > 0) return undefined
  // By its length: message_4 is a tag, and what is added to it.
  if (joined.length <= POINT_BYTES) return ciphertextTree('EDHOC message_4', payload)
  return {
    title: 'EDHOC message_2',
    facts: [
      hexFact('G_Y', joined.subarray(0, POINT_BYTES)),
      sizeFact('ciphertext', joined.length - POINT_BYTES),
    ],
  }
}

function message1Tree(bytes: Uint8Array): Tree | undefined {
  const [method, suites, gX, cI, ...ead] = sequence(bytes)
  const list = Array.isArray(suites) ? (suites as readonly CborValue[]) : [suites]
  const numbers = list.filter((suite) => typeof suite === 'number')
  const isIdentifier = cI instanceof Uint8Array || typeof cI === 'number'
  const isMessage1 = typeof method === 'number' && numbers.length === list.length && isIdentifier
  if (!isMessage1 || !(gX instanceof Uint8Array) || gX.length !== POINT_BYTES) return undefined
  const selected = numbers.at(-1) ?? 0
  return {
    title: 'EDHOC message_1',
    facts: [
      sizeFact('size', bytes.length),
      fact('method', method, `${method} (${METHODS[method] ?? 'unknown'})`),
      fact('suites', numbers, `${numbers.join(', ')} (${SUITES[selected] ?? 'unknown'})`),
      hexFact('G_X', gX),
      cI instanceof Uint8Array ? hexFact('C_I', cI) : fact('C_I', cI),
      ...(ead.length === 0 ? [] : [fact('EAD_1', ead.length, `${ead.length} items`)]),
    ],
  }
}

function ciphertextTree(title: string, message: Uint8Array): Tree {
  const [ciphertext] = sequence(message)
  const length = ciphertext instanceof Uint8Array ? ciphertext.length : 0
  return {
    title,
    facts: [sizeFact('ciphertext', length), fact('content', null, 'who it is, encrypted')],
  }
}

/** An error message begins with an integer, and the messages that are encrypted do not. */
function errorTree(bytes: Uint8Array): Tree | undefined {
  if ((bytes[0] ?? 0xff) >> 5 > 1) return undefined
  const error = decodeErrorMessage(bytes)
  const facts: readonly Fact[] =
    error.kind === 'unspecified'
      ? [fact('says', error.diagnostic)]
      : error.kind === 'wrong-suite'
        ? [fact('suites', error.suitesR, error.suitesR.join(', '))]
        : []
  return { title: 'EDHOC error', facts: [fact('error', error.kind), ...facts] }
}

function sequence(bytes: Uint8Array): readonly CborValue[] {
  const items: CborValue[] = []
  for (let start = 0; start < bytes.length;) {
    const end = itemEnd(bytes, start)
    if (end === undefined) return []
    items.push(decodeCbor(bytes.subarray(start, end), 'EDHOC message'))
    start = end
  }
  return items
}
