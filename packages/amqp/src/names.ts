// SPDX-License-Identifier: Apache-2.0
/**
 * Addresses as routing keys, and filters as binding keys (`docs/spec/09-bindings.md` Section 9.6.1).
 *
 * `/` and `.` change places, so that no two addresses share a routing key, and that clients of RabbitMQ's
 * MQTT plugin meet those of AMQP: it writes `.` for `/` too (and leaves dots, which it then confuses: a
 * topic of MQTT clients should have none). A binding may match more than its filter (a
 * level that is literally `*`, addresses that begin with `$`): whoever receives matches again.
 *
 * @module
 */

import { utf8 } from '@waxwing/core'
import { unshared } from '@waxwing/transport-kit'

/** The longest routing key, in bytes: AMQP 0-9-1 has short strings there. */
const MAX_KEY_BYTES = 255

/** The routing key of an address. @throws {TypeError} If it would be longer than 255 bytes. */
export function routingKeyOf(address: string): string {
  assertLength(address, 'address')
  return swapped(address)
}

/** The address of a routing key: of anyone's, it may be none that could be sent to. */
export function addressOf(routingKey: string): string {
  return swapped(routingKey)
}

/**
 * The binding key, for a topic exchange, of a filter; `$share/group/` is left out of it.
 *
 * @throws {TypeError} If it would be longer than 255 bytes.
 */
export function bindingKeyOf(filter: string): string {
  const wanted = unshared(filter)
  assertLength(wanted, 'filter')
  return swapped(wanted).replaceAll('+', '*')
}

function swapped(text: string): string {
  return text.replace(/[./]/g, (sign) => (sign === '/' ? '.' : '/'))
}

function assertLength(text: string, name: string): void {
  // A code unit takes three bytes at most: short texts, which is nearly all, need no encoding.
  if (3 * text.length > MAX_KEY_BYTES && utf8(text).length > MAX_KEY_BYTES) {
    throw new TypeError(`${name} is longer than ${MAX_KEY_BYTES} bytes`)
  }
}
