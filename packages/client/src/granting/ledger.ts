// SPDX-License-Identifier: Apache-2.0
/**
 * What was decided: standing grants by stream and principal, so that a lease is renewed and a new
 * generation granted without asking a person again; and who was revoked.
 *
 * @module
 */

import {
  fromHex,
  MapFields,
  toHex,
  utf8,
  WaxwingError,
  type CborValue,
  type Change,
} from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'
import { termsFromCbor, termsToCbor, type FixedTerms } from './terms.js'

export interface LedgerEntry {
  readonly stream: string
  /** Id in base64url. */
  readonly principal: string
  readonly name: string
  /** The domain of the principal, in base64url; `null` if it has none. */
  readonly domain: string | null
  readonly terms: FixedTerms
  /** The rule by which it was granted: what a rule gave ends with it. `null`: it was decided. */
  readonly rule: string | null
  /** When it was decided, in seconds since 1970. */
  readonly decided: number
  /** When it was last granted. */
  readonly granted: number
  /** Since when it no longer stands. */
  readonly revoked: number | null
  /** Whether it was revoked without the rotation that takes its keys out of use. */
  readonly keepsKeys: boolean
  /** Of what was given to share: for each producer of the stream, the generation given last, in hex. */
  readonly shared: readonly string[]
  /** Digests of the orders of others to revoke it that a person has overruled since. */
  readonly overruled: readonly string[]
}

/** What of an entry may change. */
export type LedgerContent = Omit<LedgerEntry, 'stream' | 'principal'>

/** An entry as it was read, and as it shall stand. */
export interface LedgerChange {
  readonly before: LedgerEntry
  readonly after: LedgerEntry
}

/** Another process may win a race so often, and no oftener, before something is wrong. */
const MAX_RACES = 16

export class Ledger {
  readonly #runtime: Runtime
  readonly #table: Table<LedgerEntry>

  constructor(runtime: Runtime) {
    this.#runtime = runtime
    this.#table = new Table(runtime.store, 'ledger', {
      toCbor: entryToCbor,
      fromCbor: entryFromCbor,
    })
  }

  find(stream: string, principal: string): Promise<LedgerEntry | undefined> {
    return this.#table.get(this.#key(stream, principal))
  }

  /**
   * Changes one entry, together with whatever else has to be written. Nobody can change it between
   * the look at it and the write.
   *
   * @param step - Given what stands, what shall stand; `undefined` leaves everything as it is.
   * @returns Whether something was written.
   */
  async update(
    stream: string,
    principal: string,
    step: (entry: LedgerEntry | undefined) => LedgerContent | undefined,
    others: (entry: LedgerEntry | undefined) => readonly Change[] = () => [],
  ): Promise<boolean> {
    for (let race = 0; race < MAX_RACES; race++) {
      const entry = await this.find(stream, principal)
      const content = step(entry)
      if (content === undefined) return false
      const change = this.#replace(entry, { stream, principal, ...content })
      if (await this.#runtime.store.write([change, ...others(entry)])) return true
    }
    throw new WaxwingError('ERR_STORE_BUSY', 'another process keeps changing what was granted')
  }

  async all(): Promise<readonly LedgerEntry[]> {
    return (await this.#table.scan()).map(({ record }) => record)
  }

  async ofStream(stream: string): Promise<readonly LedgerEntry[]> {
    const entries = await this.#table.scan({ prefix: `${this.#streamKey(stream)}/` })
    return entries.map(({ record }) => record)
  }

  /** So many entries of a stream, in the order of principals, after one of them; '' before all. */
  async page(
    stream: string,
    { after, limit }: { after: string; limit: number },
  ): Promise<readonly LedgerEntry[]> {
    const prefix = `${this.#streamKey(stream)}/`
    const entries = await this.#table.scan({ prefix, after: prefix + after, limit })
    return entries.map(({ record }) => record)
  }

  /**
   * Changes several entries, all of them or none.
   *
   * @returns `false`, with nothing changed, if one of them is not what it was when it was read.
   */
  replaceAll(changes: readonly LedgerChange[]): Promise<boolean> {
    return this.#runtime.store.write(
      changes.map(({ before, after }) => this.#replace(before, after)),
    )
  }

  /** What a principal was granted that still stands, or that it may still open new objects with. */
  async heldBy(principal: string): Promise<readonly LedgerEntry[]> {
    const entries = await this.all()
    return entries.filter(
      (entry) => entry.principal === principal && (entry.revoked === null || entry.keepsKeys),
    )
  }

  #replace(before: LedgerEntry | undefined, after: LedgerEntry): Change {
    const key = this.#key(after.stream, after.principal)
    const expect = before === undefined ? null : this.#table.put(key, before).value
    return { ...this.#table.put(key, after), expect }
  }

  #key(stream: string, principal: string): string {
    return `${this.#streamKey(stream)}/${principal}`
  }

  /** Keys of a store are not secret: stream names are hashed. */
  #streamKey(stream: string): string {
    return toHex(this.#runtime.crypto.sha256(utf8(stream)).subarray(0, 16))
  }
}

function entryToCbor(entry: LedgerEntry): CborValue {
  return new Map<number, CborValue>([
    [1, entry.stream],
    [2, entry.principal],
    [3, entry.name],
    [4, termsToCbor(entry.terms)],
    [5, entry.decided],
    [6, entry.granted],
    [7, entry.revoked],
    [8, entry.rule],
    [9, entry.domain],
    [10, entry.keepsKeys],
    [11, entry.shared.map(fromHex)],
    [12, entry.overruled.map(fromHex)],
  ])
}

function entryFromCbor(value: CborValue): LedgerEntry {
  const map = new MapFields('ledger record', value)
  return {
    stream: map.text(1, 'stream'),
    principal: map.text(2, 'principal'),
    name: map.text(3, 'name'),
    terms: termsFromCbor(map.value(4, 'terms')),
    decided: map.uint(5, 'decided'),
    granted: map.uint(6, 'granted'),
    revoked: map.uintOrNull(7, 'revoked'),
    rule: map.textOrNull(8, 'rule'),
    domain: map.textOrNull(9, 'domain'),
    keepsKeys: map.bool(10, 'keeps keys'),
    shared: hexes(map.array(11, 'shared')),
    overruled: hexes(map.array(12, 'overruled')),
  }
}

function hexes(values: readonly CborValue[]): readonly string[] {
  return values.filter((value) => value instanceof Uint8Array).map(toHex)
}
