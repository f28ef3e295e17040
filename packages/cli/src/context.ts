// SPDX-License-Identifier: Apache-2.0
/**
 * What a command works with: the home, the output, and whatever it opens, closed again in the end.
 *
 * @module
 */

import type { Command } from 'commander'
import { type Transport, WaxwingError } from '@waxwing/core'
import {
  openEndpoint,
  type Endpoint,
  type EndpointOptions,
  type WaxwingEvent,
} from '@waxwing/client'
import type { SqliteStore } from '@waxwing/store-sqlite'
import {
  accessOf,
  isThere,
  kindOfBroker,
  makeTransport,
  untilConnected,
  watchConnection,
  type BrokerOptions,
} from './broker/broker.js'
import { checkedBroker } from './broker/url.js'
import type { Config } from './config.js'
import type { GlobalOptions, OpenOptions, Part } from './context-options.js'
import { Home, type StoreName } from './home.js'
import { Output } from './output.js'
import { claimSession } from './session-lock.js'
import { EventTeller } from './showing-events.js'
import { Shutdown } from './shutdown.js'

export class Context {
  readonly home: Home
  readonly output: Output
  readonly #options: GlobalOptions
  readonly #opened: (() => Promise<unknown>)[] = []
  readonly #unwatch: (() => void)[] = []
  /** The identity's, once it is open: mediums remember there who is reached where. */
  #store: SqliteStore | undefined
  #stop: Shutdown | undefined
  #isReached = false
  /** Resolved when a connection that is to stay has failed for the first time. */
  readonly #trouble = Promise.withResolvers<void>()
  #failure: { readonly error: unknown } | undefined

  constructor(options: GlobalOptions) {
    this.#options = options
    const { passphrase: ask = false, passphraseFile: file } = options
    this.home = new Home(options.home, { ask, file })
    const { stdout, stderr } = process
    const { json = false, quiet = false } = options
    this.output = new Output({ json, quiet, home: options.home, stdout, stderr })
  }

  /** The broker that the command line names. */
  get givenBroker(): string | undefined {
    const { broker } = this.#options
    return broker === undefined ? undefined : checkedBroker(broker)
  }

  /** The settings of the home, with what the command line and the environment say instead. */
  get config(): Config {
    const broker = this.givenBroker ?? process.env['WAXWING_BROKER']
    const { config } = this.home
    return broker === undefined ? config : { ...config, broker: checkedBroker(broker) }
  }

  /** From the first use on, SIGINT and SIGTERM ask the command to finish. */
  get stop(): Shutdown {
    if (this.#stop === undefined) {
      const stop = new Shutdown()
      this.#stop = stop
      process.stdout.on('error', () => stop.ask())
    }
    return this.#stop
  }

  /** Whether the broker was there at any time since {@link Context.stayConnected}. */
  get isReached(): boolean {
    return this.#isReached
  }

  /** Ends a long-running command as failed: it could only pretend to go on. The first one counts. */
  fail(error: unknown): void {
    this.#failure ??= { error }
    this.stop.ask()
  }

  /** @throws What the command was ended for by {@link Context.fail}. */
  assertNotFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }

  /** Has something closed when the command is over; the last opened goes first. */
  defer(close: () => Promise<unknown>): void {
    this.#opened.unshift(close)
  }

  async close(): Promise<void> {
    for (const unwatch of this.#unwatch.splice(0)) unwatch()
    for (const close of this.#opened.splice(0)) await close()
    this.#stop?.release()
  }

  async openStore(name: StoreName = 'store'): Promise<SqliteStore> {
    const store = await this.home.open(name)
    this.defer(() => store.close())
    if (name === 'store') this.#store = store
    return store
  }

  /** How the broker of the settings is reached, but for its URL. */
  brokerAccess(): ReturnType<typeof accessOf> {
    return accessOf(this.config, this.#brokerOptions())
  }

  /** Connects to the broker, once: for what is done when it is done. */
  async connect(): Promise<Transport> {
    const { config } = this
    const transport = await makeTransport(config, this.#brokerOptions())
    this.defer(() => transport.close())
    await untilConnected(transport, config.broker)
    return transport
  }

  /** Connects to the broker, again and again, under a session that it keeps. */
  async stayConnected(clientId?: string): Promise<Transport> {
    const { config } = this
    const transport = await makeTransport(config, { clientId, ...this.#brokerOptions() })
    this.defer(() => transport.close())
    this.watch(transport)
    this.#isReached ||= isThere(config.broker)
    transport.onStatus(({ state }) => {
      this.#isReached ||= state === 'connected'
      if (state === 'error') this.#trouble.resolve()
    })
    return transport
  }

  /**
   * Resolves once a reader is subscribed: what is sent from now on comes. Or when something else is known to
   * be the matter: the broker is not there, which was told, or the command is to end.
   */
  async untilSubscribed(reader: { start(): Promise<void> }): Promise<void> {
    const started = reader.start().catch(() => undefined) // iterating throws it
    await Promise.race([started, this.#trouble.promise, this.stop.asked])
  }

  /** Says when the connection goes and comes back, until the command is over. */
  watch(transport: Transport): void {
    this.#unwatch.push(watchConnection(transport, this.output, this.config.broker))
  }

  /** Opens the identity's endpoint. */
  async openEndpoint(options: OpenOptions): Promise<Endpoint> {
    const {
      part,
      storeName,
      session = '',
      orOffline = false,
      showEvents = false,
      ...rest
    } = options
    const store = await this.openStore(storeName)
    const teller = new EventTeller(this.output, showEvents)
    const onEvent = (event: WaxwingEvent): void => {
      teller.tell(event)
      if (event.type === 'error' && isLost(event.error)) this.fail(event.error)
    }
    const base = { store, processHint: `cli ${process.pid}`, onEvent, ...this.#kems, ...rest }
    const endpoint = await this.#open(base, { part, session, orOffline })
    teller.opened(endpoint)
    this.defer(() => endpoint.close())
    return endpoint
  }

  get #kems(): Pick<EndpointOptions, 'kems'> {
    return this.config.kems === 'x25519' ? { kems: ['x25519'] } : {}
  }

  #brokerOptions(): BrokerOptions {
    return { passwordFile: this.#options.brokerPasswordFile, store: this.#store }
  }

  /** Until the command is over, no other of its kind runs on this home. */
  claim(session: string): void {
    const release = claimSession(this.home.path(`${session}.pid`))
    this.defer(() => Promise.resolve(release()))
  }

  async #open(
    options: EndpointOptions,
    { part, session, orOffline }: { part: Part; session: string; orOffline: boolean },
  ): Promise<Endpoint> {
    if (part === 'offline') return openEndpoint(options)
    if (part === 'active') {
      this.claim(session)
      const transport = await this.stayConnected(await clientIdOf(options, session))
      const announce = this.config.announce ?? !isAddressed(this.config.broker)
      return openEndpoint({ announce, ...options, transport })
    }
    try {
      const passive = part === 'passive'
      return await openEndpoint({ ...options, transport: await this.connect(), passive })
    } catch (error) {
      if (!orOffline || !isUnreachable(error)) throw error
      this.output.warn('The broker cannot be reached: what is to be sent waits in the store.')
      return openEndpoint(options)
    }
  }
}

/** Runs a command's body with a context of its own. The last argument of commander is the command. */
export function withContext<Args extends readonly unknown[]>(
  body: (context: Context, ...args: Args) => Promise<void>,
): (...args: [...Args, Command]) => Promise<void> {
  return async (...args) => {
    const command = args.at(-1) as Command
    const context = new Context(command.optsWithGlobals<GlobalOptions>())
    try {
      await body(context, ...(args.slice(0, -1) as unknown as Args))
      context.assertNotFailed()
    } finally {
      await context.close()
    }
  }
}

/** The store has another key by now, or is damaged: nothing can be kept any more. */
function isLost({ code }: WaxwingError): boolean {
  return code === 'ERR_STORE_KEY' || code === 'ERR_STORE_CORRUPT'
}

function isUnreachable(error: unknown): boolean {
  return error instanceof WaxwingError && error.details.rule === 'connect'
}

/** Each message is for somebody: there is nothing where many would look for a card. */
function isAddressed(broker: string | undefined): boolean {
  return ['mail', 'sms'].includes(kindOfBroker(broker))
}

/** The broker keeps what comes for a principal's command while it does not run. */
async function clientIdOf(options: EndpointOptions, session: string): Promise<string> {
  const peek = await openEndpoint({ store: options.store, passive: true })
  const { id } = peek
  await peek.close()
  return `waxwing-${id.slice(0, 16)}-${session}`
}
