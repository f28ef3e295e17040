// SPDX-License-Identifier: Apache-2.0
/**
 * A cache before an origin in memory.
 *
 * @module
 */

import type { CoapOption } from '@waxwing/oscore'
import {
  caching,
  type Caching,
  type CachingOptions,
  type Handler,
  OPTION,
  optionValues,
  readUint,
  type Response,
} from '../../src/index.js'
import { contentOf, recorder, type Recorder } from './exchanges.js'

/** A cache, and what is on its sides. */
export interface Cached {
  readonly origin: Recorder
  readonly cache: Caching
  readonly get: Handler
  readonly clock: { seconds: number }
}

/** A cache before an origin that answers so, with a clock by hand. */
export function cacheBefore(answer: Handler, options: CachingOptions = {}): Cached {
  const clock = { seconds: 1000 }
  const origin = recorder(answer)
  const cache = caching({ now: () => clock.seconds * 1000, ...options })
  return { origin, cache, get: cache.layer(origin.handler), clock }
}

/** In seconds. */
export function maxAgeOf(response: Response): number | undefined {
  const [value] = optionValues(response, OPTION.maxAge)
  return value && readUint(value)
}

/** Answers with what changes each time. */
export function counting(...options: readonly CoapOption[]): Handler {
  let count = 0
  return async () => contentOf(String(++count), options)
}
