// SPDX-License-Identifier: Apache-2.0
/**
 * What to do about a failure, where that is known.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'

const BY_RULE: Readonly<Record<string, string>> = {
  store: 'Make one with: waxwing id create --name NAME (or say another --home)',
  domain: 'Found one with: waxwing domain init NAME (or say another --home)',
  recovery: 'Bring back recovery.db and recovery.key, and say where with --home',
  connect: 'Is the broker running? Is this the right one? See: waxwing doctor',
  revoked:
    'A revocation is for good. Make another identity: waxwing --home DIR id create --name NAME',
  freeze: 'The trust bundle is too old. Whoever runs the domain: waxwing domain renew --publish',
}

const BY_CODE: Readonly<Partial<Record<string, string>>> = {
  ERR_STORE_KEY: 'The store is locked by its key file, or a passphrase: see --passphrase',
  ERR_STORE_BUSY: 'Another waxwing works on this home. Try again.',
  ERR_STORE_CORRUPT: 'Do not go on with it: put a backup in its place with `waxwing store restore`',
  ERR_STORE_NEWER: 'Install the version of waxwing that wrote it, or a newer one',
  ERR_NOT_TRUSTED: 'Nobody whom this home trusts vouches for it. See: waxwing trust list',
  ERR_TRANSPORT: 'See: waxwing doctor',
  ERR_CLOCK: 'Set the clock of this machine, then try again',
}

/** A line that helps, if there is one. */
export function hintFor(error: unknown): string | undefined {
  if (!(error instanceof WaxwingError)) return undefined
  const { rule } = error.details
  return (rule === undefined ? undefined : BY_RULE[rule]) ?? BY_CODE[error.code]
}
