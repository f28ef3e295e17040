// SPDX-License-Identifier: Apache-2.0
/**
 * Messages as AMQP 1.0 has them (Part 3, Section 3.2): what is sent is one data section; of what comes, a
 * data section, several of them joined, and a value that is binary are payloads
 * (`docs/spec/09-bindings.md` Section 9.6.7).
 *
 * @module
 */

import rhea from 'rhea'
import { UnreadableError, ValueReader } from './value-reader.js'

/** What one message says around its payload. */
export interface Outgoing {
  readonly payload: Uint8Array
  readonly to?: string
  readonly subject?: string
  readonly replyTo?: string
  readonly priority?: number
  readonly expiresAfterSeconds?: number
  readonly properties: Readonly<Record<string, string>>
}

/** A message as it came. Untrusted. */
export interface Incoming {
  /** Not shared with anything. */
  readonly payload: Uint8Array
  /** Application properties that are text, and `content-type`. */
  readonly properties: Readonly<Record<string, string>>
  readonly to: string | undefined
  readonly subject: string | undefined
  readonly replyTo: string | undefined
  /** `false`: another one had it before. Left out where the intermediary does not say. */
  readonly firstAcquirer: boolean | undefined
  /** How often it was delivered in vain. */
  readonly deliveryCount: number
}

const MAX_PROPERTIES = 1_000
const CONTENT_TYPE = 'content-type'

/** Numbers and names of the sections of a message. */
const SECTIONS: ReadonlyMap<number | string, string> = new Map<number | string, string>([
  ...['header', 'delivery-annotations', 'message-annotations', 'properties']
    .concat('application-properties', 'data', 'amqp-sequence', 'amqp-value', 'footer')
    .map((name, index): [number, string] => [0x70 + index, name]),
  ['amqp:header:list', 'header'],
  ['amqp:delivery-annotations:map', 'delivery-annotations'],
  ['amqp:message-annotations:map', 'message-annotations'],
  ['amqp:properties:list', 'properties'],
  ['amqp:application-properties:map', 'application-properties'],
  ['amqp:data:binary', 'data'],
  ['amqp:amqp-sequence:list', 'amqp-sequence'],
  ['amqp:amqp-value:*', 'amqp-value'],
  ['amqp:value:*', 'amqp-value'],
  ['amqp:footer:map', 'footer'],
])

/** Lays a message out. The payload is copied. */
export function encodeMessage(outgoing: Outgoing): Buffer {
  const { payload, properties, expiresAfterSeconds, to, subject, replyTo, priority } = outgoing
  const { [CONTENT_TYPE]: contentType, ...others } = properties
  const body = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  return rhea.message.encode({
    durable: true,
    ...(priority === undefined ? {} : { priority }),
    ...(expiresAfterSeconds === undefined ? {} : { ttl: expiresAfterSeconds * 1_000 }),
    ...(to === undefined ? {} : { to }),
    ...(subject === undefined ? {} : { subject }),
    ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    ...(contentType === undefined ? {} : { content_type: contentType }),
    ...(Object.keys(others).length === 0 ? {} : { application_properties: others }),
    body: rhea.message.data_section(body) as object,
  })
}

/** Reads a message. @throws {UnreadableError} Saying why it is none that could be handed over. */
export function decodeMessage(bytes: Uint8Array): Incoming {
  const found = new Found()
  const reader = new ValueReader(bytes)
  while (!reader.isAtEnd) {
    const section = SECTIONS.get(reader.descriptor())
    if (section === 'header') found.header(reader)
    else if (section === 'properties') found.standardProperties(reader)
    else if (section === 'application-properties') found.applicationProperties(reader)
    else if (section === 'data') found.data(reader.binary())
    else if (section === 'amqp-value') found.value(reader.binary())
    else if (section === 'amqp-sequence') throw new UnreadableError('the body is a sequence')
    else if (section === undefined) throw new UnreadableError('there is no such section')
    else reader.skip()
  }
  return found.message()
}

/** What was found so far. */
class Found {
  #parts: Uint8Array[] = []
  #properties: [string, string][] = []
  #to: string | undefined
  #subject: string | undefined
  #replyTo: string | undefined
  #firstAcquirer: boolean | undefined
  #deliveryCount = 0

  header(reader: ValueReader): void {
    const count = reader.open('list')
    for (let i = 0; i < count; i++) {
      if (i === 3) this.#firstAcquirer = reader.flag()
      else if (i === 4) this.#deliveryCount = reader.count() ?? 0
      else reader.skip()
    }
  }

  standardProperties(reader: ValueReader): void {
    const count = reader.open('list')
    for (let i = 0; i < count; i++) {
      if (i === 2) this.#to = reader.text()
      else if (i === 3) this.#subject = reader.text()
      else if (i === 4) this.#replyTo = reader.text()
      else if (i === 6) this.#add(CONTENT_TYPE, reader.text())
      else reader.skip()
    }
  }

  applicationProperties(reader: ValueReader): void {
    const count = reader.open('map')
    if (count > 2 * MAX_PROPERTIES) throw new UnreadableError('too many properties')
    for (let i = 0; i < count; i += 2) {
      const name = reader.text()
      const value = reader.text()
      if (name !== undefined && name !== CONTENT_TYPE) this.#add(name, value)
    }
  }

  data(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) throw new UnreadableError('a data section is not binary')
    this.#parts.push(bytes)
  }

  value(bytes: Uint8Array | undefined): void {
    if (bytes === undefined) throw new UnreadableError('the body is a value that is not binary')
    this.#parts.push(bytes)
  }

  message(): Incoming {
    if (this.#parts.length === 0) throw new UnreadableError('there is no body')
    if (this.#deliveryCount > 0) this.#add('delivery-count', String(this.#deliveryCount))
    return {
      payload: joined(this.#parts),
      properties: Object.fromEntries(this.#properties),
      to: this.#to,
      subject: this.#subject,
      replyTo: this.#replyTo,
      firstAcquirer: this.#firstAcquirer,
      deliveryCount: this.#deliveryCount,
    }
  }

  #add(name: string, value: string | undefined): void {
    if (value !== undefined) this.#properties.push([name, value])
  }
}

/** A copy: what came shares its memory with other frames. */
function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}
