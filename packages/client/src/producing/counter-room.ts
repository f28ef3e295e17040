// SPDX-License-Identifier: Apache-2.0
/**
 * Counters of a durable-counter generation that this process may use (`docs/spec/05-keys.md`
 * Section 5.5.3): reserved durably before, so that sealing is synchronous and no other run uses them.
 *
 * Invariant: a counter leaves the room once. What is left in it when the process ends is skipped,
 * unless the room was closed and nobody reserved behind it.
 *
 * @module
 */

/** Reserved, from the next to be used to the first that is not. */
interface Block {
  next: number
  readonly end: number
}

/** Small, because a crash skips what is left of it, and all counters of a generation are few. */
const FEWEST = 64
const MOST = 4096
/** Who needs more so soon gets twice as many. */
const SOON_MS = 1000

export class CounterRoom {
  #blocks: Block[] = []
  #last = -1
  #size = FEWEST
  #filledAtMs = -Infinity
  #closed = false

  /** How many counters may be used. */
  get left(): number {
    return this.#blocks.reduce((sum, { next, end }) => sum + end - next, 0)
  }

  /** The counter that the next object will carry, if there is one left. */
  get next(): number {
    return this.#blocks[0]?.next ?? this.#last + 1
  }

  /** The counter that was used last; −1 before the first. */
  get last(): number {
    return this.#last
  }

  /** Whether more should be reserved, before none are left. */
  get isShort(): boolean {
    return !this.#closed && this.left < this.#size / 2
  }

  /** How many to reserve now, by the monotonic clock. */
  sizeAt(nowMs: number): number {
    this.#size = nowMs - this.#filledAtMs < SOON_MS ? Math.min(2 * this.#size, MOST) : FEWEST
    this.#filledAtMs = nowMs
    return this.#size
  }

  /** Takes in counters that were reserved, above all that were before. */
  add(from: number, end: number): void {
    const block = this.#blocks.at(-1)
    if (block?.end === from) this.#blocks[this.#blocks.length - 1] = { next: block.next, end }
    else this.#blocks.push({ next: from, end })
  }

  /** Notes that all below a counter of the block in use were used, or will never be. */
  useUpTo(next: number): void {
    const [block] = this.#blocks
    if (block === undefined || next <= block.next) return
    this.#last = next - 1
    block.next = next
    if (block.next >= block.end) this.#blocks.shift()
  }

  /** Ends the use of counters. Returns those that are left at the end of what was reserved last. */
  close(): Readonly<Block> | undefined {
    this.#closed = true
    const rest = this.#blocks.at(-1)
    this.#blocks = []
    return rest
  }
}
