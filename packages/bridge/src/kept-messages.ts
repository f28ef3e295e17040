// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages between two sides that both have some (`docs/spec/09-bindings.md` Section 9.2).
 *
 * A retained message replaces the one before, and no intermediary says which of two is newer. What one side
 * had in its memory while the bridge was away may be older than what the other side has; to copy both
 * ways would exchange them. So what comes from a memory is put into the other one only where that one is
 * not known to have something else: for a while after the start it is held, until both have told what
 * they have. Where they differ, each message is passed on to those who listen, unretained, and both
 * memories stay; the next one that is sent live makes them equal.
 *
 * What waited at a side while the bridge was away comes as if it were live, and may come after the memory
 * of that side: it is older than that. So as long as a memory is held, what comes for its address from the
 * same side is passed on unretained, until the held message itself has come.
 *
 * @module
 */

import type { Side } from './passed.js'

/** What becomes of a message: retained there, passed on unretained, left as known, or held for now. */
export type Fate = 'retain' | 'pass' | 'known' | 'hold'

/** What each side has. */
type Held = Readonly<Partial<Record<Side, string>>>

const MAX_ADDRESSES = 65_536
const DIFFERENT = ''

export class KeptMessages {
  /** The digest of the newest by address, or {@link DIFFERENT}. */
  readonly #newest = new Map<string, string>()
  /** While settling: the digests that are held, by address. */
  #held: Map<string, Held> | undefined = new Map()

  /** A message that came live, for the first time. It counts, unless it is older than what is held. */
  live(side: Side, address: string, digest: string): Extract<Fate, 'retain' | 'pass'> {
    const held = this.#held?.get(address)?.[side]
    const isOlder = held !== undefined && held !== digest && !this.#newest.has(address)
    if (isOlder) return 'pass'
    this.#set(address, digest)
    return 'retain'
  }

  /** A message from the memory of one side. */
  fromMemory(side: Side, address: string, digest: string): Fate {
    const newest = this.#newest.get(address)
    if (newest !== undefined) return newest === digest ? 'known' : 'pass'
    if (this.#held !== undefined) {
      this.#held.set(address, { ...this.#held.get(address), [side]: digest })
      return 'hold'
    }
    this.#set(address, digest)
    return 'retain'
  }

  /** What becomes of one that was held, after {@link settle}. */
  afterHold(address: string, digest: string): Fate {
    const newest = this.#newest.get(address)
    return newest === digest ? 'retain' : 'pass'
  }

  /**
   * Both sides have told what they have. Nothing is held any more.
   *
   * @returns The addresses of which the sides have different messages.
   */
  settle(): readonly string[] {
    const held = this.#held ?? new Map<string, Held>()
    this.#held = undefined
    const different: string[] = []
    for (const [address, { from, to }] of held) {
      if (this.#newest.has(address)) continue // a live one came meanwhile
      const isOne = from === undefined || to === undefined || from === to
      this.#set(address, isOne ? (from ?? to ?? DIFFERENT) : DIFFERENT)
      if (!isOne) different.push(address)
    }
    return different
  }

  /** What is forgotten first is what was set first. */
  #set(address: string, digest: string): void {
    this.#newest.delete(address)
    this.#newest.set(address, digest)
    if (this.#newest.size <= MAX_ADDRESSES) return
    for (const oldest of this.#newest.keys()) {
      this.#newest.delete(oldest)
      return
    }
  }
}
