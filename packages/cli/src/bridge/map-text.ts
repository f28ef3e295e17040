// SPDX-License-Identifier: Apache-2.0
/**
 * Maps of addresses as they are typed: `FROM -> TO`, or one filter for both sides.
 *
 * Filters are Waxwing's own, with slashes, `+` and `#`. On a side whose protocol writes dots they may
 * be written as there: `plant.*.door`, `plant.#` or `plant.>`.
 *
 * @module
 */

import type { AddressPair } from '@waxwing/bridge'
import { UsageError } from '../exit-codes.js'

const DOTTED: ReadonlySet<string> = new Set(['amqp:', 'amqps:', 'nats:', 'tls:'])

/** @throws {UsageError} If it is no map. `from` and `to` are the URLs of the sides. */
export function mapOf(text: string, sides: { from: string; to: string }): AddressPair {
  const parts = text.split('->').map((part) => part.trim())
  const [from = '', to = from] = parts
  if (parts.length > 2 || from === '' || to === '') {
    throw new UsageError(`'${text}' is no map: write 'plant/# -> plant/#', or 'plant/#' for both`)
  }
  const isSame = parts.length === 1
  const near = filterOf(from, sides.from)
  return { from: near, to: isSame ? near : filterOf(to, sides.to) }
}

/** A filter without a slash on a side that writes dots. */
function filterOf(text: string, url: string): string {
  const scheme = URL.parse(url)?.protocol
  if (scheme === undefined || !DOTTED.has(scheme) || text.includes('/')) return text
  const levels = text.split('.')
  return levels.map((level) => (level === '*' ? '+' : level === '>' ? '#' : level)).join('/')
}
