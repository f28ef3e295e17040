// SPDX-License-Identifier: Apache-2.0
/**
 * What an application says of its keys and of its peers, checked.
 *
 * @module
 */

import { type AeadAlgorithm, equalBytes, WaxwingError } from '@waxwing/core'
import type {
  EdhocCredential,
  IdCred,
  Method,
  OwnCredential,
  SharedInput,
  SuiteId,
} from '@waxwing/oscore'
import { authorityOf, parseCoapUri } from '../uri.js'
import { type PeerCredential, readPeerCredential } from './credential.js'

/**
 * How an endpoint comes back to a pre-shared context that it has used before.
 *
 * - `rederivation`, the default: its keys are derived anew from both ends' randomness, by RFC 8613 Appendix
 *   B.2. Both ends have to know that.
 * - `recorded-ahead`: its keys are always the same, and sequence numbers and replay window are recorded in
 *   the store (Appendix B.1). Presumes a store that is **never set back**: a backup that is restored, or a
 *   machine that is copied, repeats nonces, which gives plaintexts and the authentication away. Of a server
 *   it presumes one process at a time as well: two would each accept the same request.
 */
export type ContextRecovery = 'rederivation' | 'recorded-ahead'

/** A context whose secret both ends were given. */
export interface PresharedContext {
  /** Under which the peer is known here. */
  readonly name: string
  readonly masterSecret: Uint8Array
  /** Default: empty. */
  readonly masterSalt?: Uint8Array
  readonly senderId: Uint8Array
  readonly recipientId: Uint8Array
  /** With `recorded-ahead` alone: otherwise the ends draw it. */
  readonly idContext?: Uint8Array
  /** COSE number. Default 10, AES-CCM-16-64-128. */
  readonly algorithm?: AeadAlgorithm
  readonly recovery?: ContextRecovery
  /** The servers that a client reaches with it: `host`, or `host:port`. Default: none, for servers. */
  readonly authorities?: readonly string[]
}

/** Somebody who is known by a credential. */
export interface KnownPeer {
  /** Under which the peer is known here. */
  readonly name: string
  /** The CCS that the peer handed over: `credential.encoded` of its `ownEdhocCredential`. */
  readonly credential: Uint8Array
  /** The servers that a client expects this peer at: `host`, or `host:port`. Default: none. */
  readonly authorities?: readonly string[]
}

/** How EDHOC is done. */
export interface EdhocOptions {
  /** Own credentials; one, as a rule, of `ownEdhocCredential`. */
  readonly own: OwnCredential | readonly OwnCredential[]
  /**
   * Whom to believe. A function is asked each time, so that it may change its mind: keys of a peer that is
   * left out are never derived again.
   */
  readonly peers:
    readonly KnownPeer[] | (() => readonly KnownPeer[] | Promise<readonly KnownPeer[]>)
  /** How the client authenticates itself and the server. Default 3: both by static Diffie-Hellman. */
  readonly method?: Method
  /** The methods that the server accepts. Default: all. */
  readonly methods?: readonly Method[]
  /** Cipher suites, the preferred first. Default: 0 for keys on Curve25519, 2 for keys on P-256. */
  readonly suites?: readonly SuiteId[]
}

/** A known peer, read. */
export interface ReadPeer extends PeerCredential {
  readonly name: string
  readonly authorities: readonly string[]
}

/** EDHOC as this endpoint does it. */
export class EdhocProfile {
  readonly credentials: readonly OwnCredential[]
  readonly method: Method
  readonly methods: readonly Method[]
  readonly suites: readonly SuiteId[]
  readonly #ask: () => readonly ReadPeer[] | Promise<readonly ReadPeer[]>

  constructor({ own, peers, method = 3, methods = [0, 1, 2, 3], suites }: EdhocOptions) {
    this.credentials = isList(own) ? own : [own]
    this.method = method
    this.methods = methods
    this.suites = suites ?? suitesOf(this.credentials)
    this.#ask = askerOf(peers)
  }

  /** @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED`, as `readPeerCredential`. */
  async peers(): Promise<readonly ReadPeer[]> {
    return await this.#ask()
  }

  /** Who is expected at an authority. */
  async peersAt(authority: string): Promise<readonly ReadPeer[]> {
    const peers = await this.peers()
    return peers.filter(({ authorities }) => authorities.includes(authority))
  }

  /** The name under which a credential is known now; `undefined` if it is not, or no longer. */
  async nameOf(encoded: Uint8Array): Promise<string | undefined> {
    return nameAmong(await this.peers(), encoded)
  }
}

/** The name of whoever has this credential. */
export function nameAmong(peers: readonly ReadPeer[], encoded: Uint8Array): string | undefined {
  return peers.find(({ credential }) => equalBytes(credential.encoded, encoded))?.name
}

/** The credentials that a peer may mean. */
export function credentialsFor(peers: readonly ReadPeer[], id: IdCred): readonly EdhocCredential[] {
  const meant = peers.filter(({ kid, credential }) => {
    if (id.kind === 'kid') return equalBytes(kid, id.kid)
    return id.kind === 'kccs' && equalBytes(credential.encoded, id.claims)
  })
  return meant.map(({ credential }) => credential)
}

/** What two ends derive new contexts from. @throws {RangeError} If it has an ID Context of its own. */
export function sharedInput(context: PresharedContext): SharedInput {
  const { masterSecret, masterSalt, senderId, recipientId, algorithm, idContext } = context
  if (idContext !== undefined) {
    throw new RangeError('idContext of a context is for recovery: recorded-ahead')
  }
  return { masterSecret: masterSecret.slice(), masterSalt, senderId, recipientId, algorithm }
}

/**
 * An authority as requests name it.
 *
 * @param text - `host` or `host:port`; an IPv6 address in brackets.
 * @throws {RangeError} If it is none.
 */
export function parseAuthority(text: string): string {
  try {
    const { host, port, path, query } = parseCoapUri(`coap://${text}`)
    if (path.length > 0 || query.length > 0) throw notAuthority(text)
    return authorityOf({ ...NO_MESSAGE, peer: { address: host, port } })
  } catch (error) {
    if (error instanceof WaxwingError) throw notAuthority(text)
    throw error
  }
}

const NO_MESSAGE = { code: 0, options: [], payload: new Uint8Array(0) }

function notAuthority(text: string): RangeError {
  return new RangeError(`authorities must be host or host:port, got ${JSON.stringify(text)}`)
}

/** A list is read once, and what is wrong with it said at once. */
function askerOf(
  peers: EdhocOptions['peers'],
): () => readonly ReadPeer[] | Promise<readonly ReadPeer[]> {
  if (typeof peers === 'function') return async () => readPeers(await peers())
  const read = readPeers(peers)
  return () => read
}

function readPeers(peers: readonly KnownPeer[]): readonly ReadPeer[] {
  return peers.map(({ name, credential, authorities = [] }) => ({
    ...readPeerCredential(credential),
    name,
    authorities: authorities.map(parseAuthority),
  }))
}

function suitesOf(credentials: readonly OwnCredential[]): readonly SuiteId[] {
  const isOn = (kinds: readonly string[]): boolean =>
    credentials.some(({ key }) => kinds.includes(key.kind))
  const suites: SuiteId[] = []
  if (isOn(['x25519', 'ed25519'])) suites.push(0)
  if (isOn(['p256', 'es256'])) suites.push(2)
  return suites
}

function isList(own: EdhocOptions['own']): own is readonly OwnCredential[] {
  return Array.isArray(own)
}
