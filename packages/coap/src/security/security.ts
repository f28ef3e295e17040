// SPDX-License-Identifier: Apache-2.0
/**
 * The keys of an endpoint: what it protects its requests with as a client, and its resources as a server.
 *
 * Invariant: keys that protect never outlive the process that derived them, but for contexts that are
 * `recorded-ahead`. What the store keeps is the input to new derivations; sequence numbers and replay
 * windows are in memory. So nobody has to do anything after a crash, a restored backup or a lost file: the
 * ends derive new keys.
 *
 * @module
 */

import { type CryptoProvider, type Store, systemClock } from '@waxwing/core'
import type { SecurityContext, SharedInput } from '@waxwing/oscore'
import { blockwiseServer, type BlockwiseServerOptions } from '../blockwise/index.js'
import type { ClientSecurity } from '../client-security.js'
import type { Handler } from '../handler.js'
import { type CoapUri, parseCoapUri } from '../uri.js'
import { clientLayer } from './client-layer.js'
import {
  EdhocProfile,
  type EdhocOptions,
  nameAmong,
  parseAuthority,
  type PresharedContext,
  sharedInput,
} from './configuration.js'
import type { SecurityListener } from './events.js'
import { contextOfExchange } from './fresh-context.js'
import { checkAuthorityKey, KeptInputs } from './kept-inputs.js'
import { EdhocSource, type KeySource, NO_SOURCE, PresharedSource } from './key-source.js'
import { protecting } from './protecting.js'
import { openRecorded, type RecordedContext } from './recorded-context.js'
import { EdhocResponder } from './responding.js'
import { SecuredAuthority } from './secured-authority.js'
import { ServerContexts } from './server-contexts.js'

const DEFAULT_MAX_CLIENTS = 1000
const DEFAULT_MAX_HALF_OPEN = 256
const DEFAULT_HALF_OPEN_TIMEOUT_MS = 30_000

export interface CoapSecurityOptions {
  /** Keeps what EDHOC agreed on, and recorded contexts. Stays the caller's to close. */
  readonly store: Store
  readonly crypto: CryptoProvider
  /** Contexts whose secret both ends were given. Default: none. */
  readonly contexts?: readonly PresharedContext[]
  /** Whom to agree with on keys, and how. Default: with nobody. */
  readonly edhoc?: EdhocOptions
  /** How many clients a server remembers that came by EDHOC. Default 1,000. */
  readonly maxClients?: number
  /** How many exchanges of EDHOC may wait for their end at a server. Default 256. */
  readonly maxHalfOpen?: number
  /** How long they may. Default 30 seconds. */
  readonly halfOpenTimeoutMs?: number
  /** Told of new keys, refusals and failures. */
  readonly onEvent?: SecurityListener
  /** Milliseconds that never go back. Default: the platform's. */
  readonly monotonic?: () => number
}

/** What stands before a protected handler, block-wise transfer of what is within protection among it. */
export interface ProtectOptions extends BlockwiseServerOptions {
  /**
   * Paths that anybody may ask for without protection, such as `/.well-known/core`, as they stand in URIs.
   * Default: none.
   */
  readonly unprotected?: readonly string[]
}

/** An endpoint's keys. Belongs to one client, one server, or both. */
export interface CoapSecurity extends ClientSecurity, AsyncDisposable {
  /**
   * Protects a client's requests. Besides what the network throws, requests are rejected with
   *
   * - `ERR_KEY_UNKNOWN`: no keys are configured for the server, or it says that it has none;
   * - `ERR_NOT_AUTHENTIC`: what came in answer does not verify, or was not protected;
   * - `ERR_TRANSPORT`: an unprotected 5.xx came, as from a proxy;
   * - `ERR_NOT_TRUSTED` or `ERR_NOT_AUTHORIZED`: nobody is expected there any more, or the server gave EDHOC up;
   * - `ERR_CONFLICT` with the rule `perhaps-executed`: a POST, a PATCH or a method that nobody knows was refused
   *   without protection, as by a server that has lost its keys. Somebody on the way may have put that in the
   *   place of the response, so the request is not repeated. There are keys for another one, unless the cause
   *   says why not;
   * - what else ends EDHOC: `ERR_MALFORMED`, `ERR_UNSUPPORTED`, `ERR_KEY_INVALID`, `ERR_CONFLICT`, `ERR_LIMIT`.
   *
   * Other requests are repeated with new keys. A mistake in the request is a `RangeError`. A server's handler may
   * be asked for `/` by GET, where keys are proven before a request that may not be repeated.
   */
  readonly layer: ClientSecurity['layer']
  /**
   * Protects a server's resources: their handler gets the requests that verified and were no replays, with
   * `security` saying who asks, and its responses leave protected. All others are answered 4.01, and nothing
   * else. Answers EDHOC at `/.well-known/edhoc`. Large bodies are protected block by block.
   *
   * Uri-Host, Uri-Port, Proxy-Uri and Proxy-Scheme of what the handler gets are **not protected** (RFC 8613
   * Section 4.1.3.2): it must not decide by them what a request may do, nor where it goes.
   *
   * @throws {RangeError} If a path does not begin with a slash, or an option is out of range.
   */
  protect(handler: Handler, options?: ProtectOptions): Handler
  /** Forgets all keys that were agreed on with this peer by EDHOC, in memory and in the store. */
  forget(name: string): Promise<void>
  /** Ends exchanges that are under way, and keeps recorded replay windows. Safe to call twice. */
  close(): Promise<void>
}

/**
 * Opens the keys of an endpoint.
 *
 * @throws {RangeError} If what is configured contradicts itself.
 * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_UNSUPPORTED` if a peer's credential is none;
 *   `ERR_STORE_CORRUPT` if the state of a recorded context is not there (see `beginRecording`); or what the
 *   store throws.
 */
export async function openCoapSecurity(options: CoapSecurityOptions): Promise<CoapSecurity> {
  const recorded = new Map<PresharedContext, RecordedContext>()
  for (const context of options.contexts ?? []) {
    if (context.recovery !== 'recorded-ahead') continue
    recorded.set(context, await openRecorded(options.crypto, options.store, context))
  }
  const security = new EndpointSecurity(options, recorded)
  try {
    await security.load()
    return security
  } catch (error) {
    await security.close()
    throw error
  }
}

class EndpointSecurity implements CoapSecurity {
  readonly layer: ClientSecurity['layer'] = clientLayer(
    (authority) => this.#authorities.get(authority) ?? this.#byEdhoc(authority),
  )
  readonly #options: CoapSecurityOptions
  readonly #recorded: ReadonlyMap<PresharedContext, RecordedContext>
  readonly #profile: EdhocProfile | undefined
  readonly #kept: KeptInputs
  readonly #contexts: ServerContexts
  readonly #responder: EdhocResponder | undefined
  readonly #authorities = new Map<string, SecuredAuthority>()
  readonly #monotonic: () => number

  constructor(
    options: CoapSecurityOptions,
    recorded: ReadonlyMap<PresharedContext, RecordedContext>,
  ) {
    const { crypto, store, edhoc, onEvent: listener, maxClients = DEFAULT_MAX_CLIENTS } = options
    const monotonic = options.monotonic ?? (() => systemClock.monotonic())
    this.#options = options
    this.#recorded = recorded
    this.#monotonic = monotonic
    this.#profile = edhoc === undefined ? undefined : new EdhocProfile(edhoc)
    const kept = new KeptInputs(store, listener)
    this.#kept = kept
    const shared = { crypto, kept, listener, monotonic }
    const profile = this.#profile
    this.#contexts = new ServerContexts({ ...shared, profile, maxCount: maxClients })
    if (profile === undefined) return
    this.#responder = new EdhocResponder({
      ...shared,
      profile,
      contexts: this.#contexts,
      maxHalfOpen: options.maxHalfOpen ?? DEFAULT_MAX_HALF_OPEN,
      halfOpenTimeoutMs: options.halfOpenTimeoutMs ?? DEFAULT_HALF_OPEN_TIMEOUT_MS,
    })
  }

  /** Puts in place what is configured and what was kept. */
  async load(): Promise<void> {
    for (const context of this.#options.contexts ?? []) this.#addPreshared(context)
    if (this.#profile === undefined) return
    const peers = await this.#profile.peers()
    for (const { authorities } of peers) authorities.forEach(checkAuthorityKey)
    for (const kept of await this.#kept.ofServer()) {
      const name = nameAmong(peers, kept.credential)
      if (name === undefined) await this.#kept.forgetForServer(kept)
      else this.#contexts.addExchange(name, kept)
    }
  }

  protect(handler: Handler, { unprotected = [], ...blockwise }: ProtectOptions = {}): Handler {
    return protecting({
      open: handler,
      handler: blockwiseServer({ wholeMessageBytes: 0, ...blockwise })(handler),
      contexts: this.#contexts,
      responder: this.#responder,
      listener: this.#options.onEvent,
      unprotected: unprotected.map(segmentsOf),
    })
  }

  async forget(name: string): Promise<void> {
    await this.#contexts.forget(name)
    const peers = (await this.#profile?.peers()) ?? []
    const ofName = peers.filter((peer) => peer.name === name)
    const authorities = new Set(ofName.flatMap((peer) => peer.authorities))
    for (const [authority, secured] of this.#authorities) {
      if (secured.forget(name)) authorities.add(authority)
    }
    for (const authority of authorities) await this.#kept.forgetAuthority(authority)
  }

  async close(): Promise<void> {
    this.#responder?.close()
    for (const recorded of this.#recorded.values()) await recorded.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #addPreshared(context: PresharedContext): void {
    const { name, recipientId: kid, authorities = [] } = context
    const { crypto } = this.#options
    const recorded = this.#recorded.get(context)?.context
    const input = recorded === undefined ? sharedInput(context) : undefined
    if (input !== undefined) {
      checkDerivable(crypto, input)
      this.#contexts.add({ name, kid, input, contexts: [] })
    }
    if (recorded !== undefined) this.#contexts.add({ name, kid, contexts: [recorded] })
    const source = input === undefined ? NO_SOURCE : new PresharedSource(crypto, name, input)
    for (const authority of authorities.map(parseAuthority)) {
      if (this.#authorities.has(authority)) {
        throw new RangeError(`authorities must each stand in one context, got ${authority} twice`)
      }
      this.#authorities.set(authority, this.#secured(source, recorded))
    }
  }

  /** Pre-shared contexts go before EDHOC. */
  async #byEdhoc(authority: string): Promise<SecuredAuthority | undefined> {
    const profile = this.#profile
    if (profile === undefined) return undefined
    const peers = await profile.peersAt(authority)
    if (peers.length === 0) return undefined
    const { crypto } = this.#options
    const source = new EdhocSource(crypto, { profile, authority, kept: this.#kept })
    const secured = this.#authorities.get(authority) ?? this.#secured(source, undefined)
    this.#authorities.set(authority, secured)
    return secured
  }

  #secured(source: KeySource, recorded: SecurityContext | undefined): SecuredAuthority {
    const monotonic = this.#monotonic
    const listener = this.#options.onEvent
    return new SecuredAuthority({ source, recorded, monotonic, listener })
  }
}

/** Says at the beginning what would be wrong at the first request. @throws As `deriveContext`. */
function checkDerivable(crypto: CryptoProvider, input: SharedInput): void {
  contextOfExchange(crypto, { ...input, masterSecret: input.masterSecret.slice() })
}

function segmentsOf(path: string): readonly string[] {
  const uri = path.startsWith('/') ? readUri(`coap://server${path}`) : undefined
  if (uri !== undefined && uri.query.length === 0) return uri.path
  throw new RangeError(`unprotected must be paths with a slash, got ${JSON.stringify(path)}`)
}

function readUri(text: string): CoapUri | undefined {
  try {
    return parseCoapUri(text)
  } catch {
    return undefined
  }
}
