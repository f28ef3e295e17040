// SPDX-License-Identifier: Apache-2.0
/**
 * One connection to the server, or to one of a cluster, for as long as the transport lives: it is made,
 * watched, and made again with growing pauses.
 *
 * The library could connect again by itself. It would keep what was written meanwhile, say nothing of
 * failed attempts, and ask for no new password; so each of its connections is used once, and what waits
 * is kept where it is counted (`docs/spec/09-bindings.md` Section 9.7.7).
 *
 * @module
 */

import {
  connect,
  credsAuthenticator,
  errors,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  type Authenticator,
  type NatsConnection,
  type NodeConnectionOptions,
} from '@nats-io/transport-node'
import type { WaxwingError } from '@waxwing/core'
import { Pauses, transportError } from '@waxwing/transport-kit'
import type { ResolvedOptions, Secret } from './options.js'

/** Servers of the cluster that a server may tell of. */
const MAX_DISCOVERED = 64

/** A JWT and, after it, the seed of a user, each between lines that say so. */
const CREDENTIALS = /^-{3,}.+-{3,}\s*\n\s*[\w-]+\.[\w-]+\.[\w-]+[^]*\n\s*SU[A-Z2-7]{56}\s/m

/** What was given to log in with cannot be that. */
class NoLogin extends Error {}

export interface LinkOwner {
  up(connection: NatsConnection): void
  /** What `up` was called for is gone. */
  down(connection: NatsConnection): void
  /** Refused at the first connection: no further attempt is made. */
  refused(error: WaxwingError): void
  /** The server forbids to publish or to subscribe to this. */
  denied(error: InstanceType<typeof errors.PermissionViolationError>): void
  report(error: unknown): void
}

export class Link {
  readonly #options: ResolvedOptions
  readonly #owner: LinkOwner
  readonly #pauses: Pauses
  readonly #discovered = new Set<string>()
  #connection: NatsConnection | undefined
  #wakeUp: (() => void) | undefined
  #wasUp = false
  #isEnded = false
  readonly #running: Promise<void>

  constructor(options: ResolvedOptions, owner: LinkOwner) {
    this.#options = options
    this.#owner = owner
    this.#pauses = new Pauses(options.reconnectMinMs, options.reconnectMaxMs)
    this.#running = this.#run()
  }

  /** Writes what is written, says goodbye, and frees everything. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#wakeUp?.()
    await this.#connection?.close()
    await this.#running
  }

  /** The connection is of use: the next attempt, should it break, follows after the shortest pause. */
  works(): void {
    this.#pauses.reset()
  }

  /** Gives this connection up; another one follows. */
  renew(connection: NatsConnection): void {
    if (this.#connection === connection) void connection.close()
  }

  async #run(): Promise<void> {
    await Promise.resolve() // so that whoever made this can listen first
    while (!this.#isEnded) {
      const connection = await this.#connect()
      if (connection !== undefined) await this.#use(connection)
      if (!this.#isEnded) await this.#pause()
    }
  }

  async #connect(): Promise<NatsConnection | undefined> {
    try {
      return await connect(await connectOptions(this.#options, [...this.#discovered]))
    } catch (error) {
      if (this.#isEnded) return undefined
      const failed = connectionFailed(error)
      const isRefused = error instanceof errors.AuthorizationError || error instanceof NoLogin
      if (isRefused && !this.#wasUp) {
        this.#isEnded = true
        this.#owner.refused(failed)
      } else this.#owner.report(failed)
      return undefined
    }
  }

  async #use(connection: NatsConnection): Promise<void> {
    if (this.#isEnded) {
      await connection.close()
      return
    }
    this.#wasUp = true
    this.#connection = connection
    for (const server of connection.info?.connect_urls ?? []) {
      if (this.#discovered.size < MAX_DISCOVERED) this.#discovered.add(server)
    }
    void this.#watch(connection)
    this.#owner.up(connection)
    const why = await connection.closed()
    this.#connection = undefined
    if (why instanceof Error && !this.#isEnded) this.#owner.report(connectionFailed(why))
    this.#owner.down(connection)
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const status of connection.status()) {
      if (status.type !== 'error' || this.#isEnded) continue
      const { error } = status
      if (error instanceof errors.PermissionViolationError) this.#owner.denied(error)
      else this.#owner.report(connectionFailed(error))
    }
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, this.#pauses.next())
      this.#wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }
}

async function connectOptions(
  options: ResolvedOptions,
  discovered: readonly string[],
): Promise<NodeConnectionOptions> {
  const { tls, needsTls, hosts } = options
  const authenticator = await authenticatorOf(options)
  return {
    servers: [...hosts, ...discovered.filter((host) => !hosts.includes(host))],
    name: options.name ?? 'waxwing',
    reconnect: false,
    timeout: options.connectTimeoutMs,
    pingInterval: options.keepAliveSeconds * 1000,
    maxPingOut: 2,
    ignoreClusterUpdates: false,
    ...(authenticator === undefined ? {} : { authenticator }),
    ...(needsTls ? { tls: tlsOptions(tls) } : {}),
  }
}

function tlsOptions({ ca, servername, ...rest }: ResolvedOptions['tls'] & object = {}): object {
  return {
    ...rest,
    ...(servername === undefined ? {} : { servername }),
    ...(ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] }),
  }
}

async function authenticatorOf(options: ResolvedOptions): Promise<Authenticator | undefined> {
  const { username, password, token, nkeySeed, credentials } = options
  if (username !== undefined) {
    return usernamePasswordAuthenticator(username, await wordOf(password ?? ''))
  }
  if (token !== undefined) return tokenAuthenticator(await wordOf(token))
  if (nkeySeed !== undefined) {
    const seed = await wordOf(nkeySeed)
    if (!/^\s*SU[A-Z2-7]{56}\s*$/.test(seed))
      throw new NoLogin('nkeySeed is no seed of a user (SU…)')
    return nkeyAuthenticator(Buffer.from(seed.trim()))
  }
  if (credentials !== undefined) {
    const text = await wordOf(credentials)
    if (!CREDENTIALS.test(text))
      throw new NoLogin('credentials are not what a .creds file contains')
    return credsAuthenticator(Buffer.from(text))
  }
  return undefined
}

async function wordOf(secret: Secret): Promise<string> {
  return typeof secret === 'function' ? await secret() : secret
}

function connectionFailed(error: unknown): WaxwingError {
  const why = error instanceof Error ? error.message || error.name : String(error)
  return transportError(`connection failed: ${why}`, error)
}
