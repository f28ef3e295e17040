// SPDX-License-Identifier: Apache-2.0
/**
 * What was decided: standing grants by stream and principal, so that a lease is renewed and a new
 * generation granted without asking a person again; and who was revoked.
 *
 * @module
 */

import { MapFields, toHex, utf8, type CborValue, type Change } from '@waxwing/core'
import type { Runtime } from '../runtime.js'
import { Table } from '../table.js'
import { termsFromCbor, termsToCbor, type FixedTerms } from './terms.js'

export interface LedgerEntry {
  readonly stream: string
  /** Id in base64url. */
  readonly principal: string
  readonly name: string
  readonly terms: FixedTerms
  /** When it was decided, in seconds since 1970. */
  readonly decided: number
  /** When it was last granted. */
  readonly granted: number
  /** Since when it no longer stands. */
  readonly revoked: number | null
}

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

  /** The change that records an entry. */
  change(entry: LedgerEntry): Change {
    return this.#table.put(this.#key(entry.stream, entry.principal), entry)
  }

  async all(): Promise<readonly LedgerEntry[]> {
    return (await this.#table.scan()).map(({ record }) => record)
  }

  async ofStream(stream: string): Promise<readonly LedgerEntry[]> {
    const entries = await this.#table.scan({ prefix: `${this.#streamKey(stream)}/` })
    return entries.map(({ record }) => record)
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
  }
}
