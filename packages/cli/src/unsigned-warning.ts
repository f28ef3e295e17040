// SPDX-License-Identifier: Apache-2.0
/**
 * What is said of streams without signatures.
 *
 * @module
 */

import type { Producer } from '@waxwing/client'
import type { Context } from './context.js'

/** A stream stays without signatures until somebody changes that: it is said each time. */
export function warnUnsigned({ output }: Context, { name, generation }: Producer): void {
  if (generation.manifest.signatureMode !== 'none') return
  output.warn(
    `NOT SIGNED: every reader of ${name} can write messages as its producer; ` +
      '--signature each changes that.',
  )
}
