// SPDX-License-Identifier: Apache-2.0
/**
 * Cutting a payload into pieces of one length as it comes (`docs/spec/04-objects.md` Section 4.4.1).
 *
 * @module
 */

export interface CutPiece {
  /** Good until the next piece is asked for. */
  readonly bytes: Uint8Array
  readonly last: boolean
}

/**
 * Cuts. All pieces but the last have the length, and the last one is empty only if it is the only one.
 *
 * @throws {TypeError} If the source yields anything but bytes.
 */
export async function* cut(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  pieceBytes: number,
): AsyncGenerator<CutPiece, void> {
  const bytes = new Uint8Array(pieceBytes)
  let filled = 0
  for await (const part of source) {
    if (!(part instanceof Uint8Array)) throw new TypeError('source must yield Uint8Array')
    for (let at = 0; at < part.length;) {
      // Only now is it known not to be the last one.
      if (filled === pieceBytes) {
        yield { bytes, last: false }
        filled = 0
      }
      const taken = part.subarray(at, at + pieceBytes - filled)
      bytes.set(taken, filled)
      filled += taken.length
      at += taken.length
    }
  }
  yield { bytes: bytes.subarray(0, filled), last: true }
}
