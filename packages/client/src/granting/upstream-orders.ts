// SPDX-License-Identifier: Apache-2.0
/**
 * Orders to revoke by those who stand above us in a chain (`docs/spec/07-granting.md` Section 7.8.1).
 *
 * They are kept as they were given, and weighed against each chain under which something might be
 * granted: an order binds no chain but those that its author issued a link of. So nobody gains a say
 * over what we hold from others, nor over what is ours, by granting us something.
 *
 * @module
 */

import { fromHex, MapFields, toHex, WaxwingError, type CborValue, type Change } from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'

/** So many orders of one author about generations that are not held. */
const MAX_UNKNOWN_OF_ONE_AUTHOR = 1024

export interface UpstreamOrder {
  /** Of the message, in hex. */
  readonly digest: string
  /** Who is revoked: its id in base64url. */
  readonly principal: string
  /** Who says so: its id in base64url. */
  readonly author: string
  /** The one that is meant, in hex; `null` for all. */
  readonly generation: string | null
}

/** A chain under which something of a generation may be granted. */
export interface Chain {
  readonly generation: Generation
  /** From the producer down: ids in base64url. Empty if we are the producer. */
  readonly issuers: readonly string[]
}

export class UpstreamOrders {
  readonly #book: GenerationBook
  readonly #table: Table<UpstreamOrder>

  constructor({ store }: Pick<Runtime, 'store'>, book: GenerationBook) {
    this.#book = book
    this.#table = new Table(store, 'revocation-upstream', { toCbor, fromCbor })
  }

  /** What was said against a principal. */
  async against(principal: string): Promise<readonly UpstreamOrder[]> {
    const entries = await this.#table.scan({ prefix: `${principal}/` })
    return entries.map(({ record }) => record)
  }

  /** All orders, by whom they are against. */
  async all(): Promise<ReadonlyMap<string, readonly UpstreamOrder[]>> {
    const orders = (await this.#table.scan()).map(({ record }) => record)
    return Map.groupBy(orders, ({ principal }) => principal)
  }

  /** The change that keeps an order. */
  keep(order: UpstreamOrder): Change {
    return this.#table.put(`${order.principal}/${order.digest}`, order)
  }

  /** @throws {WaxwingError} `ERR_LIMIT` if its author has said too much of what is not held here. */
  async assertRoomFor({ author, generation, digest }: UpstreamOrder): Promise<void> {
    if (generation === null || this.#book.byId(generation) !== undefined) return
    const kept = (await this.#table.scan()).map(({ record }) => record)
    const unknown = kept.filter(
      (one) => one.author === author && one.digest !== digest && this.#isUnknown(one),
    )
    if (unknown.length < MAX_UNKNOWN_OF_ONE_AUTHOR) return
    const detail = { rule: 'revocations of unknown generations' }
    throw new WaxwingError('ERR_LIMIT', 'too many revocations of what is not held', detail)
  }

  /**
   * Whether an order binds what is granted under a chain: its author issued a link of it, and means
   * the stream. As long as the generation that it names is not held, it may mean any.
   */
  binds({ author, generation: id }: UpstreamOrder, { generation, issuers }: Chain): boolean {
    if (!issuers.includes(author)) return false
    const meant = id === null ? undefined : this.#book.byId(id)
    return meant === undefined || isSameStream(meant, generation)
  }

  #isUnknown({ generation }: UpstreamOrder): boolean {
    return generation !== null && this.#book.byId(generation) === undefined
  }

  /** Of some chains, those that none of the orders binds. */
  unbound<T extends Chain>(orders: readonly UpstreamOrder[], chains: readonly T[]): readonly T[] {
    return chains.filter((chain) => !orders.some((order) => this.binds(order, chain)))
  }
}

/** Whether two generations are of one stream: of one producer, under one name. */
export function isSameStream(one: Generation, other: Generation): boolean {
  return (
    one.stream === other.stream &&
    toHex(one.manifest.producerId) === toHex(other.manifest.producerId)
  )
}

function toCbor({ digest, principal, author, generation }: UpstreamOrder): CborValue {
  return new Map<number, CborValue>([
    [1, fromHex(digest)],
    [2, principal],
    [3, author],
    [4, generation === null ? null : fromHex(generation)],
  ])
}

function fromCbor(value: CborValue): UpstreamOrder {
  const map = new MapFields('revocation by a granter', value)
  const generation = map.bytesOrNull(4, 'generation id', { length: 32 })
  return {
    digest: toHex(map.bytes(1, 'digest', { length: 32 })),
    principal: map.text(2, 'principal'),
    author: map.text(3, 'author'),
    generation: generation === null ? null : toHex(generation),
  }
}
