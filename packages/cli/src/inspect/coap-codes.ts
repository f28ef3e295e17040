// SPDX-License-Identifier: Apache-2.0
/**
 * Codes of CoAP by their names in the registry (RFC 7252 Section 12.1).
 *
 * @module
 */

import { codeName, methodOf, RESPONSE } from '@waxwing/coap'
import { code } from '@waxwing/oscore'

/** RFC 8516 and RFC 8768: codes that nothing here sends. */
const FURTHER: readonly (readonly [number, string])[] = [
  [code(4, 29), 'Too Many Requests'],
  [code(5, 8), 'Hop Limit Reached'],
]

const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(RESPONSE).map(([key, byte]): [number, string] => [byte, spaced(key)]),
  ...FURTHER,
])

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
