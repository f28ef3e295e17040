// SPDX-License-Identifier: Apache-2.0
/**
 * How many orders of others are kept (`docs/spec/07-granting.md` Sections 7.8.1 and 7.8.4), and for
 * how long.
 *
 * Whoever is certified may say something of a generation that is not held: a delegate learns who is
 * revoked before it gets its first keys. So what is kept is bounded for each author, for all that
 * granted us nothing, and for all together; and nobody is kept from a small part of its own by what
 * others say. What nobody waits for any more is forgotten.
 *
 * What is kept is counted in memory: no order costs a look at all others in the store.
 *
 * @module
 */

import { WaxwingError, type Store } from '@waxwing/core'
import type { GenerationBook } from '../generation-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import type { Table } from '../table.js'
import type { UpstreamOrder } from './upstream-order.js'

/** Of one author, about generations that are not held. */
const MAX_UNKNOWN_OF_ONE_AUTHOR = 1024
/** Of one author, about one generation that is held, or about all. */
const MAX_OF_ONE_GENERATION = 4096
/** Of all authors that granted us nothing; but for the first few of each. */
const MAX_OF_STRANGERS = 8192
const FIRST_OF_A_STRANGER = 64
/** Of all authors; but for the first few of each. */
const MAX_OF_ALL = 65_536
const FIRST_OF_ONE_AUTHOR = 256
/** A clock that was ahead for a while must not make us forget: a day is left for doubt. */
const DOUBT_SECONDS = 86_400

export interface UpstreamRoomInputs {
  readonly runtime: Pick<Runtime, 'store' | 'time'>
  readonly book: GenerationBook
  readonly table: Table<UpstreamOrder>
}

export class UpstreamRoom {
  readonly #inputs: UpstreamRoomInputs
  readonly #store: Store
  readonly #stopListening: (() => void) | undefined
  /** What the store holds, by key; `undefined` if it has to be read. */
  #kept: Map<string, UpstreamOrder> | undefined
  /** How often another process changed something. */
  #changes = 0

  constructor(inputs: UpstreamRoomInputs) {
    this.#inputs = inputs
    this.#store = inputs.runtime.store
    this.#stopListening = this.#store.onForeignChange?.(() => {
      this.#changes++
      this.#kept = undefined
    })
  }

  /** @throws {WaxwingError} `ERR_LIMIT` if too much was said already. */
  async assertFor(order: UpstreamOrder): Promise<void> {
    const { author, digest, generation } = order
    const others = [...(await this.#all()).values()].filter((one) => one.digest !== digest)
    const ofAuthor = others.filter((one) => one.author === author)
    const aboveUs = this.#authorsAboveUs()
    if (this.#isUnknown(order)) {
      const unknown = ofAuthor.filter((one) => this.#isUnknown(one))
      assertBelow(unknown.length, MAX_UNKNOWN_OF_ONE_AUTHOR, 'revocations of unknown generations')
    } else {
      const same = ofAuthor.filter((one) => one.generation === generation)
      assertBelow(same.length, MAX_OF_ONE_GENERATION, 'revocations of one generation')
    }
    if (!aboveUs.has(author) && ofAuthor.length >= FIRST_OF_A_STRANGER) {
      const strange = others.filter((one) => !aboveUs.has(one.author))
      assertBelow(strange.length, MAX_OF_STRANGERS, 'revocations of strangers')
    }
    if (ofAuthor.length < FIRST_OF_ONE_AUTHOR) return
    assertBelow(others.length, MAX_OF_ALL, 'revocations')
  }

  /** Notes what was written. */
  noteKept(key: string, order: UpstreamOrder): void {
    this.#kept?.set(key, order)
  }

  /** Forgets what is over and cannot bind anything: its author stands in no chain that we hold. */
  async forgetOver(): Promise<void> {
    const { runtime, book, table } = this.#inputs
    if (book.hasAway) return // what comes back must find the orders that it came under
    const kept = await this.#all()
    const now = nowSeconds(runtime)
    const aboveUs = this.#authorsAboveUs()
    const over = [...kept]
      .filter(([, { author, until }]) => until + DOUBT_SECONDS < now && !aboveUs.has(author))
      .map(([key]) => key)
    if (over.length === 0) return
    await this.#store.write(over.map((key) => table.delete(key)))
    for (const key of over) this.#kept?.delete(key)
  }

  close(): void {
    this.#stopListening?.()
  }

  async #all(): Promise<Map<string, UpstreamOrder>> {
    if (this.#kept !== undefined) return this.#kept
    const changes = this.#changes
    const entries = await this.#inputs.table.scan()
    const kept = new Map(entries.map(({ key, record }) => [key, record]))
    return changes === this.#changes ? (this.#kept ??= kept) : kept
  }

  /** Everybody who issued a link of a chain by which we hold something. */
  #authorsAboveUs(): ReadonlySet<string> {
    const granted = this.#inputs.book.all().filter(({ own }) => !own)
    return new Set(
      granted.flatMap(({ grants }) => [...grants.values()].flatMap(({ issuers }) => issuers)),
    )
  }

  #isUnknown({ generation }: UpstreamOrder): boolean {
    return generation !== null && this.#inputs.book.byId(generation) === undefined
  }
}

function assertBelow(count: number, limit: number, rule: string): void {
  if (count < limit) return
  throw new WaxwingError('ERR_LIMIT', 'too many revocations are kept already', { rule })
}
