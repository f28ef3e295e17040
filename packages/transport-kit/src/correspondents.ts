// SPDX-License-Identifier: Apache-2.0
/**
 * Who is reached where, over a medium that has mailboxes or numbers and no addresses of streams: the
 * owner of an inbox wrote from there, objects with a kid came from there
 * (`docs/spec/09-bindings.md` Section 9.2).
 *
 * Everything here is a hint of anyone, since senders are as easily forged as anything else: bounded, and
 * several for one address, so that a forged one hides no true one that is newer than a few others. What
 * goes there is sealed, or as public as the kid that it asks for.
 *
 * @module
 */

import { decodeObject, requestAddress, type Store } from '@waxwing/core'
import { inboxOf } from './reply-addresses.js'

export interface CorrespondentTerms {
  /** Where hints outlive the process. Left out: they do not. Its owner closes it. */
  readonly store?: Store | undefined
  /** The table of that store. */
  readonly table: string
  /** Peers that are kept for one address, the newest first. */
  readonly maxPeers: number
  /** Called for what the store refused. */
  readonly report: (error: unknown) => void
}

const MAX_ADDRESSES = 4_096
/** Of one write. */
const MAX_CHANGES = 256
const MAX_PEER_LENGTH = 320 // 64 + 1 + 255: the longest mailbox of RFC 5321 Section 4.5.3.1

export class Correspondents {
  readonly #terms: CorrespondentTerms
  /** By inbox or request address; of both, the one that was heard of longest ago first. */
  readonly #peers = new Map<string, readonly string[]>()
  /** What the store does not have yet, by address; `undefined` is to go from it. */
  readonly #unwritten = new Map<string, readonly string[] | undefined>()
  /** The addresses that are in the store, or on their way to it. */
  readonly #stored = new Set<string>()
  #writing: Promise<void> | undefined

  private constructor(terms: CorrespondentTerms) {
    this.#terms = terms
  }

  /** @throws {WaxwingError} As `Store.scan`. */
  static async open(terms: CorrespondentTerms): Promise<Correspondents> {
    const correspondents = new Correspondents(terms)
    const entries = (await terms.store?.scan(terms.table, { limit: MAX_ADDRESSES })) ?? []
    for (const { key, value } of entries) {
      const peers = new TextDecoder().decode(value).split('\n').slice(0, terms.maxPeers)
      correspondents.#peers.set(key, peers)
      correspondents.#stored.add(key)
    }
    return correspondents
  }

  /** An object came from this peer: requests for its kid go there. Anything else is left alone. */
  learnObject(payload: Uint8Array, peer: string): void {
    let kid: Uint8Array
    try {
      kid = decodeObject(payload).kid
    } catch {
      return
    }
    this.#learn(requestAddress(kid), peer)
  }

  /** The owner of an inbox said that this is its address. */
  learnInbox(address: string, peer: string): void {
    if (inboxOf(address) === address) this.#learn(address, peer)
  }

  /** The peers for what is sent to this address, the newest first; none where nobody is known. */
  peersFor(address: string): readonly string[] {
    return this.#peers.get(inboxOf(address) ?? address) ?? []
  }

  /** Resolves when what was learned is in the store. */
  async settled(): Promise<void> {
    await this.#writing
  }

  #learn(address: string, peer: string): void {
    if (peer.length === 0 || peer.length > MAX_PEER_LENGTH || peer.includes('\n')) return
    const before = this.#peers.get(address) ?? []
    const peers = [peer, ...before.filter((other) => other !== peer)].slice(0, this.#terms.maxPeers)
    this.#peers.delete(address)
    this.#peers.set(address, peers)
    if (before[0] === peer) return
    this.#keep(address, peers)
    if (this.#peers.size > MAX_ADDRESSES) this.#forgetOldest()
  }

  #forgetOldest(): void {
    for (const address of this.#peers.keys()) {
      this.#peers.delete(address)
      this.#keep(address, undefined)
      return
    }
  }

  /** Anybody can cause it, faster than a store writes: what is newer takes the place of what waits. */
  #keep(address: string, peers: readonly string[] | undefined): void {
    if (this.#terms.store === undefined) return
    this.#unwritten.delete(address)
    if (peers !== undefined || this.#stored.has(address)) this.#unwritten.set(address, peers)
    this.#writing ??= this.#write(this.#terms.store)
  }

  async #write(store: Store): Promise<void> {
    while (this.#unwritten.size > 0) {
      const changes = [...this.#unwritten].slice(0, MAX_CHANGES).map(([key, peers]) => {
        this.#unwritten.delete(key)
        if (peers === undefined) this.#stored.delete(key)
        else this.#stored.add(key)
        const value = peers === undefined ? null : new TextEncoder().encode(peers.join('\n'))
        return { table: this.#terms.table, key, value }
      })
      try {
        await store.write(changes)
      } catch (error) {
        this.#terms.report(error) // it is a hint: known until the process ends
      }
    }
    this.#writing = undefined
  }
}
