// SPDX-License-Identifier: Apache-2.0
/**
 * Makes bytes that are wrong in every way that is cheap to think of, from ones that are right.
 *
 * @module
 */

const MAX_RANDOM_BYTES = 300

export class Mutator {
  readonly #whole: readonly Uint8Array[]
  readonly #random: () => number

  /** @param whole - What is right: at least one. @param random - From 0 to below 1. */
  constructor(whole: readonly Uint8Array[], random: () => number) {
    this.#whole = whole
    this.#random = random
  }

  /** Bytes that are not what any of the right ones is. */
  next(): Uint8Array {
    const whole = this.#pick()
    const mutations = [
      () => this.#bytes(this.#below(MAX_RANDOM_BYTES)),
      () => whole.slice(0, this.#below(whole.length)),
      () => flipped(whole, this.#below(8 * whole.length)),
      () => replaced(whole, this.#below(whole.length), this.#bytes(1 + this.#below(8))),
      () => joined(whole, this.#bytes(1 + this.#below(8))),
      () => joined(whole, this.#pick()),
      () => joined(whole.slice(0, this.#below(whole.length)), this.#pick()),
    ]
    const mutated = mutations[this.#below(mutations.length)]?.() ?? new Uint8Array()
    const isRight = this.#whole.some((right) => Buffer.compare(right, mutated) === 0)
    return isRight ? this.next() : mutated
  }

  #pick(): Uint8Array {
    return this.#whole[this.#below(this.#whole.length)] ?? new Uint8Array(1)
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit)
  }

  #bytes(count: number): Uint8Array {
    return Uint8Array.from({ length: count }, () => this.#below(256))
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

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  return Uint8Array.from([...one, ...other])
}
