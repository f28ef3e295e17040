// SPDX-License-Identifier: Apache-2.0
/**
 * Padding, so that sizes tell less (`docs/spec/04-objects.md` Section 4.4).
 *
 * @module
 */

import { encodeMetadata, type Metadata } from '@waxwing/core'

/** Label and head of the shortest padding, in bytes. */
const FRAMING_BYTES = 2

/**
 * Encodes metadata with so much padding that metadata and plaintext together fill a multiple of
 * `padToBytes`.
 *
 * @param padToBytes - 1 to 32,768.
 * @throws {RangeError} If it is anything else.
 */
export function paddedMetadata(
  metadata: Metadata,
  plaintextBytes: number,
  padToBytes: number,
): Uint8Array {
  if (!Number.isInteger(padToBytes) || padToBytes < 1 || padToBytes > 32_768) {
    throw new RangeError(`padToBytes must be an integer from 1 to 32768, got ${padToBytes}`)
  }
  const bare = encodeMetadata(metadata, 0).length + plaintextBytes
  let target = Math.ceil(bare / padToBytes) * padToBytes
  for (;;) {
    // The head of a longer padding is longer: try every length that may fit.
    for (
      let padding = target - bare;
      padding >= Math.max(0, target - bare - FRAMING_BYTES);
      padding--
    ) {
      const encoded = encodeMetadata(metadata, padding)
      if (encoded.length + plaintextBytes === target) return encoded
    }
    target += padToBytes
  }
}
