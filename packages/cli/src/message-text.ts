// SPDX-License-Identifier: Apache-2.0
/**
 * An opened message, told to people and programs.
 *
 * @module
 */

import { toHex } from '@waxwing/core'
import type { Message, UnprotectedMessage } from '@waxwing/client'
import { previewOf, textOf } from './inspect/content.js'
import type { Json } from './output.js'
import { formatTime } from './times.js'
import { toJson } from './wording.js'

/** A line: when it was sealed, its stream, its text, who sealed it, and what is special. */
export function messageLines(message: Message): readonly string[] {
  const { sealedAt, stream, plaintext, protection } = message
  const time = sealedAt === undefined ? '(no time)' : formatTime(sealedAt, 'second')
  const [first = '', ...rest] = previewOf(plaintext).replace(/\n$/, '').split('\n')
  const by = protection.signedBy?.name ?? 'unknown'
  const marks = [`from ${by}`, ...marksOf(message)].join('; ')
  return [`${time}  ${stream}  ${first}  (${marks})`, ...rest.map((line) => `    ${line}`)]
}

/** Everything about a message, for programs. Its content is `text` where it is text, else `hex`. */
export function messageValue(message: Message): { readonly [key: string]: Json } {
  const { plaintext, clearPart, stream, sealedAt, headers, receipt, protection } = message
  return {
    message: stream,
    address: message.address,
    sealedAt: sealedAt?.toISOString(),
    ...contentValue(plaintext),
    contentType: message.contentType,
    headers: toJson(headers),
    clearProperties: message.clearProperties,
    clearPart: clearPart && (textOf(clearPart) ?? toHex(clearPart)),
    epoch: message.epoch,
    receipt: toJson(receipt),
    protection: toJson(protection),
    unverifiedProperties: message.unverifiedProperties,
    retained: message.retained,
    redelivered: message.redelivered,
    repeated: message.repeated,
  }
}

export function unprotectedLines(message: UnprotectedMessage): readonly string[] {
  return [`UNPROTECTED  ${message.address}  ${previewOf(message.unprotectedPayload)}`]
}

export function unprotectedValue(message: UnprotectedMessage): { readonly [key: string]: Json } {
  return { unprotected: message.address, ...contentValue(message.unprotectedPayload) }
}

function contentValue(bytes: Uint8Array): { readonly [key: string]: Json } {
  const text = textOf(bytes)
  return text === undefined ? { hex: toHex(bytes) } : { text }
}

function marksOf(message: Message): readonly string[] {
  const { protection, address, redelivered, repeated, clearProperties = {} } = message
  return [
    ...Object.entries(clearProperties).map(([name, value]) => `${name}=${value}`),
    ...(protection.signed ? [] : ['NOT SIGNED: any reader could have written it']),
    ...(protection.addressMatches ? [] : [`found at ${address}`]),
    ...(redelivered ? ['comes again'] : []),
    ...(repeated ? ['read before'] : []),
  ]
}
