// SPDX-License-Identifier: Apache-2.0
/**
 * Makes bytes that are wrong in every way that is cheap to think of, from ones that are right.
 *
 * @module
 */

const MAX_RANDOM_BYTES = 300

/** Changes bytes without knowing what they mean. */
export class ByteChanges {
  readonly #random: () => number

  /** @param random - From 0 to below 1. */
  constructor(random: () => number) {
    this.#random = random
  }

  /** A number from 0 to below `limit`. */
  below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  /** One of several: at least one. */
  pick<T>(of: readonly T[]): T {
    return of[this.below(of.length)]!
  }

  /** New bytes, mostly those of `whole`. @param other - Gives some to take from, where wanted. */
  changed(whole: Uint8Array, other: () => Uint8Array): Uint8Array {
    const changes = [
      () => this.#bytes(this.below(MAX_RANDOM_BYTES)),
      () => whole.slice(0, this.below(whole.length)),
      () => flipped(whole, this.below(8 * whole.length)),
      () => replaced(whole, this.below(whole.length), this.#bytes(1 + this.below(8))),
      () => joined(whole, this.#bytes(1 + this.below(8))),
      () => joined(whole, other()),
      () => joined(whole.slice(0, this.below(whole.length)), other()),
    ]
    return this.pick(changes)()
  }

  #bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.below(256))
  }
}

export class Mutator {
  readonly #whole: readonly Uint8Array[]
  readonly #changes: ByteChanges

  /** @param whole - What is right: at least one. @param random - From 0 to below 1. */
  constructor(whole: readonly Uint8Array[], random: () => number) {
    this.#whole = whole
    this.#changes = new ByteChanges(random)
  }

  /** Bytes that are not what any of the right ones is. */
  next(): Uint8Array {
    const pick = (): Uint8Array => this.#changes.pick(this.#whole)
    const mutated = this.#changes.changed(pick(), pick)
    const isRight = this.#whole.some((right) => Buffer.compare(right, mutated) === 0)
    return isRight ? this.next() : mutated
  }
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const at = bit >> 3
  return replaced(bytes, at, Uint8Array.of((bytes[at] ?? 0) ^ (1 << (bit & 7))))
}

function replaced(bytes: Uint8Array, at: number, by: Uint8Array): Uint8Array {
  const copy = bytes.slice()
  copy.set(by.subarray(0, bytes.length - at), at)
  return copy
}

export function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const both = new Uint8Array(one.length + other.length)
  both.set(one)
  both.set(other, one.length)
  return both
}
