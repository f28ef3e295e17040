// SPDX-License-Identifier: Apache-2.0
/**
 * A client and a server with keys, and a network in memory between them on which everything can be seen,
 * changed and lost.
 *
 * @module
 */

import { type MemoryStore, memoryStore } from '@waxwing/client'
import { type Aead, type CryptoProvider, toHex, utf8 } from '@waxwing/core'
import { nodeProvider } from '@waxwing/core/node'
import { code, type CoapMessage, type CoapOption, OPTION } from '@waxwing/oscore'
import type { Handler, Peer, Request, Response } from '../../src/handler.js'
import {
  type CoapSecurity,
  type CoapSecurityEvent,
  type CoapSecurityOptions,
  type KnownPeer,
  openCoapSecurity,
  ownEdhocCredential,
  type PresharedContext,
  type ProtectOptions,
} from '../../src/security/index.js'

export const EMPTY: Uint8Array = new Uint8Array(0)
export const GET: number = code(0, 1)
export const POST: number = code(0, 2)
export const CONTENT: number = code(2, 5)
export const CHANGED: number = code(2, 4)
export const UNAUTHORIZED: number = code(4, 1)
export const AUTHORITY = 'lamp.example:5683'
const SERVER: Peer = { address: '127.0.0.1', port: 5683 }
export const CLIENT: Peer = { address: '127.0.0.1', port: 40_000 }

/** Every key and nonce that anything was ever encrypted with, whoever did. */
export class SealRecord {
  readonly #uses = new Map<string, number>()

  /** A provider that notes what it encrypts with. */
  readonly crypto: CryptoProvider = {
    ...nodeProvider,
    aead: (alg, key) => this.#noting(toHex(key), nodeProvider.aead(alg, key)),
  }

  get count(): number {
    return this.#uses.size
  }

  /** Those pairs of key and nonce that were used more than once: there must be none. */
  get repeated(): readonly string[] {
    return [...this.#uses].filter(([, times]) => times > 1).map(([use]) => use)
  }

  #noting(key: string, aead: Aead): Aead {
    return {
      open: (...given) => aead.open(...given),
      seal: (nonce, ...given) => {
        const use = `${key} ${toHex(nonce)}`
        this.#uses.set(use, (this.#uses.get(use) ?? 0) + 1)
        aead.seal(nonce, ...given)
      },
    }
  }
}

/** What stands between the two. */
export class Wire {
  /** Every request and response that passed, in order. */
  readonly seen: CoapMessage[] = []
  /** Changes a request on its way, or loses it by throwing. */
  onRequest: (request: CoapMessage) => CoapMessage = (request) => request
  /** Changes a response on its way, or loses it by throwing. */
  onResponse: (response: Response, request: CoapMessage) => Response | Promise<Response> = (
    response,
  ) => response
  server: Handler = () => Promise.reject(new Error('no server'))

  /** How often something went there and came back. */
  get roundTrips(): number {
    return this.seen.length / 2
  }

  /** The client's network. */
  readonly network: Handler = async (request) => {
    const { peer: _, signal, ...message } = request
    const sent = this.onRequest(message)
    this.seen.push(sent)
    const response = await this.server({ ...sent, peer: CLIENT, signal })
    const arrived = await this.onResponse(response, sent)
    this.seen.push(arrived)
    return arrived
  }
}

export interface EndOptions extends Omit<CoapSecurityOptions, 'store'> {
  readonly store?: MemoryStore
}

type Ends = readonly [Partial<EndOptions>, Partial<EndOptions>]

/** One end: its store outlives it, or is put back. */
export class End {
  readonly options: Omit<CoapSecurityOptions, 'store'>
  readonly events: CoapSecurityEvent[] = []
  store: MemoryStore
  security!: CoapSecurity

  constructor({ store = memoryStore(), ...options }: EndOptions) {
    this.store = store
    this.options = { onEvent: (event) => void this.events.push(event), ...options }
  }

  /** Starts, or starts again: what was in memory is gone. */
  async start(): Promise<this> {
    this.security = await openCoapSecurity({ ...this.options, store: this.store })
    return this
  }

  /** The same machine a second time: its store as it is now. */
  copied(): End {
    const store = memoryStore({ from: this.store.snapshot() })
    const { onEvent: _, ...options } = this.options
    return new End({ ...options, store })
  }

  /** Asks for the lamp's state, as a client. */
  ask({ network }: Wire): Promise<Response> {
    return this.security.layer(network)(requestOf(GET))
  }

  /** By what the client or the server came to keys, in order. */
  get established(): readonly string[] {
    return this.events.flatMap((event) => (event.kind === 'established' ? [event.by] : []))
  }
}

export interface World {
  readonly record: SealRecord
  readonly wire: Wire
  readonly client: End
  readonly server: End
  /** What the server's handler was asked. */
  readonly asked: Request[]
  /** Starts the server again, with what its store has now. */
  restartServer(): Promise<void>
  /** Asks through the client. */
  ask(message?: Partial<Request>): Promise<Response>
}

export interface WorldOptions {
  readonly handler?: Handler
  readonly protect?: ProtectOptions
}

/** The handler of a lamp that says it is on. */
export const LAMP: Handler = () => Promise.resolve(messageOf(CONTENT, [], 'on'))

export async function worldOf(
  [ofClient, ofServer]: Ends,
  { handler = LAMP, protect = {} }: WorldOptions = {},
  record: SealRecord = new SealRecord(),
): Promise<World> {
  const { crypto } = record
  const wire = new Wire()
  const asked: Request[] = []
  const client = await new End({ crypto, ...ofClient }).start()
  const server = new End({ crypto, ...ofServer })
  const noting: Handler = (request) => {
    asked.push(request)
    return handler(request)
  }
  const restartServer = async (): Promise<void> => {
    await server.start()
    wire.server = server.security.protect(noting, protect)
  }
  await restartServer()
  const ask = (message: Partial<Request> = {}): Promise<Response> =>
    client.security.layer(wire.network)({ ...requestOf(GET), ...message })
  return { record, wire, client, server, asked, restartServer, ask }
}

export const SECRET: Uint8Array = new Uint8Array(16).fill(7)

/** The pre-shared context of both ends. */
export function preshared(
  ofServer: Partial<PresharedContext> = {},
  ofBoth: Partial<PresharedContext> = {},
): Ends {
  const [desk, lamp] = [EMPTY, Uint8Array.of(1)]
  const both = { masterSecret: SECRET, ...ofBoth }
  return [
    {
      contexts: [
        { name: 'lamp', senderId: desk, recipientId: lamp, authorities: [AUTHORITY], ...both },
      ],
    },
    { contexts: [{ name: 'desk', senderId: lamp, recipientId: desk, ...both, ...ofServer }] },
  ]
}

/** A world in which both ends know each other's credentials. */
export async function edhocWorld(
  options: WorldOptions = {},
  ofServer: Partial<EndOptions> = {},
  monotonic?: () => number,
): Promise<World> {
  const record = new SealRecord()
  const { crypto } = record
  const [clientStore, serverStore] = [memoryStore(), memoryStore()]
  const desk = await ownEdhocCredential({ store: clientStore, crypto, subject: 'desk' })
  const lamp = await ownEdhocCredential({ store: serverStore, crypto, subject: 'lamp' })
  const lampPeer: KnownPeer = {
    name: 'lamp',
    credential: lamp.credential.encoded,
    authorities: [AUTHORITY],
  }
  const deskPeer: KnownPeer = { name: 'desk', credential: desk.credential.encoded }
  const world = await worldOf(
    [
      {
        edhoc: { own: desk, peers: [lampPeer] },
        store: clientStore,
        ...(monotonic === undefined ? {} : { monotonic }),
      },
      { edhoc: { own: lamp, peers: [deskPeer] }, store: serverStore, ...ofServer },
    ],
    options,
    record,
  )
  return world
}

export function messageOf(
  messageCode: number,
  options: readonly CoapOption[] = [],
  text = '',
): CoapMessage {
  return { code: messageCode, options, payload: utf8(text) }
}

/** A request for the lamp's state. */
export function requestOf(
  messageCode: number,
  {
    options = [],
    text = '',
    signal = new AbortController().signal,
  }: {
    readonly options?: readonly CoapOption[]
    readonly text?: string
    readonly signal?: AbortSignal
  } = {},
): Request {
  const host = { number: OPTION.uriHost, value: utf8('lamp.example') }
  const path = { number: OPTION.uriPath, value: utf8('state') }
  const message = messageOf(messageCode, [host, path, ...options], text)
  return { ...message, peer: SERVER, signal }
}

export function textOf({ payload }: CoapMessage): string {
  return new TextDecoder().decode(payload)
}

/** Expected of an error. */
export function coded(errorCode: string): { readonly code: string } {
  return { code: errorCode }
}

/** A segment of a path. */
export function segment(text: string): CoapOption {
  return { number: OPTION.uriPath, value: utf8(text) }
}

/** Sends a message as it is to the server. */
export function plainly(world: World, message: CoapMessage): Promise<Response> {
  const { signal } = new AbortController()
  return world.wire.server({ ...message, peer: CLIENT, signal })
}

/** A protected request that did not arrive. */
export async function withheld(world: World): Promise<CoapMessage> {
  const { onRequest } = world.wire
  let sent: CoapMessage | undefined
  world.wire.onRequest = (request) => {
    sent = request
    throw new Error('withheld')
  }
  const outcome = await world.ask().catch((error: unknown) => error)
  if (sent === undefined) throw new Error(`nothing was sent: ${String(outcome)}`)
  world.wire.onRequest = onRequest
  return sent
}

/** A message with this value of the OSCORE option in the place of its own. */
export function withOscore(message: CoapMessage, value: Uint8Array): CoapMessage {
  const others = message.options.filter(({ number }) => number !== OPTION.oscore)
  return { ...message, options: [...others, { number: OPTION.oscore, value }] }
}
