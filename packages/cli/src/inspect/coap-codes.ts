// SPDX-License-Identifier: Apache-2.0
/**
 * Codes of CoAP by their names in the registry (RFC 7252 Section 12.1).
 *
 * @module
 */

import { codeName, methodOf, RESPONSE } from '@waxwing/coap'

const NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(RESPONSE).map(([key, byte]) => [byte, spaced(key)]),
)

/** The name of a method or response; `undefined` for any other code. */
export function nameOfCode(byte: number): string | undefined {
  return methodOf(byte) ?? NAMES.get(byte)
}

/** A code with its name: `2.05 Content`. */
export function codeText(byte: number): string {
  if (byte === 0) return '0.00 (empty)'
  const name = nameOfCode(byte)
  return name === undefined ? codeName(byte) : `${codeName(byte)} ${name}`
}

/** `notFound` as `Not Found`. */
function spaced(key: string): string {
  const words = key.replaceAll(/[A-Z]/g, (letter) => ` ${letter}`)
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`
}
