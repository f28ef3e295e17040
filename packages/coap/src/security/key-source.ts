// SPDX-License-Identifier: Apache-2.0
/**
 * Where a client's contexts with one authority come from.
 *
 * @module
 */

import { type CryptoProvider, WaxwingError } from '@waxwing/core'
import type { SecurityContext, SharedInput } from '@waxwing/oscore'
import type { Response } from '../handler.js'
import type { Carrier } from './carrier.js'
import { type EdhocProfile, nameAmong, type ReadPeer } from './configuration.js'
import { initiate } from './initiating.js'
import type { KeptInput, KeptInputs } from './kept-inputs.js'
import { rederive } from './rederiving.js'

/** A context that both ends have, and the response that proved it. */
export interface Established {
  readonly context: SecurityContext
  readonly response: Response
  /** Whom it is shared with. */
  readonly name: string
  readonly by: 'edhoc' | 'rederivation'
}

/** Establishes contexts with one authority, of new keys each time. */
export interface KeySource {
  /**
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN`, `ERR_NOT_AUTHENTIC`, `ERR_NOT_AUTHORIZED`, `ERR_UNSUPPORTED` or
   *   what else says why there is none; or what the network throws.
   */
  establish(carrier: Carrier): Promise<Established>
}

/** A secret that both ends were given. */
export class PresharedSource implements KeySource {
  readonly #crypto: CryptoProvider
  readonly #name: string
  readonly #input: SharedInput

  constructor(crypto: CryptoProvider, name: string, input: SharedInput) {
    this.#crypto = crypto
    this.#name = name
    this.#input = input
  }

  async establish(carrier: Carrier): Promise<Established> {
    const attempt = await rederive(this.#crypto, this.#input, carrier)
    if (attempt.kind === 'refused') throw attempt.error
    return { ...attempt, name: this.#name, by: 'rederivation' }
  }
}

/** Keys that are the same for ever: there are no others. */
export const NO_SOURCE: KeySource = {
  establish: () =>
    Promise.reject(
      new WaxwingError('ERR_KEY_UNKNOWN', 'the server does not accept the recorded context'),
    ),
}

/** What EDHOC left before, as long as the server has it too; otherwise EDHOC. */
export class EdhocSource implements KeySource {
  readonly #crypto: CryptoProvider
  readonly #profile: EdhocProfile
  readonly #authority: string
  readonly #kept: KeptInputs

  constructor(
    crypto: CryptoProvider,
    { profile, authority, kept }: { profile: EdhocProfile; authority: string; kept: KeptInputs },
  ) {
    this.#crypto = crypto
    this.#profile = profile
    this.#authority = authority
    this.#kept = kept
  }

  async establish(carrier: Carrier): Promise<Established> {
    const peers = await this.#profile.peersAt(this.#authority)
    if (peers.length === 0) {
      throw new WaxwingError('ERR_NOT_TRUSTED', `nobody is expected at ${this.#authority}`)
    }
    return (await this.#fromKept(carrier, peers)) ?? (await this.#byEdhoc(carrier, peers))
  }

  async #fromKept(carrier: Carrier, peers: readonly ReadPeer[]): Promise<Established | undefined> {
    const kept = await this.#kept.ofAuthority(this.#authority)
    const name = kept === undefined ? undefined : nameAmong(peers, kept.credential)
    if (kept === undefined || name === undefined) return undefined
    const attempt = await rederive(this.#crypto, kept.input, carrier)
    if (attempt.kind === 'refused') return undefined
    return { ...attempt, name, by: 'rederivation' }
  }

  async #byEdhoc(carrier: Carrier, peers: readonly ReadPeer[]): Promise<Established> {
    const run = { crypto: this.#crypto, profile: this.#profile, peers }
    const attempt = await initiate(run, carrier)
    if (attempt.kind === 'refused') throw attempt.error
    const { context, response, credential } = attempt
    await this.#keep({ input: attempt.input, credential })
    return { context, response, name: nameAmong(peers, credential) ?? '', by: 'edhoc' }
  }

  /** Once the server proved that it has the keys (RFC 9528 Section 5.4.2). */
  async #keep(kept: KeptInput): Promise<void> {
    await this.#kept.keepForAuthority(this.#authority, kept)
  }
}
