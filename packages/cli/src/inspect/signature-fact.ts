// SPDX-License-Identifier: Apache-2.0
/**
 * What a viewer says of a statement's signature.
 *
 * @module
 */

import type { DecodedStatement } from '@waxwing/core'
import { fact, type Fact } from './tree.js'
import type { Viewer } from './viewer.js'

/** Who signed a statement, as far as the viewer can tell. */
export function signatureFact(
  statement: DecodedStatement,
  viewer: Viewer,
  credential?: Uint8Array,
): Fact {
  const { state, text } = viewer.judge(statement, credential)
  return fact('signature', state, text)
}
