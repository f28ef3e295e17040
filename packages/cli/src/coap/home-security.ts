// SPDX-License-Identifier: Apache-2.0
/**
 * The keys of a home in CoAP, opened: for one request of a client, or for a server.
 *
 * Invariant: a client whose server is known here never asks it without protection unless somebody says so.
 *
 * @module
 */

import { equalBytes, type Store, WaxwingError } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { openEndpoint } from '@waxwing/client'
import {
  beginRecording,
  type CoapSecurity,
  openCoapSecurity,
  ownEdhocCredential,
  type PresharedContext,
  type SecurityListener,
} from '@waxwing/coap'
import type { OwnCredential } from '@waxwing/oscore'
import type { Context } from '../context.js'
import { UsageError } from '../exit-codes.js'
import { type KeptContext, keysOf, type KeptPeer, KeyBook } from './key-book.js'

/** What somebody says of the protection of a request. */
export interface ProtectionWish {
  readonly edhoc?: boolean
  readonly peer?: string
  readonly oscore?: string
  readonly plain?: boolean
}

/** How a request is protected, and with whom. */
export interface Protection {
  readonly by: 'EDHOC' | 'OSCORE'
  readonly name: string
  readonly security: CoapSecurity
}

/** Opens the store of the home for its keys of CoAP. */
export async function openKeyBook(context: Context): Promise<KeyBook> {
  return new KeyBook(await context.openStore())
}

/** This home's credential; it is made the first time. */
export async function ownCredential({ store }: KeyBook): Promise<OwnCredential> {
  const endpoint = await openEndpoint({ store, passive: true })
  const subject = endpoint.name
  await endpoint.close()
  return ownEdhocCredential({ store, crypto: nodeProvider, subject })
}

/**
 * How a client asks a server.
 *
 * @param authority - `host:port`.
 * @returns `undefined` where nothing protects: nobody is known there, or `--plain` was said.
 * @throws {UsageError} If wishes contradict each other, or `--plain` is needed.
 * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if there are no keys of what was wished.
 */
export async function clientProtection(
  context: Context,
  authority: string,
  wish: ProtectionWish,
): Promise<Protection | undefined> {
  const wishes = [wish.edhoc === true || wish.peer !== undefined, wish.oscore, wish.plain]
  if (wishes.filter((each) => each !== undefined && each !== false).length > 1) {
    throw new UsageError('say one of --edhoc (with --peer), --oscore and --plain')
  }
  if (wish.plain === true) return undefined
  if (!context.home.has('store') && wishes.every((each) => each === undefined || each === false)) {
    return undefined // nobody is known where nobody lives
  }
  const book = await openKeyBook(context)
  const wanted = wish.oscore === undefined ? undefined : await contextNamed(book, wish.oscore)
  const byAuthority = (await book.contexts()).find(({ authorities }) =>
    authorities.includes(authority),
  )
  const isByPeer = wishes[0] === true
  const kept = wanted ?? (isByPeer ? undefined : byAuthority)
  if (kept !== undefined) return withContext(context, book, { ...kept, authorities: [authority] })
  const peers = await expectedPeers(book, authority, wish.peer)
  const expected = peers.filter(({ authorities }) => authorities.includes(authority))
  if (expected.length > 0) {
    const expecting = (): ReturnType<typeof expectedPeers> =>
      expectedPeers(book, authority, wish.peer)
    const security = await openSecurity(context, book, { contexts: [], peers: expecting })
    return { by: 'EDHOC', name: expected.map(({ name }) => name).join(' or '), security }
  }
  if (!isByPeer) return undefined
  throw new WaxwingError('ERR_KEY_UNKNOWN', `nobody is known to be at ${authority}`, {
    rule: 'coap-peer',
  })
}

/** What a server is protected with. */
export interface ServerKeys {
  /** Whether peers come in by EDHOC. */
  readonly edhoc: boolean
  /** Contexts by their names, or all of them. */
  readonly oscore: readonly string[] | 'all'
}

/** The keys of a server, and who may come. @throws {WaxwingError} `ERR_KEY_UNKNOWN` if nobody may. */
export async function serverSecurity(
  context: Context,
  keys: ServerKeys,
  onEvent: SecurityListener,
): Promise<{ readonly security: CoapSecurity; readonly names: readonly string[] }> {
  const book = await openKeyBook(context)
  const { oscore } = keys
  const contexts =
    oscore === 'all'
      ? await book.contexts()
      : await Promise.all(oscore.map((name) => contextNamed(book, name)))
  const peers = keys.edhoc ? await book.peers() : []
  if (contexts.length === 0 && peers.length === 0) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', 'nobody is known here: nobody could ask', {
      rule: 'coap-nobody',
    })
  }
  const security = await openSecurity(context, book, {
    contexts: contexts.map(withoutAuthorities),
    onEvent,
    ...(keys.edhoc ? { peers: () => book.peers() } : {}),
  })
  forgetRemoved(context, book, security)
  return { security, names: [...peers, ...contexts].map(({ name }) => name) }
}

/** Who is removed while a server runs is let in no more, from now on. */
function forgetRemoved(context: Context, book: KeyBook, security: CoapSecurity): void {
  let known: readonly KeptPeer[] = []
  const compare = async (): Promise<void> => {
    const peers = await book.peers()
    const isGone = (peer: KeptPeer): boolean =>
      !peers.some(({ credential }) => equalBytes(credential, peer.credential))
    const gone = known.filter(isGone)
    known = peers
    for (const { name } of gone) await security.forget(name)
  }
  const check = (): void => {
    compare().catch((error: unknown) => context.fail(error))
  }
  check()
  const unlisten = book.store.onForeignChange?.(check)
  context.defer(() => Promise.resolve(unlisten?.()))
}

interface SecurityInput {
  readonly contexts: readonly KeptContext[]
  /** Read anew each time: who was removed has no way back in. Without it, EDHOC is not done. */
  readonly peers?: () => Promise<readonly KeptPeer[]>
  readonly onEvent?: SecurityListener
}

async function openSecurity(
  context: Context,
  book: KeyBook,
  { contexts, peers, onEvent }: SecurityInput,
): Promise<CoapSecurity> {
  const { store } = book
  const security = await openCoapSecurity({
    store,
    crypto: nodeProvider,
    contexts: contexts.map(presharedContext),
    ...(peers === undefined ? {} : { edhoc: { own: await ownCredential(book), peers } }),
    ...(onEvent === undefined ? {} : { onEvent }),
  })
  context.defer(() => security.close())
  return security
}

async function withContext(
  context: Context,
  book: KeyBook,
  kept: KeptContext,
): Promise<Protection> {
  const security = await openSecurity(context, book, { contexts: [kept] })
  return { by: 'OSCORE', name: kept.name, security }
}

/** All peers, for what EDHOC left of others stays kept; the one that is wished for is expected. */
async function expectedPeers(
  book: KeyBook,
  authority: string,
  wished: string | undefined,
): Promise<readonly KeptPeer[]> {
  const peers = await book.peers()
  if (wished === undefined) return peers
  if (!peers.some(({ name }) => name === wished)) {
    throw new WaxwingError('ERR_KEY_UNKNOWN', `no peer is called ${wished}`, { rule: 'coap-peer' })
  }
  return peers.map((peer) => {
    const others = peer.authorities.filter((each) => each !== authority)
    return { ...peer, authorities: peer.name === wished ? [...others, authority] : others }
  })
}

async function contextNamed(book: KeyBook, name: string): Promise<KeptContext> {
  const found = (await book.contexts()).find((each) => each.name === name)
  if (found !== undefined) return found
  throw new WaxwingError('ERR_KEY_UNKNOWN', `no context is called ${name}`, {
    rule: 'coap-context',
  })
}

function withoutAuthorities(kept: KeptContext): KeptContext {
  return { ...kept, authorities: [] }
}

function presharedContext(kept: KeptContext): PresharedContext {
  const { idContext, recorded, name, ...rest } = kept
  return {
    ...rest,
    name: recorded ? recordedName(kept) : name,
    recovery: recorded ? 'recorded-ahead' : 'rederivation',
    ...(idContext === undefined ? {} : { idContext }),
  }
}

/** Their state goes with the keys, not with the name alone: another secret begins anew. */
function recordedName(kept: KeptContext): string {
  return `${kept.name}#${keysOf(kept)}`
}

/** The name under which a peer is known here, as people gave it. */
export function shownName(name: string): string {
  return name.replace(/#.*$/, '')
}

/** Says that nobody has used these keys; where they were here before, what was recorded goes on. */
export async function beginRecordingOf(store: Store, kept: KeptContext): Promise<void> {
  try {
    await beginRecording(store, recordedName(kept))
  } catch (error) {
    if (error instanceof WaxwingError && error.code === 'ERR_CONFLICT') return // it goes on
    throw error
  }
}
