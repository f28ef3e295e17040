// SPDX-License-Identifier: Apache-2.0
/**
 * One datagram of CoAP as a tree (RFC 7252): what everybody on the way sees of it, and with OSCORE (RFC
 * 8613) what nobody on the way does.
 *
 * @module
 */

import { codeName, contentFormatOf, OPTION, optionValues, readText } from '@waxwing/coap'
import {
  type CoapMessage,
  CONTENT_FORMAT_CID_EDHOC,
  CONTENT_FORMAT_EDHOC,
  isCombinedRequest,
  isRequestCode,
  optionValue,
  splitRequest,
} from '@waxwing/oscore'
import { toHex, WaxwingError } from '@waxwing/core'
import { formatContentFormat } from './content-formats.js'
import { codeText } from './coap-codes.js'
import { optionFacts, optionName, oscoreFields } from './coap-options.js'
import { payloadText, textOf } from './content.js'
import type { Datagram, MessageType } from './datagram.js'
import { edhocTree, message3Tree } from './edhoc-tree.js'
import { itemTree, kindOf } from './item-tree.js'
import { below, fact, hexFact, sizeFact, type Fact, type Tree } from './tree.js'
import type { Viewer } from './viewer.js'

const TYPES: Readonly<Record<MessageType, string>> = {
  CON: 'CON (to be acknowledged)',
  NON: 'NON (sent once)',
  ACK: 'ACK',
  RST: 'RST (nobody expects it)',
}

/** OSCORE's tag where the algorithm is AES-CCM-16-64-128, as it is if nobody says otherwise. */
const USUAL_TAG_BYTES = 8

export async function datagramTree(datagram: Datagram, viewer: Viewer): Promise<Tree> {
  const { bytes, type, messageId, token, message } = datagram
  const { code, options, payload } = message
  return {
    title: 'CoAP message',
    facts: [
      sizeFact('size', bytes.length),
      fact('type', type, TYPES[type]),
      fact('code', codeName(code), codeText(code)),
      fact('message id', messageId),
      ...(token.length === 0 ? [fact('token', '', 'none')] : [hexFact('token', token)]),
      ...(options.length === 0
        ? []
        : [below('options', { title: 'in the clear', facts: optionFacts(message) })]),
      ...(code === 0 ? [] : protectionFacts(message)),
      ...(payload.length === 0 ? [] : await payloadFacts(message, viewer)),
    ],
  }
}

function protectionFacts(message: CoapMessage): readonly Fact[] {
  const value = optionValue(message, OPTION.oscore)
  if (value === undefined) return [unprotectedFact(message)]
  const { kid, kidContext, partialIv } = oscoreFields(value) ?? {}
  const facts = [
    ...(kid === undefined ? [] : [fact('kid', toHex(kid), toHex(kid) || '(empty)')]),
    ...(kidContext === undefined ? [] : [hexFact('kid context', kidContext)]),
    ...(partialIv === undefined ? [] : [hexFact('Partial IV', partialIv)]),
    fact('a proxy sees', seenBy(message)),
    fact('only the ends see', hiddenIn(message)),
  ]
  return [below('protection', { title: 'OSCORE', facts })]
}

function unprotectedFact(message: CoapMessage): Fact {
  if (edhocOf(message) !== undefined) {
    return fact('protection', 'EDHOC', 'EDHOC: the ends agree on keys')
  }
  if (kindOf(message.payload) !== undefined) {
    return fact('protection', 'payload', 'that of the payload alone: all else is in the clear')
  }
  return fact('protection', null, 'none: whoever is on the way can read and change it')
}

/** What RFC 8613 leaves outside (Section 4.1). */
function seenBy(message: CoapMessage): string {
  const numbers = new Set(message.options.map(({ number }) => number))
  numbers.delete(OPTION.oscore)
  const names = [...numbers].map(optionName)
  return ['its size, and to which request it belongs', ...names].join(', ')
}

function hiddenIn({ code }: CoapMessage): string {
  return isRequestCode(code)
    ? 'method, path, query, formats, payload'
    : 'the code, formats, payload'
}

async function payloadFacts(message: CoapMessage, viewer: Viewer): Promise<readonly Fact[]> {
  const { payload } = message
  if (optionValue(message, OPTION.oscore) !== undefined) return protectedFacts(message)
  const edhoc = edhocOf(message)
  if (edhoc !== undefined) return [below('payload', edhoc)]
  if (kindOf(payload) !== undefined) return [below('payload', await itemTree(payload, viewer))]
  const format = contentFormatOf(message)
  return [
    sizeFact('payload size', payload.length),
    ...(format === undefined ? [] : [fact('format', format, formatContentFormat(format))]),
    fact('payload', textOf(payload) ?? `0x${toHex(payload)}`, payloadText(payload, format)),
  ]
}

/** With the EDHOC option, message_3 stands before the ciphertext (RFC 9668 Section 3). */
function protectedFacts(message: CoapMessage): readonly Fact[] {
  if (!isCombinedRequest(message)) return [ciphertextFact(message.payload.length)]
  try {
    const { message3, request } = splitRequest(message)
    return [below('payload', message3Tree(message3)), ciphertextFact(request.payload.length)]
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
    return [fact('payload', toHex(message.payload), 'message_3 and a request: malformed')]
  }
}

function ciphertextFact(length: number): Fact {
  const inside = Math.max(0, length - USUAL_TAG_BYTES)
  return fact('ciphertext', length, `${length} bytes (${inside} and the usual tag)`)
}

function edhocOf(message: CoapMessage): Tree | undefined {
  const format = contentFormatOf(message)
  const isOfEdhoc = format === CONTENT_FORMAT_EDHOC || format === CONTENT_FORMAT_CID_EDHOC
  const path = optionValues(message, OPTION.uriPath).map(readText).join('/')
  if (!isOfEdhoc && path !== '.well-known/edhoc') return undefined
  return edhocTree(message.payload, isRequestCode(message.code) ? 'request' : 'response')
}
