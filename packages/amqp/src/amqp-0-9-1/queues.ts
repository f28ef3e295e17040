// SPDX-License-Identifier: Apache-2.0
/**
 * Which queue serves a filter, how it is declared and what it is bound to
 * (`docs/spec/09-bindings.md` Section 9.6.3).
 *
 * Whoever declares an inbox declares it with the same arguments, sender or receiver: they are part of the
 * protocol, and no options.
 *
 * @module
 */

import { createHash, randomUUID } from 'node:crypto'
import type { Options } from 'amqplib'
import { CONTROL_PREFIX, WaxwingError } from '@waxwing/core'
import { groupOf, isControlFilter, unshared } from '@waxwing/transport-kit'
import { bindingKeyOf } from '../names.js'
import type { AmqpValue, Resolved091 } from './options.js'

export interface QueuePlan {
  readonly queue: string
  readonly declaration: Options.AssertQueue
  readonly exchange: string
  readonly bindingKey: string
  readonly bindingArguments: Readonly<Record<string, AmqpValue>>
  /** Nobody else uses it: it goes when the last handler does. */
  readonly isOwn: boolean
  /** It outlives the transport. */
  readonly isLasting: boolean
}

const MAX_NAME_BYTES = 255
/** What an address of AMQP 1.0 can name as well: RabbitMQ has no way there to write other signs. */
const PLAIN_NAME = /^[ -$&-~]*$/
/** A connection that breaks for less loses nothing. */
const PASSING_EXPIRY_MS = 300_000
const INBOX = new RegExp(`^${CONTROL_PREFIX}inbox/([\\w-]{43})(?:/(.*))?$`, 's')

/** The queue of a filter. @throws {WaxwingError} `ERR_UNSUPPORTED` if the exchange has no such filter. */
export function queueFor(filter: string, options: Resolved091): QueuePlan {
  const inbox = inboxQueueOf(filter)
  if (inbox !== undefined && filter.endsWith(`${inbox.principal}/#`)) {
    return inboxPlan(inbox.principal, options)
  }
  const { sessionExpirySeconds, name } = options
  const group = groupOf(filter)
  const isLasting = group !== undefined || name !== undefined
  const expires = isLasting ? sessionExpirySeconds * 1_000 : PASSING_EXPIRY_MS
  const arguments_ = isLasting ? lastingArguments(filter, options) : ownArguments(filter, options)
  return {
    queue: queueName(filter, group, name),
    declaration: { durable: true, expires, arguments: arguments_ },
    ...bindingOf(filter, options),
    isOwn: group === undefined,
    isLasting,
  }
}

/** The queue that keeps what is sent to this inbox, whether or not anyone has ever listened. */
export function inboxPlan(principal: string, options: Resolved091): QueuePlan {
  return {
    queue: `waxwing.inbox.${principal}`,
    declaration: {
      durable: true,
      expires: 90 * 86_400_000,
      maxLength: 20_000,
      overflow: 'reject-publish',
      arguments: { 'x-queue-type': 'quorum', 'x-max-length-bytes': 64 * 1024 * 1024 },
    },
    exchange: options.controlExchange,
    bindingKey: bindingKeyOf(`${CONTROL_PREFIX}inbox/${principal}/#`),
    bindingArguments: {},
    isOwn: false,
    isLasting: true,
  }
}

/** Whose inbox an address is in; `undefined` where it is in none. */
export function inboxQueueOf(address: string): { readonly principal: string } | undefined {
  const principal = INBOX.exec(address)?.[1]
  return principal === undefined ? undefined : { principal }
}

function queueName(filter: string, group: string | undefined, name: string | undefined): string {
  if (group !== undefined) return boundedName(`waxwing.share.${group}:${unshared(filter)}`)
  return name === undefined ? `waxwing.${randomUUID()}` : boundedName(`${name}:${filter}`)
}

/** As it is where it fits; else as much of it as does, and what tells it from others. */
function boundedName(wanted: string): string {
  if (PLAIN_NAME.test(wanted) && wanted.length <= MAX_NAME_BYTES) return wanted
  const digest = createHash('sha256').update(wanted).digest('base64url')
  return `${wanted.replaceAll(/[^ -$&-~]/g, '_').slice(0, 200)}~${digest}`
}

function ownArguments(filter: string, options: Resolved091): Record<string, AmqpValue> {
  return isControlFilter(filter) ? {} : { ...options.queueArguments, ...deadLetterTo(options) }
}

function lastingArguments(filter: string, options: Resolved091): Record<string, AmqpValue> {
  const { queueType, deliveryLimit } = options
  const kind = { 'x-queue-type': queueType }
  if (isControlFilter(filter)) return kind
  const limit = deliveryLimit === undefined ? {} : { 'x-delivery-limit': deliveryLimit }
  return { ...kind, ...limit, ...ownArguments(filter, options) }
}

function deadLetterTo({ deadLetters }: Resolved091): Record<string, AmqpValue> {
  return deadLetters === undefined ? {} : { 'x-dead-letter-exchange': deadLetters.exchange }
}

type Binding = Pick<QueuePlan, 'exchange' | 'bindingKey' | 'bindingArguments'>

/** What brings the messages of a filter to a queue, and perhaps some more. */
export function bindingOf(filter: string, options: Resolved091): Binding {
  const key = bindingKeyOf(filter)
  if (isControlFilter(filter)) {
    return { exchange: options.controlExchange, bindingKey: key, bindingArguments: {} }
  }
  const { name: exchange, type, bindingArguments } = options.exchange
  if (type === 'fanout') return { exchange, bindingKey: '', bindingArguments: {} }
  if (type === 'headers') {
    return { exchange, bindingKey: '', bindingArguments: bindingArguments(filter) }
  }
  if (type === 'direct' && /[+#]/.test(unshared(filter))) {
    throw new WaxwingError('ERR_UNSUPPORTED', `a direct exchange has no wildcards: ${filter}`)
  }
  return { exchange, bindingKey: key, bindingArguments: {} }
}
