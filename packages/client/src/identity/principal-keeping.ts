// SPDX-License-Identifier: Apache-2.0
/**
 * Remembering principals: by their credentials, by the newest of their key cards, and by hand
 * (`docs/spec/06-identity.md` Sections 6.3, 6.4 and 6.6.2).
 *
 * @module
 */

import {
  assertNamePattern,
  checkKeyCardTime,
  decodeKeyCard,
  equalBytes,
  newerKeyCard,
  principalId,
  verifyKeyCard,
  type KeyCard,
  type PinnedKey,
  type TrustedPrincipal,
} from '@waxwing/core'
import { randomBelow } from '../random.js'
import { nowSeconds, type Runtime } from '../runtime.js'
import { MAX_KNOWN_PRINCIPALS, MAX_OF_ONE_PARTNER, placesToFree } from './memory-places.js'
import { judgedSeconds } from './statement-time.js'
import type { PrincipalRecord } from './trust-records.js'
import type { Plan, TrustState } from './trust-state.js'

export class PrincipalKeeping {
  readonly #runtime: Runtime
  readonly #state: TrustState

  constructor(runtime: Runtime, state: TrustState) {
    this.#runtime = runtime
    this.#state = state
  }

  async pin(key: PinnedKey): Promise<TrustedPrincipal> {
    const { crypto } = this.#runtime
    if (key.name === '') throw new TypeError('name must not be empty')
    for (const pattern of key.produces) assertNamePattern(pattern)
    const { publicKey } = crypto.ed25519VerifyingKey(key.publicKey)
    const { records, known } = this.#state
    const changes = [records.putPin(principalId(crypto, publicKey), key)]
    return this.#state.update(() => ({ changes, apply: () => known.pin(key) }))
  }

  unpin(id: Uint8Array): Promise<void> {
    const { records, known } = this.#state
    return this.#state.update(() => {
      const isOnlyPinned = known.recordOf(id)?.credential === null
      const forget = isOnlyPinned ? [records.deletePrincipal(id)] : []
      return {
        changes: [records.deletePin(id), ...forget],
        apply: () => {
          known.unpin(id)
          if (isOnlyPinned) known.delete(id)
        },
      }
    })
  }

  learn(credential: Uint8Array): Promise<TrustedPrincipal> {
    const { known, trust } = this.#state
    return this.#state.update(() => {
      const principal = trust.resolveCredential(credential)
      trust.checkStanding(principal, judgedSeconds(this.#runtime, principal.issued))
      const card = known.recordOf(principal.id)?.card ?? null
      return this.#plan(
        this.#recordFor(principal, card),
        () => known.principalOf(principal.id) ?? principal,
      )
    })
  }

  async keepCard(bytes: Uint8Array, principal: TrustedPrincipal): Promise<KeyCard> {
    const { known } = this.#state
    const kept = this.#held(bytes, principal)
    if (kept !== undefined) {
      checkKeyCardTime(kept, judgedSeconds(this.#runtime, kept.issued))
      return kept
    }
    const offered = decodeKeyCard(bytes)
    verifyKeyCard(offered, principal, judgedSeconds(this.#runtime, offered.issued))
    return this.#state.update(() => {
      const held = known.cardOf(principal.id)
      const newest = newerKeyCard(held, offered)
      return this.#plan(this.#recordFor(principal, newest.bytes), () => {
        if (newest !== held) this.#state.onCard.tell(newest)
        return newest
      })
    })
  }

  /** The very card that is held, verified when it was kept: most messages bring it. */
  #held(bytes: Uint8Array, { id, credential }: TrustedPrincipal): KeyCard | undefined {
    const { known } = this.#state
    const record = known.recordOf(id)
    if (record === undefined || record.card === null) return undefined
    const isSameCredential = credential === null || isSame(record.credential, credential)
    return isSameCredential && equalBytes(record.card, bytes) ? known.cardOf(id) : undefined
  }

  /** The record of a principal; an older credential does not replace a newer one. */
  #recordFor(principal: TrustedPrincipal, card: Uint8Array | null): PrincipalRecord {
    const known = this.#state.known.principalOf(principal.id)
    const isNewer =
      known !== undefined && known.credential !== null && known.issued > principal.issued
    const { id, name, credential } = isNewer ? known : principal
    // Of one that is pinned, the credential is kept for the time after.
    const kept = credential ?? this.#state.known.recordOf(id)?.credential ?? null
    return { id, name, credential: kept, card }
  }

  #plan<T>(record: PrincipalRecord, result: () => T): Plan<T> {
    const { known, records } = this.#state
    const held = known.recordOf(record.id)
    if (held !== undefined && isSameRecord(held, record)) return { changes: [], apply: result }
    const forgotten = held === undefined ? this.#toForget(record) : []
    return {
      changes: [
        ...forgotten.map((id) => records.deletePrincipal(id)),
        records.putPrincipal(record),
      ],
      apply: () => {
        for (const id of forgotten) known.delete(id)
        known.put(record)
        return result()
      },
    }
  }

  /** Whom to forget so that one more can be remembered. */
  #toForget({ credential }: PrincipalRecord): readonly Uint8Array[] {
    const { known } = this.#state
    const partner = credential === null ? null : known.partnerOf(credential)
    if (known.count < (partner === null ? MAX_KNOWN_PRINCIPALS : MAX_OF_ONE_PARTNER)) return []
    const now = nowSeconds(this.#runtime)
    return placesToFree(known.places(), {
      partner,
      isExpired: (id) => (known.cardOf(id)?.expires ?? 0) <= now,
      random: (below) => randomBelow(this.#runtime, below),
    })
  }
}

function isSame(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b)
}

function isSameRecord(a: PrincipalRecord, b: PrincipalRecord): boolean {
  return a.name === b.name && isSame(a.credential, b.credential) && isSame(a.card, b.card)
}
