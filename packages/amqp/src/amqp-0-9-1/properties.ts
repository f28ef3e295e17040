// SPDX-License-Identifier: Apache-2.0
/**
 * Properties of a message (AMQP 0-9-1 Section 4.2.6, basic): those of a send, and those handed over.
 *
 * What others put there may be anything that AMQP can write: text, numbers and booleans are handed over
 * as text, the rest is left out.
 *
 * @module
 */

import type { MessageProperties, Options } from 'amqplib'
import type { AmqpSendOptions } from '../options.js'

const NO_PROPERTIES: Readonly<Record<string, string>> = Object.freeze({})

/** The header that says, on a dead letter, why it is one. */
export const REASON_HEADER = 'waxwing-reason'
/** The header that says, in a stream, where a message was sent to. */
export const ADDRESS_HEADER = 'waxwing-address'
/** The header of what marks the end of a stream for one reader. */
export const END_HEADER = 'waxwing-end'

/** What amqplib needs to know of a send. @throws {TypeError} If a property cannot be sent. */
export function publishOptions(options: AmqpSendOptions): Options.Publish {
  const published: Options.Publish = {
    persistent: true,
    timestamp: Math.floor(Date.now() / 1_000),
  }
  const { properties, expiresAfterSeconds, priority } = options
  if (priority !== undefined) published.priority = priority
  if (expiresAfterSeconds !== undefined) published.expiration = String(expiresAfterSeconds * 1_000)
  if (properties === undefined) return published
  const { 'content-type': contentType, ...headers } = properties
  if ('CC' in headers || 'BCC' in headers) {
    throw new TypeError('properties must not name CC or BCC, by which RabbitMQ sends elsewhere')
  }
  if (contentType !== undefined) published.contentType = contentType
  published.headers = headers
  return published
}

/** What a handler gets to see of them. */
export function propertiesOf(properties: MessageProperties): Readonly<Record<string, string>> {
  const { headers } = properties
  const contentType: unknown = properties.contentType
  const found = new Map<string, string>()
  for (const [name, value] of Object.entries<unknown>(headers ?? {})) {
    const text = textOf(value)
    if (text !== undefined) found.set(name, text)
  }
  if (typeof contentType === 'string') found.set('content-type', contentType)
  return found.size === 0 ? NO_PROPERTIES : Object.fromEntries(found)
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : undefined
}

/** A header of text; `undefined` where there is none. */
export function headerOf(properties: MessageProperties, name: string): string | undefined {
  const value: unknown = properties.headers?.[name]
  return typeof value === 'string' ? value : undefined
}

/**
 * When the message was stored: by RabbitMQ's word where it is configured to say so, else by that of
 * whoever published it.
 */
export function storedAt({ headers, timestamp }: MessageProperties): Date | undefined {
  const byBroker: unknown = headers?.['timestamp_in_ms']
  const byPublisher: unknown = timestamp
  const ms = typeof byBroker === 'number' ? byBroker : Number(byPublisher ?? Number.NaN) * 1_000
  const date = new Date(ms)
  return Number.isNaN(date.getTime()) ? undefined : date
}
