// SPDX-License-Identifier: Apache-2.0
/**
 * Properties that the application has in the clear, as a clear part (`docs/spec/04-objects.md`
 * Section 4.2.4).
 *
 * @module
 */

import { encodeClearProperties } from '@waxwing/core'
import type { PublishOptions } from '../options.js'

/**
 * The same options, with the clear part that their properties make.
 *
 * @throws {TypeError} If there is a clear part as well, or a property is no text.
 * @throws {RangeError} If there are too many properties, or they are too long.
 */
export function withClearPart<T extends PublishOptions>(options: T): T {
  const { clearPart, clearProperties } = options
  if (clearProperties === undefined) return options
  if (clearPart !== undefined) throw new TypeError('clearProperties do not go with clearPart')
  return { ...options, clearPart: encodeClearProperties(clearProperties) }
}
