// SPDX-License-Identifier: Apache-2.0
/**
 * Who is known: principals that were met, that our bundle names or that are pinned by hand, with the
 * newest key card of each (`docs/spec/06-identity.md` Section 6.6.2). A principal is given out only
 * while somebody vouches for it; its credential is resolved each time, because a bundle may have
 * changed what it is worth.
 *
 * @module
 */

import {
  decodeKeyCard,
  decodeStatement,
  equalBytes,
  fromBase64Url,
  packedReference,
  principalId,
  toBase64Url,
  toHex,
  type CryptoProvider,
  type KeyCard,
  type PinnedKey,
  type Trust,
  type TrustBundle,
  type TrustedPrincipal,
} from '@waxwing/core'
import { readRecord } from '../table.js'
import type { Place } from './memory-places.js'
import type { PrincipalRecord } from './trust-records.js'

/** Shortest beginning of an id that stands for the whole. */
const MIN_PREFIX_LENGTH = 6
const ID_BYTES = 32

const NOBODY = new Uint8Array(0)

interface Entry {
  readonly record: PrincipalRecord
  /** The record's card, once it was asked for. */
  card: KeyCard | undefined
  /** Who issued the record's credential, once that was asked for. */
  anchorId: Uint8Array | undefined
}

export class KnownPrincipals {
  readonly #crypto: CryptoProvider
  readonly #trust: Trust
  readonly #met = new Map<string, Entry>()
  readonly #pinned = new Map<string, PinnedKey>()
  /** Whom the bundle names, and the bundle that did. */
  #named: readonly TrustedPrincipal[] = []
  #namedBy: TrustBundle | undefined
  /** What is remembered, by reference in hex; made when a packed message first refers to something. */
  #byReference: Map<string, Uint8Array> | undefined

  constructor(crypto: CryptoProvider, trust: Trust) {
    this.#crypto = crypto
    this.#trust = trust
  }

  /** How many were met. */
  get count(): number {
    return this.#met.size
  }

  recordOf(id: Uint8Array): PrincipalRecord | undefined {
    return this.#met.get(toBase64Url(id))?.record
  }

  records(): readonly PrincipalRecord[] {
    return [...this.#met.values()].map(({ record }) => record)
  }

  /** The places that those who were met take. */
  places(): readonly Place[] {
    const partners = new Map<string, string | null>()
    return [...this.#met.values()].map((entry) => {
      const { id, credential } = entry.record
      if (credential === null) return { id, partner: null }
      entry.anchorId ??= decodeStatement(credential).author
      const anchor = toHex(entry.anchorId)
      let partner = partners.get(anchor)
      if (partner === undefined) partners.set(anchor, (partner = this.partnerOf(credential)))
      return { id, partner }
    })
  }

  /** The partner, in hex, whose anchor issued a credential: empty if it is nobody's, `null` if ours. */
  partnerOf(credential: Uint8Array): string | null {
    const domain = toHex(this.#trust.domainOfAnchor(decodeStatement(credential).author) ?? NOBODY)
    return domain === toHex(this.#trust.bundle?.domainId ?? NOBODY) ? null : domain
  }

  /** The credential or newest card that a packed message refers to, of somebody who was met. */
  referredTo(reference: Uint8Array): Uint8Array | undefined {
    this.#byReference ??= new Map(this.records().flatMap((record) => this.#referencesOf(record)))
    return this.#byReference.get(toHex(reference))
  }

  put(record: PrincipalRecord): void {
    this.#unrefer(record.id)
    for (const [name, bytes] of this.#byReference ? this.#referencesOf(record) : []) {
      this.#byReference?.set(name, bytes)
    }
    this.#met.set(toBase64Url(record.id), { record, card: undefined, anchorId: undefined })
  }

  delete(id: Uint8Array): void {
    this.#unrefer(id)
    this.#met.delete(toBase64Url(id))
  }

  pin(key: PinnedKey): TrustedPrincipal {
    const principal = this.#trust.pin(key)
    this.#pinned.set(toBase64Url(principal.id), key)
    return principal
  }

  unpin(id: Uint8Array): void {
    this.#trust.unpin(id)
    this.#pinned.delete(toBase64Url(id))
  }

  /** Takes exactly these in the place of all that were met and pinned. */
  replace(records: readonly PrincipalRecord[], pins: readonly PinnedKey[]): void {
    this.#met.clear()
    this.#byReference = undefined
    for (const record of records) this.put(record)
    for (const { publicKey } of this.#pinned.values()) {
      this.unpin(principalId(this.#crypto, publicKey))
    }
    for (const key of pins) this.pin(key)
  }

  /** The newest card of a principal, as it was verified when it was kept. */
  cardOf(id: Uint8Array): KeyCard | undefined {
    const entry = this.#met.get(toBase64Url(id))
    if (entry === undefined || entry.record.card === null) return undefined
    const { card } = entry.record
    entry.card ??= readRecord('principal', () => decodeKeyCard(card))
    return entry.card
  }

  /** What an anchor says of its own goes before a person's word (Section 6.6.2). */
  principalOf(id: Uint8Array): TrustedPrincipal | undefined {
    const named = (): TrustedPrincipal | undefined =>
      this.#namedByBundle().find((principal) => equalBytes(principal.id, id))
    try {
      const credential = this.recordOf(id)?.credential ?? named()?.credential ?? null
      return this.#trust.resolve(id, credential)
    } catch {
      return undefined
    }
  }

  all(): readonly TrustedPrincipal[] {
    return this.#resolveAll([...this.records(), ...this.#unmet()].map(({ id }) => id))
  }

  /** All whom text may mean: by the id, by a long enough beginning of it, or by the name. */
  find(text: string): readonly TrustedPrincipal[] {
    const fullId = fromBase64Url(text)
    const exact = fullId?.length === ID_BYTES ? this.principalOf(fullId) : undefined
    if (exact !== undefined) return [exact]
    const candidates = [...this.records(), ...this.#unmet()].filter(({ id, name }) => {
      if (name === text) return true
      return text.length >= MIN_PREFIX_LENGTH && toBase64Url(id).startsWith(text)
    })
    return this.#resolveAll(candidates.map(({ id }) => id))
  }

  #referencesOf({ credential, card }: PrincipalRecord): readonly [string, Uint8Array][] {
    return [credential, card].flatMap((bytes): readonly [string, Uint8Array][] =>
      bytes === null ? [] : [[toHex(packedReference(this.#crypto, bytes)), bytes]],
    )
  }

  #unrefer(id: Uint8Array): void {
    const record = this.#byReference && this.recordOf(id)
    if (record === undefined) return
    for (const [name] of this.#referencesOf(record)) this.#byReference?.delete(name)
  }

  #resolveAll(ids: readonly Uint8Array[]): readonly TrustedPrincipal[] {
    const found = new Map<string, TrustedPrincipal>()
    for (const id of ids) {
      const principal = this.principalOf(id)
      if (principal !== undefined) found.set(toBase64Url(id), principal)
    }
    return [...found.values()]
  }

  /** Those for whom there may be no record. */
  #unmet(): readonly { readonly id: Uint8Array; readonly name: string }[] {
    const pinned = [...this.#pinned.values()].map(({ publicKey, name }) => ({
      id: principalId(this.#crypto, publicKey),
      name,
    }))
    return [...pinned, ...this.#namedByBundle()]
  }

  #namedByBundle(): readonly TrustedPrincipal[] {
    const { bundle } = this.#trust
    if (bundle !== this.#namedBy) {
      const recovery = this.#trust.recovery()
      this.#named = [...this.#trust.keepers(), ...(recovery === undefined ? [] : [recovery])]
      this.#namedBy = bundle
    }
    return this.#named
  }
}
