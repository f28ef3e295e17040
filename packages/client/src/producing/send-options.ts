// SPDX-License-Identifier: Apache-2.0
/**
 * What a transport is told of how to send an object: as little as there is to say, and nothing that
 * is sealed in it. What stands in the clear part as properties is told as such, where there are any
 * (`docs/spec/04-objects.md` Section 4.2.4).
 *
 * @module
 */

import type { SendOptions, TransportLimits } from '@waxwing/core'
import type { PublishOptions } from '../options.js'

const PLAIN: SendOptions = {}

/** What of the options of a publication is the transport's matter. */
export function sendOptionsOf(
  { retained, expiresAfterSeconds, clearProperties }: PublishOptions,
  limits: Pick<TransportLimits, 'properties'>,
): SendOptions {
  const properties = limits.properties === false ? undefined : clearProperties
  if (retained === undefined && expiresAfterSeconds === undefined && properties === undefined) {
    return PLAIN
  }
  return {
    ...(properties === undefined ? {} : { properties }),
    ...(retained === undefined ? {} : { retained }),
    ...(expiresAfterSeconds === undefined ? {} : { expiresAfterSeconds }),
  }
}
