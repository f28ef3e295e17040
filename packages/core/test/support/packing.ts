// SPDX-License-Identifier: Apache-2.0
import { packedReference, toHex } from '@waxwing/core'
import { sodiumProvider } from '@waxwing/core/sodium'

/** What somebody finds who holds these byte strings. */
export function holding(
  held: readonly Uint8Array[],
): (reference: Uint8Array) => Uint8Array | undefined {
  const byReference = new Map(held.map((one) => [toHex(packedReference(sodiumProvider, one)), one]))
  return (reference) => byReference.get(toHex(reference))
}
