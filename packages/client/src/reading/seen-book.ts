// SPDX-License-Identifier: Apache-2.0
/**
 * The sessions of which a reader has seen objects: the latest ones in memory, all in the store.
 *
 * @module
 */

import { equalBytes, toHex, type Store } from '@waxwing/core'
import { SeenSession } from './seen-session.js'

/** Sessions in memory. One that has messages in flight stays whatever their number. */
const MAX_SESSIONS = 256

export class SeenBook {
  readonly #store: Store
  readonly #readerKey: string
  /** The one used least lately comes first. */
  readonly #sessions = new Map<string, SeenSession>()
  #latest: { generationId: string; bytes: Uint8Array; session: SeenSession } | undefined

  constructor(store: Store, readerKey: string) {
    this.#store = store
    this.#readerKey = readerKey
  }

  /** The session, if it is in memory and up to date. */
  cached(generationId: string, bytes: Uint8Array): SeenSession | undefined {
    const latest = this.#latest
    if (latest?.generationId === generationId && equalBytes(latest.bytes, bytes)) {
      return latest.session.isCurrent ? latest.session : undefined
    }
    const name = nameOf(generationId, bytes)
    const session = this.#sessions.get(name)
    if (session === undefined || !session.isCurrent) return undefined
    this.#touch(name, session)
    this.#latest = { generationId, bytes: bytes.slice(), session }
    return session
  }

  /**
   * Reads the session from the store and calls `use` with it at once.
   *
   * @param counter - Look again whether another process settled it, however short a time ago.
   */
  async load<T>(
    generationId: string,
    bytes: Uint8Array,
    use: (session: SeenSession) => T,
    counter?: number,
  ): Promise<T> {
    const name = nameOf(generationId, bytes)
    const known = this.#sessions.get(name)
    const names = { generationId, id: toHex(bytes) }
    const session = known ?? new SeenSession(this.#store, this.#readerKey, names)
    session.pins++
    this.#touch(name, session)
    try {
      while (!session.isCurrent) await session.load()
      if (counter !== undefined) await session.refresh(counter)
      return use(session)
    } finally {
      session.pins--
      this.#forgetOldest()
    }
  }

  /** Another process changed something: what is in memory has to be read again. */
  invalidate(): void {
    for (const session of this.#sessions.values()) session.invalidate()
  }

  #touch(name: string, session: SeenSession): void {
    this.#sessions.delete(name)
    this.#sessions.set(name, session)
  }

  #forgetOldest(): void {
    if (this.#sessions.size <= MAX_SESSIONS) return
    for (const [name, session] of this.#sessions) {
      if (!session.isIdle) continue
      this.#sessions.delete(name)
      if (this.#latest?.session === session) this.#latest = undefined
      if (this.#sessions.size <= MAX_SESSIONS) return
    }
  }
}

function nameOf(generationId: string, session: Uint8Array): string {
  return `${generationId}/${toHex(session)}`
}
