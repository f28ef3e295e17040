// SPDX-License-Identifier: Apache-2.0
/**
 * Options of CoAP by the names and formats of their registry.
 *
 * @module
 */

import { isCritical, isUnsafeToForward, OPTION, readText, readUint } from '@waxwing/coap'
import { type CoapMessage, decodeOscoreOption, isRequestCode } from '@waxwing/oscore'
import { toHex, WaxwingError } from '@waxwing/core'
import { formatContentFormat } from './content-formats.js'
import type { Json } from '../output.js'
import { formatDuration } from '../times.js'
import { fact, type Fact } from './tree.js'

const BLOCK_MORE = 0b1000
const BLOCK_SIZE_MASK = 0b0111
const RESERVED_SIZE = 7

/** What a value means: for programs, and for people where that is another. */
interface Meaning {
  readonly value: Json
  readonly text?: string
}

/** `undefined` where the value has not the form that it should have. */
type Read = (value: Uint8Array, isRequest: boolean) => Meaning | undefined

const asText: Read = (value) => {
  const text = readText(value)
  return text === undefined ? undefined : { value: text }
}

const asHex: Read = (value) => ({ value: toHex(value) })

const asUint: Read = (value) => {
  const number = readUint(value)
  return number === undefined ? undefined : { value: number }
}

function asNumber(text: (number: number, isRequest: boolean) => string): Read {
  return (value, isRequest) => {
    const number = readUint(value)
    return number === undefined ? undefined : { value: number, text: text(number, isRequest) }
  }
}

const asFormat = asNumber(formatContentFormat)
const asBytes = asNumber((number) => `${number.toLocaleString('en')} bytes`)
const asPresent: Read = () => ({ value: true, text: 'yes' })

const asObserve = asNumber((number, isRequest) => {
  if (!isRequest) return `notification ${number}`
  return number === 0 ? 'register' : number === 1 ? 'deregister' : String(number)
})

/** NUM, M and SZX (RFC 7959 Section 2.2). */
const asBlock: Read = (value) => {
  const integer = value.length > 3 ? undefined : readUint(value)
  if (integer === undefined || (integer & BLOCK_SIZE_MASK) === RESERVED_SIZE) return undefined
  const number = integer >> 4
  const isMore = (integer & BLOCK_MORE) !== 0
  const size = 2 ** ((integer & BLOCK_SIZE_MASK) + 4)
  const text = `block ${number} of ${size} bytes${isMore ? ', more to come' : ''}`
  return { value: { number, more: isMore, size }, text }
}

/** RFC 8613 Section 6.1. */
const asOscore: Read = (value) => {
  const { kid, kidContext, partialIv } = oscoreFields(value) ?? {}
  const parts = [
    ...(kid === undefined ? [] : [`kid ${hexOrEmpty(kid)}`]),
    ...(kidContext === undefined ? [] : [`kid context ${hexOrEmpty(kidContext)}`]),
    ...(partialIv === undefined ? [] : [`Partial IV ${toHex(partialIv)}`]),
  ]
  if (oscoreFields(value) === undefined) return undefined
  return {
    value: {
      kid: kid === undefined ? null : toHex(kid),
      kidContext: kidContext === undefined ? null : toHex(kidContext),
      partialIv: partialIv === undefined ? null : toHex(partialIv),
    },
    text: parts.join(', ') || '(empty: those of the request)',
  }
}

const OPTIONS: ReadonlyMap<number, readonly [name: string, read: Read]> = new Map([
  [OPTION.ifMatch, ['If-Match', asHex]],
  [OPTION.uriHost, ['Uri-Host', asText]],
  [OPTION.etag, ['ETag', asHex]],
  [OPTION.ifNoneMatch, ['If-None-Match', asPresent]],
  [OPTION.observe, ['Observe', asObserve]],
  [OPTION.uriPort, ['Uri-Port', asUint]],
  [OPTION.locationPath, ['Location-Path', asText]],
  [OPTION.oscore, ['OSCORE', asOscore]],
  [OPTION.uriPath, ['Uri-Path', asText]],
  [OPTION.contentFormat, ['Content-Format', asFormat]],
  [OPTION.maxAge, ['Max-Age', asNumber(formatDuration)]],
  [OPTION.uriQuery, ['Uri-Query', asText]],
  [OPTION.hopLimit, ['Hop-Limit', asUint]],
  [OPTION.accept, ['Accept', asFormat]],
  [OPTION.locationQuery, ['Location-Query', asText]],
  [OPTION.edhoc, ['EDHOC', () => ({ value: true, text: 'message_3 stands before the request' })]],
  [OPTION.block2, ['Block2', asBlock]],
  [OPTION.block1, ['Block1', asBlock]],
  [OPTION.size2, ['Size2', asBytes]],
  [OPTION.proxyUri, ['Proxy-Uri', asText]],
  [OPTION.proxyScheme, ['Proxy-Scheme', asText]],
  [OPTION.size1, ['Size1', asBytes]],
  [OPTION.echo, ['Echo', asHex]],
  [OPTION.noResponse, ['No-Response', asUint]],
  [OPTION.requestTag, ['Request-Tag', asHex]],
])

/** The name of an option: that of the registry, or its number. */
export function optionName(number: number): string {
  return OPTIONS.get(number)?.[0] ?? `option ${number}`
}

/** The fields of an OSCORE option; `undefined` if its value is none. */
export function oscoreFields(value: Uint8Array): ReturnType<typeof decodeOscoreOption> | undefined {
  try {
    return decodeOscoreOption(value)
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

/** The options of a message as facts, those of one number together. */
export function optionFacts({ code, options }: CoapMessage): readonly Fact[] {
  const values = Map.groupBy(options, ({ number }) => number)
  const isRequest = isRequestCode(code)
  return [...values].map(([number, instances]) => {
    const meanings = instances.map(({ value }) => meaningOf(number, value, isRequest))
    const texts = meanings.map(({ value, text }) => text ?? plain(value))
    const [only] = meanings
    const value = meanings.length === 1 ? only?.value : meanings.map((meaning) => meaning.value)
    return fact(optionName(number), value, joined(number, texts))
  })
}

/** Paths and queries as they stand in a URI. */
function joined(number: number, texts: readonly string[]): string {
  const isPath = number === OPTION.uriPath || number === OPTION.locationPath
  if (isPath) return texts.map((text) => `/${text}`).join('')
  const isQuery = number === OPTION.uriQuery || number === OPTION.locationQuery
  return texts.join(isQuery ? '&' : ', ')
}

function meaningOf(number: number, value: Uint8Array, isRequest: boolean): Meaning {
  const known = OPTIONS.get(number)
  if (known === undefined) {
    const kind = isCritical(number) ? 'critical' : 'elective'
    const forwarding = isUnsafeToForward(number) ? 'unsafe' : 'safe'
    const hex = hexOrEmpty(value)
    return { value: toHex(value), text: `${hex} (${kind}, ${forwarding} to forward)` }
  }
  const [, read] = known
  return read(value, isRequest) ?? { value: toHex(value), text: `${hexOrEmpty(value)} (malformed)` }
}

function hexOrEmpty(bytes: Uint8Array): string {
  return bytes.length === 0 ? '(empty)' : toHex(bytes)
}

function plain(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}
