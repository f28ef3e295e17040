// SPDX-License-Identifier: Apache-2.0
/**
 * Whether a request is new: by the replay window, or, where that was lost, by an Echo option that its
 * sender can only have from us (RFC 8613 Section 7.4 and Appendix B.1.2, RFC 9175 Section 2).
 *
 * @module
 */

import { type CryptoProvider, equalBytes, WaxwingError } from '@waxwing/core'
import { ReplayWindow, type ReplayWindowState } from './replay-window.js'

const ECHO_BYTES = 8
/** Everything up to the highest number counts as accepted. */
const ALL_ACCEPTED = 0xffff_ffff

/** `unconfirmed`: authentic, but perhaps a replay; challenge its sender. */
export type ReplayVerdict = 'accepted' | 'replayed' | 'unconfirmed'

/** The replay protection of one Recipient Context. */
export class ReplayGuard {
  #window: ReplayWindow | undefined
  #echo: Uint8Array | undefined
  #isClosed = false

  private constructor(window: ReplayWindow | undefined, echo: Uint8Array | undefined) {
    this.#window = window
    this.#echo = echo
  }

  /** For keys that nobody has used yet. With others, it accepts replays. */
  static ofFreshKeys(): ReplayGuard {
    return new ReplayGuard(new ReplayWindow(), undefined)
  }

  /** Goes on from the {@link state} of the moment after which nothing was accepted. */
  static restored(state: ReplayWindowState): ReplayGuard {
    return new ReplayGuard(new ReplayWindow(state), undefined)
  }

  /** For a window that was lost: asks whoever sends first for an echo. */
  static lost(crypto: CryptoProvider): ReplayGuard {
    return new ReplayGuard(undefined, crypto.randomBytes(ECHO_BYTES))
  }

  /** What a request has to echo; `undefined` as long as the window is known. */
  get challenge(): Uint8Array | undefined {
    return this.#echo
  }

  /** To be stored; `undefined` as long as the window is lost. */
  get state(): ReplayWindowState | undefined {
    return this.#window?.state
  }

  /** Sheds replays cheaply. Says `true` where only {@link accept} can tell. */
  mayBeFresh(sequenceNumber: number): boolean {
    return this.#window?.isFresh(sequenceNumber) ?? true
  }

  /**
   * Judges a request whose tag has verified, and remembers it. One step (Section 7.4).
   *
   * @param echo - Its Inner Echo option, if it has one.
   * @throws {WaxwingError} `ERR_CLOSED` after {@link close}.
   */
  accept(sequenceNumber: number, echo: Uint8Array | undefined): ReplayVerdict {
    if (this.#isClosed) throw new WaxwingError('ERR_CLOSED', 'the replay guard was closed')
    if (this.#window !== undefined) {
      return this.#window.accept(sequenceNumber) ? 'accepted' : 'replayed'
    }
    if (echo === undefined || !equalBytes(echo, this.#echo!)) return 'unconfirmed'
    this.#window = new ReplayWindow({ highest: sequenceNumber, accepted: ALL_ACCEPTED })
    this.#echo = undefined
    return 'accepted'
  }

  /** Accepts nothing from now on, so that {@link state} is the last one. */
  close(): void {
    this.#isClosed = true
  }
}
