// SPDX-License-Identifier: Apache-2.0
/**
 * What a transport is told of how to send an object: as little as there is to say, and nothing that
 * is sealed in it.
 *
 * @module
 */

import type { SendOptions } from '@waxwing/core'
import type { PublishOptions } from '../options.js'

const PLAIN: SendOptions = {}

/** What of the options of a publication is the transport's matter. */
export function sendOptionsOf({ retained, expiresAfterSeconds }: PublishOptions): SendOptions {
  if (retained === undefined && expiresAfterSeconds === undefined) return PLAIN
  return {
    ...(retained === undefined ? {} : { retained }),
    ...(expiresAfterSeconds === undefined ? {} : { expiresAfterSeconds }),
  }
}
