// SPDX-License-Identifier: Apache-2.0
/**
 * A reader of what is kept somewhere, in an archive or by a broker: it subscribes to nothing, and records
 * nothing as read.
 *
 * @module
 */

import { Reader, type Endpoint, type ReaderOptions } from '@waxwing/client'
import { parseTime } from './times.js'

/** @param options - Its name and whether it asks for keys are set here, where they are left out. */
export function keptReader(
  { parts }: Endpoint,
  pattern: string,
  options: ReaderOptions = {},
): Reader {
  const { runtime, book, trustBook, requester: requests, transport } = parts
  const deps = { runtime, book, trust: trustBook.trust, requests, transport }
  return new Reader(deps, pattern, { name: 'archives', request: false, ...options })
}

/** A span of time as it is typed. */
export interface TypedSpan {
  readonly from?: string
  readonly until?: string
}

/** @throws {UsageError} If one of them is no time. */
export function spanFrom({ from, until }: TypedSpan): { from?: Date; until?: Date } {
  const now = Date.now()
  return {
    ...(from === undefined ? {} : { from: parseTime(from, now) }),
    ...(until === undefined ? {} : { until: parseTime(until, now) }),
  }
}
