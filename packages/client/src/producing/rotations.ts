// SPDX-License-Identifier: Apache-2.0
/**
 * When each stream last rotated (`docs/spec/05-keys.md` Section 5.9): at most once a minute, whoever
 * has it open. Of this process: after a restart a stream may rotate at once.
 *
 * @module
 */

import type { TimeKeeper } from '../time-keeper.js'

const MIN_ROTATION_MS = 60_000

/** The latest rotation of a stream. */
interface Latest {
  /** When it began, in monotonic milliseconds. */
  readonly atMs: number
  /** Its mark; that of the one before it, while it is under way. */
  readonly mark: number
  readonly underWay: Promise<void> | undefined
}

const NEVER: Latest = { atMs: -Infinity, mark: 0, underWay: undefined }

export class Rotations {
  readonly #time: Pick<TimeKeeper, 'monotonic'>
  readonly #latest = new Map<string, Latest>()
  #marks = 0

  constructor(time: Pick<TimeKeeper, 'monotonic'>) {
    this.#time = time
  }

  /** A point in the order of what happens, to compare with the beginnings of rotations. */
  mark(): number {
    return ++this.#marks
  }

  /** Whether the stream rotated, and began to do so after the mark. */
  hasRotatedSince(stream: string, mark: number): boolean {
    return this.#of(stream).mark > mark
  }

  /** How long to wait until the stream may rotate; 0 or less: not at all. */
  waitMs(stream: string): number {
    return this.#of(stream).atMs + MIN_ROTATION_MS - this.#time.monotonic()
  }

  /** The end of a rotation that is under way, however it ends. */
  underWay(stream: string): Promise<void> | undefined {
    return this.#of(stream).underWay
  }

  /** Notes a rotation that began after the mark was made, and is done. */
  note(stream: string, mark: number): void {
    this.#latest.set(stream, { atMs: this.#time.monotonic(), mark, underWay: undefined })
  }

  /** Carries out a rotation. One that fails does not count. */
  async during<T>(stream: string, rotate: () => Promise<T>): Promise<T> {
    const before = this.#of(stream)
    const mark = this.mark()
    const atMs = this.#time.monotonic()
    const rotation = rotate()
    const underWay = rotation.then(
      () => undefined,
      () => undefined,
    )
    this.#latest.set(stream, { atMs, mark: before.mark, underWay })
    try {
      const result = await rotation
      this.#latest.set(stream, { atMs, mark, underWay: undefined })
      return result
    } catch (error) {
      this.#latest.set(stream, { ...before, underWay: undefined })
      throw error
    }
  }

  #of(stream: string): Latest {
    return this.#latest.get(stream) ?? NEVER
  }
}
