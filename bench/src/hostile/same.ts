// SPDX-License-Identifier: Apache-2.0
import { toHex } from '@waxwing/core'
import type { Trial } from './target.ts'

/** What to say if something encoded anew is not what came. */
export function same(what: string, made: Uint8Array, came: Uint8Array): Trial {
  if (Buffer.compare(made, came) === 0) return undefined
  return `${what}: ${toHex(came)} became ${toHex(made)}`
}
