// SPDX-License-Identifier: Apache-2.0
/**
 * Orders to revoke that came before their time, or before the generation that they name
 * (`docs/spec/07-granting.md` Section 7.8.1), kept until they were carried out; so many of one author,
 * and no more.
 *
 * @module
 */

import { fromHex, MapFields, toHex, WaxwingError, type CborValue, type Store } from '@waxwing/core'
import { Table } from '../table.js'
import type { RevocationOrder } from './revocation-order.js'

const MAX_OF_ONE_AUTHOR = 1024

export class PostponedOrders {
  readonly #store: Store
  readonly #table: Table<RevocationOrder>

  constructor(store: Store) {
    this.#store = store
    this.#table = new Table(store, 'revocation-postponed', { toCbor, fromCbor })
  }

  async all(): Promise<readonly RevocationOrder[]> {
    return (await this.#table.scan()).map(({ record }) => record)
  }

  /** @throws {WaxwingError} `ERR_LIMIT` if its author has too many waiting. */
  async keep(order: RevocationOrder): Promise<void> {
    const key = keyOf(order)
    const query = { prefix: prefixOf(order) }
    const kept = (await this.#store.scan(this.#table.name, query)).map((entry) => entry.key)
    if (kept.includes(key)) return
    if (kept.length >= MAX_OF_ONE_AUTHOR) {
      const detail = { rule: 'postponed revocations' }
      throw new WaxwingError('ERR_LIMIT', 'too many revocations wait for their time', detail)
    }
    await this.#store.write([this.#table.put(key, order)])
  }

  async done(order: RevocationOrder): Promise<void> {
    await this.#store.write([this.#table.delete(keyOf(order))])
  }
}

function keyOf(order: RevocationOrder): string {
  return `${prefixOf(order)}${order.digest}`
}

function prefixOf({ author }: RevocationOrder): string {
  return `${toHex(author)}/`
}

function toCbor(order: RevocationOrder): CborValue {
  return new Map<number, CborValue>([
    [1, order.digest],
    [2, order.author],
    [3, order.principal],
    [4, order.since],
    [5, order.generation === null ? null : fromHex(order.generation)],
    [6, order.issued],
    [7, order.expires],
    [8, order.byAnchor],
  ])
}

function fromCbor(value: CborValue): RevocationOrder {
  const map = new MapFields('postponed revocation', value)
  const generation = map.bytesOrNull(5, 'generation id', { length: 32 })
  return {
    digest: map.text(1, 'digest'),
    author: map.bytes(2, 'author', { length: 32 }),
    principal: map.text(3, 'principal'),
    since: map.uint(4, 'since'),
    generation: generation === null ? null : toHex(generation),
    issued: map.uint(6, 'issued'),
    expires: map.uint(7, 'expires'),
    byAnchor: map.bool(8, 'by an anchor'),
  }
}
