// SPDX-License-Identifier: Apache-2.0
/**
 * The NATS server as a fixture, with JetStream, on a free loopback port that it keeps across
 * restarts; streams and consumers live in a temporary folder that it keeps as well.
 *
 * @module
 */

import { createAuthority, type CertificateAuthority } from './certificates.js'
import { findProgram, FixtureFolder, freePort, startedAtFreePort } from './fixture-process.js'
import { ServerProcess, type StopSignal } from './server-process.js'

export interface NatsOptions {
  /** `'mutual'` asks clients for a certificate of the authority. */
  readonly tls?: boolean | 'mutual'
  /** User names and passwords. Left out, with `token`: anybody may connect. */
  readonly users?: Readonly<Record<string, string>>
  /** What every client has to present. Not together with `users`. */
  readonly token?: string
  /** Largest payload in bytes. Default: the server's, 1 MiB. */
  readonly maxPayload?: number
  /** `false`: no JetStream. Default `true`. */
  readonly jetstream?: boolean
  /** Further lines of the configuration. */
  readonly config?: readonly string[]
}

export interface Nats {
  /** `nats://127.0.0.1:PORT`, or `tls:` with TLS. */
  readonly url: string
  readonly port: number
  /** The authority behind the server's certificate, with `tls`. */
  readonly authority: CertificateAuthority | undefined
  /** What the server logged so far. */
  log(): string
  /** Ends the server and waits until it is gone. What it confirmed outlives either signal. */
  stop(signal?: StopSignal): Promise<void>
  /** Starts it again on the same port, with the same streams. */
  start(): Promise<void>
  /** Stops the server and removes its folder. */
  close(): Promise<void>
}

/** Tells whether the machine has a NATS server. */
export function natsAvailable(): boolean {
  return findNats() !== undefined
}

/** Starts a server. @throws {Error} If the machine has none, or it does not come up. */
export async function startNats(options: NatsOptions = {}): Promise<Nats> {
  const program = findNats()
  if (program === undefined) throw new Error('nats-server is not on this machine')
  return startedAtFreePort(async () => new NatsProcess(program, options, await freePort()))
}

class NatsProcess implements Nats {
  readonly url: string
  readonly port: number
  readonly authority: CertificateAuthority | undefined
  readonly #folder = new FixtureFolder('nats')
  readonly #server: ServerProcess

  constructor(program: string, options: NatsOptions, port: number) {
    this.port = port
    this.url = `${options.tls ? 'tls' : 'nats'}://127.0.0.1:${port}`
    this.authority = options.tls ? createAuthority('waxwing test root') : undefined
    const lines = configuration(this.#folder, port, options)
    if (this.authority !== undefined) {
      lines.push(tlsBlock(this.#folder, this.authority, options.tls === 'mutual'))
    }
    const file = this.#folder.write('nats.conf', `${lines.join('\n')}\n`)
    const upWhen = 'Server is ready'
    this.#server = new ServerProcess({ program, args: ['-c', file], upWhen })
  }

  log(): string {
    return this.#server.log()
  }

  start(): Promise<void> {
    return this.#server.start()
  }

  stop(signal?: StopSignal): Promise<void> {
    return this.#server.stop(signal)
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL')
    this.#folder.remove()
  }
}

function configuration(folder: FixtureFolder, port: number, options: NatsOptions): string[] {
  const lines = [`listen: 127.0.0.1:${port}`]
  if (options.jetstream !== false) {
    lines.push(`jetstream { store_dir: ${JSON.stringify(folder.file('jetstream'))} }`)
  }
  if (options.maxPayload !== undefined) lines.push(`max_payload: ${options.maxPayload}`)
  if (options.token !== undefined) {
    lines.push(`authorization { token: ${JSON.stringify(options.token)} }`)
  }
  if (options.users !== undefined) {
    const users = Object.entries(options.users).map(
      ([user, password]) =>
        `{ user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)} }`,
    )
    lines.push(`authorization { users: [${users.join(', ')}] }`)
  }
  return [...lines, ...(options.config ?? [])]
}

function tlsBlock(
  folder: FixtureFolder,
  authority: CertificateAuthority,
  isMutual: boolean,
): string {
  const server = authority.issue('localhost')
  const files = {
    ca_file: folder.write('ca.pem', authority.ca),
    cert_file: folder.write('server.pem', server.cert),
    key_file: folder.write('server-key.pem', server.key),
    verify: isMutual,
  }
  const fields = Object.entries(files).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
  return `tls { ${fields.join(', ')} }`
}

function findNats(): string | undefined {
  return findProgram(['nats-server'], ['/usr/sbin', '/usr/local/sbin', '/usr/local/bin'])
}
