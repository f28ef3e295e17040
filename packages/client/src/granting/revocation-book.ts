// SPDX-License-Identifier: Apache-2.0
/**
 * What is remembered of revocations: which streams still have to rotate, which messages were carried
 * out, and whom of the bundles' revoked was dealt with.
 *
 * @module
 */

import { MapFields, toHex, utf8, type CborValue, type Change } from '@waxwing/core'
import { nowSeconds, type Runtime } from '../runtime.js'
import { Table } from '../table.js'
import type { BundleRevocation } from './revocation-order.js'

const FOLLOWED_TABLE = 'followed'

/** A rotation that is owed. */
export interface Debt {
  readonly stream: string
  /** Different each time that it is owed anew. */
  readonly token: Uint8Array
}

export class RevocationBook {
  readonly #runtime: Runtime
  /** By a hash of the stream's name: keys of a store are not secret. */
  readonly #owed: Table<Debt>
  /** By digest: until when the message could be replayed, in seconds since 1970. */
  readonly #handled: Table<number>
  readonly #followed = new Set<string>()
  readonly #ownTokens = new Set<string>()

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#owed = new Table(runtime.store, 'rotation-owed', {
      toCbor: debtToCbor,
      fromCbor: debtFromCbor,
    })
    this.#handled = new Table(runtime.store, 'revocation', {
      toCbor: (expires) => new Map([[1, expires]]),
      fromCbor: (value) => new MapFields('revocation record', value).uint(1, 'expires'),
    })
  }

  /** Reads whom was dealt with. */
  async load(): Promise<void> {
    const { store } = this.#runtime
    for (const { key } of await store.scan(FOLLOWED_TABLE)) this.#followed.add(key)
    await this.forgetOver()
  }

  /** Forgets messages that nobody could replay any more. */
  async forgetOver(): Promise<void> {
    const { store } = this.#runtime
    const now = nowSeconds(this.#runtime)
    const handled = await this.#handled.scan()
    // A clock that was ahead for a while must not make replays possible: a day is left for doubt.
    const over = handled.filter(({ record }) => record + 86_400 < now)
    if (over.length > 0) await store.write(over.map(({ key }) => this.#handled.delete(key)))
  }

  /** The change that notes that a stream has to rotate, whatever rotation is under way. */
  owe(stream: string): Change {
    const token = this.#runtime.crypto.randomBytes(8)
    this.#ownTokens.add(toHex(token))
    return this.#owed.put(this.#keyOf(stream), { stream, token })
  }

  /** What a stream owes. */
  async debt(stream: string): Promise<Debt | undefined> {
    return this.#owed.get(this.#keyOf(stream))
  }

  /** The rotations that are owed. */
  async owed(): Promise<readonly Debt[]> {
    return (await this.#owed.scan()).map(({ record }) => record)
  }

  /** Whether this process wrote a debt down, and no other. */
  isOwn({ token }: Debt): boolean {
    return this.#ownTokens.has(toHex(token))
  }

  /** Crosses a debt off, but no newer one. */
  async paid(debt: Debt): Promise<void> {
    const key = this.#keyOf(debt.stream)
    const expect = this.#owed.put(key, debt).value
    await this.#runtime.store.write([{ ...this.#owed.delete(key), expect }])
    this.#ownTokens.delete(toHex(debt.token))
  }

  async hasHandled(digest: string): Promise<boolean> {
    return (await this.#handled.get(digest)) !== undefined
  }

  async handled(digest: string, expires: number): Promise<void> {
    await this.#runtime.store.write([this.#handled.put(digest, expires)])
  }

  hasFollowed(revocation: BundleRevocation): boolean {
    return this.#followed.has(followedKey(revocation))
  }

  async followed(revocations: readonly BundleRevocation[]): Promise<void> {
    if (revocations.length === 0) return
    const keys = revocations.map(followedKey)
    const value = Uint8Array.of(1)
    await this.#runtime.store.write(keys.map((key) => ({ table: FOLLOWED_TABLE, key, value })))
    for (const key of keys) this.#followed.add(key)
  }

  #keyOf(stream: string): string {
    return toHex(this.#runtime.crypto.sha256(utf8(stream)).subarray(0, 16))
  }
}

function followedKey({ domain, principal }: BundleRevocation): string {
  return `${domain}/${principal}`
}

function debtToCbor({ stream, token }: Debt): CborValue {
  return new Map<number, CborValue>([
    [1, stream],
    [2, token],
  ])
}

function debtFromCbor(value: CborValue): Debt {
  const map = new MapFields('owed rotation', value)
  return { stream: map.text(1, 'stream'), token: map.bytes(2, 'token') }
}
