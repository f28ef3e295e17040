// SPDX-License-Identifier: Apache-2.0
/**
 * The recovery principal (`docs/spec/06-identity.md` Section 6.7): an identity like any other, in a
 * store of its own that is kept off-line, whose KEM keys never expire.
 *
 * @module
 */

import {
  issueCredential,
  WaxwingError,
  type Clock,
  type CryptoProvider,
  type Ed25519SigningKey,
  type Recovery,
  type Store,
} from '@waxwing/core'
import { OwnIdentity } from '../identity/own-identity.js'
import { TrustBook } from '../identity/trust-book.js'
import type { Runtime } from '../runtime.js'
import { TimeKeeper } from '../time-keeper.js'
import { systemTimers } from '../timers.js'

const NAME = 'recovery'
/** A hundred years. */
const CREDENTIAL_SECONDS = 36_525 * 86_400

export interface RecoveryInputs {
  readonly crypto: CryptoProvider
  readonly store: Store
  readonly clock: Clock
}

/**
 * Makes the recovery principal in its store and certifies it.
 *
 * @param now - Seconds since 1970.
 * @throws {WaxwingError} `ERR_CONFLICT` if the store holds a principal of another domain, or one
 *   whose keys expire.
 */
export async function makeRecovery(
  inputs: RecoveryInputs,
  anchor: Ed25519SigningKey,
  now: number,
): Promise<Recovery> {
  const identity = await openIdentity(inputs)
  if (identity.domainId !== null) {
    throw new WaxwingError('ERR_CONFLICT', 'the recovery store belongs to another domain already')
  }
  const credential = issueCredential(
    inputs.crypto,
    {
      name: NAME,
      signingKey: identity.signingKey.publicKey,
      issued: now,
      expires: now + CREDENTIAL_SECONDS,
      roles: [],
      attributes: new Map(),
      produces: [],
    },
    anchor,
  )
  identity.close()
  return { credential, keys: identity.card.keys }
}

/** Gives the recovery principal its credential and the trust bundle. */
export async function admitRecovery(inputs: RecoveryInputs, admission: Uint8Array): Promise<void> {
  const identity = await openIdentity(inputs)
  const trustBook = await TrustBook.open(runtimeOf(inputs))
  await identity.admit(admission, trustBook)
  identity.close()
  trustBook.close()
}

function openIdentity(inputs: RecoveryInputs): Promise<OwnIdentity> {
  return OwnIdentity.open(runtimeOf(inputs), { name: NAME, permanent: true })
}

/** Nobody listens: what goes wrong is thrown. */
function runtimeOf({ crypto, store, clock }: RecoveryInputs): Runtime {
  const time = new TimeKeeper({ clock })
  const ignore = (): void => undefined
  return { crypto, store, time, timers: systemTimers, emit: ignore, report: ignore }
}
