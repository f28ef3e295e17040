// SPDX-License-Identifier: Apache-2.0
/**
 * What one send becomes: its checks, its id, its subject and its headers.
 *
 * @module
 */

import { isControlAddress, type SendOptions, type TransportLimits } from '@waxwing/core'
import { assertAddress, limitError } from '@waxwing/transport-kit'
import { subjectOf } from './names.js'
import { headersOf, MESSAGE_ID } from './properties.js'
import type { Outgoing } from './publisher.js'
import { keptAt, OPERATION } from './retained.js'

/** A line of the protocol has 4,096 bytes at most, and more stands in it than the subject. */
const MAX_SUBJECT_BYTES = 2_048

/** Ids that nobody else has. */
export class MessageIds {
  readonly #own = crypto.randomUUID().replaceAll('-', '')
  #number = 0

  next(): string {
    return `${this.#own}.${(this.#number++).toString(36)}`
  }
}

/** Checks a send. @throws {TypeError | RangeError} Naming what is wrong. */
export function assertSendable(
  address: string,
  payload: Uint8Array,
  { expiresAfterSeconds: expiry = 0 }: SendOptions,
  { maxPayloadBytes }: TransportLimits,
): void {
  assertAddress(address)
  if (payload.length > maxPayloadBytes) {
    throw new RangeError(
      `payload is ${payload.length} bytes, limit is ${maxPayloadBytes} (maxPayloadBytes)`,
    )
  }
  if (!Number.isInteger(expiry) || expiry < 0 || expiry > 0xffff_ffff) {
    throw new RangeError('expiresAfterSeconds must be an integer from 0 to 4294967295')
  }
}

/**
 * The subject of an address, behind a prefix unless it is one of control.
 *
 * @throws {WaxwingError} `ERR_LIMIT` if it is longer than a server reads.
 */
export function boundedSubjectOf(address: string, prefix: string): string {
  const subject = (isControlAddress(address) ? '' : prefix) + subjectOf(address)
  // A sign takes three bytes at most: short ones need no counting.
  if (3 * subject.length > MAX_SUBJECT_BYTES && Buffer.byteLength(subject) > MAX_SUBJECT_BYTES) {
    throw limitError(
      `the address is longer than a subject of NATS: ${address.slice(0, 40)}…`,
      'address',
    )
  }
  return subject
}

/** A send to a stream. An expiry is left out: streams keep what they keep. */
export function outgoingOf(
  address: string,
  payload: Uint8Array,
  { retained = false, properties }: SendOptions,
  { prefix, id }: { readonly prefix: string; readonly id: string },
): Outgoing {
  const takesAway = retained && payload.length === 0
  const own = takesAway ? { [MESSAGE_ID]: id, [OPERATION]: 'DEL' } : { [MESSAGE_ID]: id }
  return {
    address,
    role: isControlAddress(address) ? 'control' : 'data',
    subject: boundedSubjectOf(address, prefix),
    keptAt: retained ? keptAt(address) : undefined,
    payload: new Uint8Array(payload),
    headers: headersOf(own, properties),
  }
}
