// SPDX-License-Identifier: Apache-2.0
/**
 * Founding a domain: its first anchor, whose thumbprint is the domain's id for good, its recovery
 * principal, and its first trust bundle (`docs/spec/06-identity.md` Sections 6.1, 6.5 and 6.7).
 *
 * @module
 */

import {
  principalId,
  WaxwingError,
  type Clock,
  type CryptoProvider,
  type Store,
  type TrustBundleFields,
} from '@waxwing/core'
import { encodeAdmission } from '../identity/bundle-chain.js'
import { checkShortText } from '../identity/enrolment.js'
import type { DomainRecord, DomainRecords } from './domain-records.js'
import { secondsOf, signBundle } from './domain-state.js'
import type { DomainOptions } from './options.js'
import { admitRecovery, makeRecovery } from './recovery.js'

const SEED_BYTES = 32
const DEFAULT_BUNDLE_DAYS = 30
const MAX_BUNDLE_DAYS = 3650

export interface FoundingInputs {
  readonly crypto: CryptoProvider
  readonly clock: Clock
  readonly records: DomainRecords
  readonly options: DomainOptions
}

/**
 * Founds a domain and writes it; then admits its recovery principal.
 *
 * @throws {WaxwingError} `ERR_CONFLICT` if the store holds a domain, or the recovery store a principal
 *   that cannot be it; `ERR_CLOCK`.
 * @throws {TypeError} If the options do not fit together. @throws {RangeError}
 */
export async function found(inputs: FoundingInputs): Promise<DomainRecord> {
  const { crypto, clock, records, options } = inputs
  const { name, bundleDays = DEFAULT_BUNDLE_DAYS } = options
  const recoveryStore = checkOptions(options)
  if ((await records.read()) !== undefined) throw foundedAlready()
  const now = secondsOf(clock)
  const seed = crypto.randomBytes(SEED_BYTES)
  const anchor = crypto.ed25519SigningKey(seed)
  const recoveryInputs = recoveryStore && { crypto, clock, store: recoveryStore }
  const recovery = recoveryInputs ? await makeRecovery(recoveryInputs, anchor, now) : null
  const content = firstContent(crypto, anchor.publicKey, recovery)
  const bundle = signBundle(crypto, content, { anchor, now, bundleDays })
  const record = { name, bundleDays, seed, bundle, introductions: [] }
  if (!(await records.create(record))) throw foundedAlready()
  if (recoveryInputs && recovery) {
    const { credential } = recovery
    await admitRecovery(recoveryInputs, encodeAdmission({ credential, bundles: [bundle.bytes] }))
  }
  return record
}

/** Returns where the recovery principal is to live, if there is to be one. */
function checkOptions(options: DomainOptions): Store | undefined {
  const { store, name, recovery = true, recoveryStore, bundleDays = DEFAULT_BUNDLE_DAYS } = options
  checkShortText('name', name)
  if (!(Number.isInteger(bundleDays) && bundleDays >= 1 && bundleDays <= MAX_BUNDLE_DAYS)) {
    throw new RangeError(
      `bundleDays must be a whole number from 1 to ${MAX_BUNDLE_DAYS}, not ${bundleDays}`,
    )
  }
  if (recovery && recoveryStore === undefined) {
    throw new TypeError(
      'recoveryStore is missing: give a store for the recovery principal, to be kept off-line, ' +
        'or say recovery: false and do without',
    )
  }
  if (!recovery && recoveryStore !== undefined) {
    throw new TypeError('recoveryStore is given, but recovery is false')
  }
  if (recoveryStore === store) {
    throw new TypeError('recoveryStore must be another store than the one of the anchor')
  }
  return recoveryStore
}

function firstContent(
  crypto: CryptoProvider,
  anchorKey: Uint8Array,
  recovery: TrustBundleFields['recovery'],
): TrustBundleFields {
  return {
    domainId: principalId(crypto, anchorKey),
    version: 1,
    issued: 0,
    expires: 0,
    anchors: [{ key: anchorKey, from: 0, until: null }],
    keepers: [],
    recovery,
    partners: [],
    revoked: [],
    requireXWing: false,
  }
}

function foundedAlready(): WaxwingError {
  return new WaxwingError('ERR_CONFLICT', 'the store holds a domain already')
}
