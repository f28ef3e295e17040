// SPDX-License-Identifier: Apache-2.0
/**
 * What both roles are given: their own credentials, and a way to find and to judge the peer's.
 *
 * @module
 */

import { equalBytes, WaxwingError } from '@waxwing/core'
import {
  type Authenticating,
  type PeerClaim,
  provePeer,
  type ProvenPeer,
} from './authentication.js'
import {
  cipherSuite,
  type CipherSuite,
  type EdhocCrypto,
  type Method,
  type SuiteId,
} from './cipher-suites.js'
import { checkOwnCredential, type EdhocCredential, type OwnCredential } from './credential.js'
import { eadForApplication, type EadItem } from './ead.js'
import { type Step, UnknownCredential } from './failure.js'
import type { IdCred } from './id-cred.js'
import { type EdhocKeyKind, sameKey } from './keys.js'

/** What is known of a peer when its credential is asked for. Nothing of it is verified yet. */
export interface PeerToResolve {
  readonly method: Method
  readonly suite: CipherSuite
  /** What came with ID_CRED_x: it may carry a credential, or a voucher for one. */
  readonly ead: readonly EadItem[]
}

/**
 * Finds the credential that a peer names or brings, validates it, and decides whether its subject may
 * be the peer at all: EDHOC does none of these (RFC 9528 Section 3.5 and Appendix D).
 *
 * @returns `undefined` for nobody. Several where one key identifier stands for several credentials; each
 *   is tried.
 * @throws Anything: the session ends, and the peer is not told why.
 */
export type ResolveCredential = (
  idCred: IdCred,
  peer: PeerToResolve,
) => Resolved | Promise<Resolved>

type Resolved = EdhocCredential | readonly EdhocCredential[] | undefined

export interface EndpointOptions {
  readonly crypto: EdhocCrypto
  /** The Initiator's in its order of preference. */
  readonly suites: readonly SuiteId[]
  /**
   * Own credentials. The first is taken whose key is of the kind that method and suite want. Their keys
   * are for EDHOC alone, and never the signing key of a principal.
   */
  readonly credentials: readonly OwnCredential[]
  readonly resolve: ResolveCredential
  /** Labels of the EAD items that the application processes. Default: none. */
  readonly knownEad?: readonly number[] | undefined
  /**
   * Whether a peer that refers to a credential of which nothing is known is told so (RFC 9528 Section
   * 6.4), for it to try another reference. Anybody can ask in this way who is known here. Default `false`.
   */
  readonly tellsUnknownCredential?: boolean | undefined
}

/**
 * Checks what can be checked of options before there is a session.
 *
 * @throws {RangeError} If no suite is given, one twice, or one that does not exist; if a key does not
 *   belong to its credential.
 */
export function checkOptions({ suites, credentials }: EndpointOptions): void {
  if (suites.length === 0 || new Set(suites).size !== suites.length) {
    throw new RangeError('suites must be one or more, each once')
  }
  for (const id of suites) {
    if (cipherSuite(id) === undefined) throw new RangeError(`suites must be 0 to 3, got ${id}`)
  }
  for (const credential of credentials) checkOwnCredential(credential)
}

/** The options of a step that may be given up while the application looks for a credential. */
export function whileOpen<Options extends EndpointOptions>(options: Options, step: Step): Options {
  const resolve: ResolveCredential = async (...asked) => {
    const resolved = await options.resolve(...asked)
    step.checkOpen()
    return resolved
  }
  return { ...options, resolve }
}

/** The credential to authenticate with; `undefined` if there is none with such a key. */
export function ownCredentialFor(
  { credentials }: EndpointOptions,
  kind: EdhocKeyKind,
): OwnCredential | undefined {
  return credentials.find(({ key }) => key.kind === kind)
}

/** What the application gets to see of received EAD. */
export function receivedEad(
  { knownEad = [] }: EndpointOptions,
  items: readonly EadItem[],
): readonly EadItem[] {
  return eadForApplication(items, knownEad)
}

/**
 * Finds out who the peer is.
 *
 * @throws {WaxwingError} `ERR_KEY_UNKNOWN` or `ERR_NOT_TRUSTED` if nobody was found, `ERR_NOT_TRUSTED` if it
 *   would be this endpoint itself, `ERR_NOT_AUTHENTIC` if the claim does not hold.
 */
export async function authenticatePeer(
  options: EndpointOptions,
  side: Authenticating,
  peer: PeerToResolve,
  claim: PeerClaim,
): Promise<ProvenPeer> {
  const { idCred } = claim.statement
  const resolved = await options.resolve(idCred, peer)
  const candidates = resolved === undefined ? [] : isList(resolved) ? resolved : [resolved]
  if (candidates.length === 0) throw isReference(idCred) ? new UnknownCredential() : notBelieved()
  if (candidates.some((candidate) => isOwn(options, candidate))) throw reflected()
  const proven = provePeer(side, candidates, claim)
  if (proven === undefined) {
    throw new WaxwingError('ERR_NOT_AUTHENTIC', 'the peer does not hold the key of its credential')
  }
  return proven
}

/** A peer with a credential or a key of this endpoint is its own reflection. */
function isOwn({ credentials }: EndpointOptions, candidate: EdhocCredential): boolean {
  return credentials.some(
    ({ credential }) =>
      equalBytes(credential.encoded, candidate.encoded) ||
      sameKey(credential.publicKey, candidate.publicKey),
  )
}

/** Error code 3 is for references, not for credentials that came themselves. */
function isReference({ kind }: IdCred): boolean {
  return kind === 'kid' || kind === 'x5t' || kind === 'x5u'
}

function notBelieved(): WaxwingError {
  return new WaxwingError('ERR_NOT_TRUSTED', 'the credential of the peer was not accepted')
}

function reflected(): WaxwingError {
  return new WaxwingError('ERR_NOT_TRUSTED', 'the peer shows a credential of this endpoint')
}

function isList(
  resolved: EdhocCredential | readonly EdhocCredential[],
): resolved is readonly EdhocCredential[] {
  return Array.isArray(resolved)
}
