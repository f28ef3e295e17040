// SPDX-License-Identifier: Apache-2.0
/**
 * What to do about a failure, where that is known.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { ResponseError } from './exit-codes.js'

const BOTH_ENDS =
  'It lets in whom it knows. There: waxwing coap peer add NAME CREDENTIAL, with what your\n' +
  'waxwing coap id says; here: waxwing coap peer add NAME CREDENTIAL --at HOST:PORT, with theirs'

const BY_RULE: Readonly<Record<string, string>> = {
  store: 'Make one with: waxwing id create --name NAME (or say another --home)',
  domain: 'Found one with: waxwing domain init NAME (or say another --home)',
  recovery: 'Bring back recovery.db and recovery.key, and say where with --home',
  connect: 'Is the broker running? Is this the right one? See: waxwing doctor',
  'coap-server': 'Is the server running, and is this its port? Without one, a URI means port 5683.',
  'coap-listen': 'Another process may listen there: say another --port, or --port 0',
  'coap-unknown': BOTH_ENDS,
  'coap-peer':
    'See waxwing coap peer list; add one with: waxwing coap peer add NAME CREDENTIAL --at HOST:PORT',
  'coap-nobody':
    'Add who may ask: waxwing coap peer add NAME CREDENTIAL; or let everybody ask with --plain',
  'perhaps-executed': 'New keys are there. Look whether it was done before you ask again.',
  'no-edhoc':
    'It may have nothing but plain CoAP: --plain. The URL of a proxy over HTTP ends in /hc/ as a rule.',
  'coap-context': 'See waxwing coap context list; add one with: waxwing coap context add NAME FILE',
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

/** What a server may mean by an error, where one can do something about it. */
const BY_RESPONSE: Readonly<Record<string, string>> = {
  '4.01': BOTH_ENDS,
  '4.06': 'It has no such format: leave out --accept',
  '4.13': 'The payload is too large for it',
  '5.05': 'It is no proxy, or not for this server',
}

/** A line that helps, if there is one. */
export function hintFor(error: unknown): string | undefined {
  if (error instanceof ResponseError) return BY_RESPONSE[error.codeName]
  if (!(error instanceof WaxwingError)) return undefined
  const { rule } = error.details
  return (rule === undefined ? undefined : BY_RULE[rule]) ?? BY_CODE[error.code]
}
