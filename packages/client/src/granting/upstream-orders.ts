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

import { toHex, type Change } from '@waxwing/core'
import type { Generation } from '../generation.js'
import type { GenerationBook } from '../generation-book.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Table } from '../table.js'
import { orderFromCbor, orderToCbor, type UpstreamOrder } from './upstream-order.js'
import { UpstreamRoom } from './upstream-room.js'

/** For how long an order is kept at the most, while its author stands in no chain of ours: a year. */
const MAX_KEPT_SECONDS = 31_536_000

/** A chain under which something of a generation may be granted. */
export interface Chain {
  readonly generation: Generation
  /** From the producer down: ids in base64url. Empty if we are the producer. */
  readonly issuers: readonly string[]
}

export class UpstreamOrders {
  readonly #book: GenerationBook
  readonly #runtime: Pick<Runtime, 'store' | 'time'>
  readonly #table: Table<UpstreamOrder>
  readonly #room: UpstreamRoom

  constructor(runtime: Pick<Runtime, 'store' | 'time'>, book: GenerationBook) {
    this.#book = book
    this.#runtime = runtime
    const codec = { toCbor: orderToCbor, fromCbor: orderFromCbor }
    const table = new Table(runtime.store, 'revocation-upstream', codec)
    this.#table = table
    this.#room = new UpstreamRoom({ runtime, book, table })
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

  /**
   * Keeps an order, and makes other changes with it.
   *
   * @returns Whether that was written.
   */
  async keep(order: UpstreamOrder, others: readonly Change[]): Promise<boolean> {
    const key = `${order.principal}/${order.digest}`
    const latest = nowSeconds(this.#runtime) + MAX_KEPT_SECONDS
    const kept = { ...order, until: Math.min(order.until, latest) }
    const isWritten = await this.#runtime.store.write([this.#table.put(key, kept), ...others])
    if (isWritten) this.#room.noteKept(key, kept)
    return isWritten
  }

  /** @throws {WaxwingError} `ERR_LIMIT` if its author, or all together, have said too much. */
  assertRoomFor(order: UpstreamOrder): Promise<void> {
    return this.#room.assertFor(order)
  }

  /** Forgets orders that are over, whose authors stand in no chain that we hold. */
  forgetOver(): Promise<void> {
    return this.#room.forgetOver()
  }

  close(): void {
    this.#room.close()
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
