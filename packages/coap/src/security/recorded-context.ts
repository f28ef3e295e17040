// SPDX-License-Identifier: Apache-2.0
/**
 * Contexts whose keys are the same for ever, for peers that know no others (RFC 8613 Section 7.5 and
 * Appendix B.1).
 *
 * Presumes that the store is never set back; see `ContextRecovery`.
 *
 * @module
 */

import type { CryptoProvider, Store } from '@waxwing/core'
import {
  deriveContext,
  keepFreshState,
  keepReplayWindow,
  type SecurityContext,
  SenderSequence,
  sequenceInStore,
  type StorePlace,
  takeReplayWindow,
} from '@waxwing/oscore'
import type { PresharedContext } from './configuration.js'

const TABLE = 'coap-security'

/**
 * Says once, when the keys of a `recorded-ahead` context are handed out, that nobody has used them yet.
 * Without this the context is not opened: a store that was lost is never taken for a new one.
 *
 * @param name - That of the context.
 * @throws {WaxwingError} `ERR_CONFLICT` if it was said before; or as `Store.write`.
 */
export async function beginRecording(store: Store, name: string): Promise<void> {
  await keepFreshState(placeOf(store, name))
}

/** A recorded context in use. */
export interface RecordedContext {
  readonly context: SecurityContext
  /** Keeps the replay window: nothing more is accepted. Without it, the next start asks for an echo. */
  close(): Promise<void>
}

/** @throws {WaxwingError} `ERR_STORE_CORRUPT` if nothing was ever recorded, or it is lost. */
export async function openRecorded(
  crypto: CryptoProvider,
  store: Store,
  context: PresharedContext,
): Promise<RecordedContext> {
  const place = placeOf(store, context.name)
  const sequence = await SenderSequence.open(sequenceInStore(place))
  const replay = await takeReplayWindow(crypto, place)
  return {
    context: deriveContext(crypto, context, { sequence, replay }),
    close: async () => {
      await keepReplayWindow(place, replay)
    },
  }
}

function placeOf(store: Store, name: string): StorePlace {
  return { store, table: TABLE, key: `recorded/${encodeURIComponent(name)}` }
}
