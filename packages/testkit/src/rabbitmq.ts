// SPDX-License-Identifier: Apache-2.0
/**
 * RabbitMQ as a fixture, on a free loopback port that it keeps across restarts, with a node, a
 * database, a cookie and a port mapper (epmd) of its own: nothing of it meets a broker that the
 * machine runs.
 *
 * It takes about ten seconds to come up, most of that to load its code: one instance for a file of
 * tests. `leave` and `comeBack` stop and start the broker within the running virtual machine, in a
 * second.
 *
 * @module
 */

import { existsSync, readdirSync } from 'node:fs'
import { createAuthority, type CertificateAuthority } from './certificates.js'
import { findProgram, FixtureFolder, freePort, startedAtFreePort } from './fixture-process.js'
import { ServerProcess, type StopSignal } from './server-process.js'

export interface RabbitmqOptions {
  /** Default: none, which is AMQP 0-9-1 alone. With `rabbitmq_mqtt` it starts five seconds later. */
  readonly plugins?: readonly ('rabbitmq_amqp1_0' | 'rabbitmq_mqtt')[]
  /** User names and passwords. Default: `guest` with `guest`. */
  readonly users?: Readonly<Record<string, string>>
  /** What some of the users may do, as regular expressions of names. Default: everything. */
  readonly rights?: Readonly<Record<string, Partial<RabbitmqRights>>>
  /** `'mutual'` asks clients for a certificate of the authority. Not for MQTT. */
  readonly tls?: boolean | 'mutual'
  /** Further lines of `rabbitmq.conf`. */
  readonly config?: readonly string[]
}

/** Rights that are left out are all. */
export interface RabbitmqRights {
  readonly configure: string
  readonly write: string
  readonly read: string
}

export interface Rabbitmq {
  /** `amqp://127.0.0.1:PORT`, or `amqps:` with TLS: both versions of AMQP, without a user. */
  readonly url: string
  readonly port: number
  /** Where MQTT 3.1.1 is spoken, with the plugin. */
  readonly mqttPort: number
  /** The authority behind the broker's certificate, with `tls`. */
  readonly authority: CertificateAuthority | undefined
  /** What the broker logged so far. */
  log(): string
  /** Stops the broker, but not its process: it closes its connections and takes none. A moment. */
  leave(): Promise<void>
  /** Starts it again after `leave`, with what is durable. About a second. */
  comeBack(): Promise<void>
  /** Ends the process and waits until it is gone: in order within two seconds, or as in a crash. */
  stop(signal?: StopSignal): Promise<void>
  /** Starts it again on the same port, with what is durable. About ten seconds. */
  start(): Promise<void>
  /** Stops the broker and removes its folder. */
  close(): Promise<void>
}

/** Tells whether the machine has RabbitMQ. */
export function rabbitmqAvailable(): boolean {
  return findServer() !== undefined && findEpmd() !== undefined
}

/** Starts a broker. @throws {Error} If the machine has none, or it does not come up. */
export async function startRabbitmq(options: RabbitmqOptions = {}): Promise<Rabbitmq> {
  const [server, epmd] = [findServer(), findEpmd()]
  if (server === undefined || epmd === undefined) {
    throw new Error('rabbitmq-server is not on this machine')
  }
  return startedAtFreePort(async () => {
    const ports = { amqp: await freePort(), mqtt: await freePort() }
    const inner = { epmd: await freePort(), distribution: await freePort() }
    return new RabbitmqProcess({ server, epmd }, options, { ...ports, ...inner })
  }, 2)
}

/**
 * Erlang, which the process reads. One that is stopped before it has noticed that it is up would take
 * itself to be booting for long. The answer is not in the line, should that be echoed.
 */
const LEAVE =
  '(fun W() -> case whereis(rabbit_boot) of undefined -> ok; _ -> timer:sleep(10), W() end end)(), ' +
  'rabbit:stop(), io:format("~s~n", ["has" " left"]).'

/** Logged after its last listener is there. */
const UP = 'Server startup complete'

interface Ports {
  readonly amqp: number
  readonly mqtt: number
  readonly epmd: number
  readonly distribution: number
}

class RabbitmqProcess implements Rabbitmq {
  readonly url: string
  readonly port: number
  readonly mqttPort: number
  readonly authority: CertificateAuthority | undefined
  readonly #folder = new FixtureFolder('rabbitmq')
  readonly #epmd: ServerProcess
  readonly #server: ServerProcess

  constructor(
    programs: { readonly server: string; readonly epmd: string },
    options: RabbitmqOptions,
    ports: Ports,
  ) {
    this.port = ports.amqp
    this.mqttPort = ports.mqtt
    this.url = `${options.tls ? 'amqps' : 'amqp'}://127.0.0.1:${ports.amqp}`
    this.authority = options.tls ? createAuthority('waxwing test root') : undefined
    const lines = configuration(this.#folder, ports, options)
    if (this.authority !== undefined) {
      lines.push(...tlsLines(this.#folder, this.authority, ports, options.tls === 'mutual'))
    }
    this.#folder.write('rabbitmq.conf', `${[...lines, ...(options.config ?? [])].join('\n')}\n`)
    this.#folder.write('enabled_plugins', `[${(options.plugins ?? []).join(',')}].\n`)
    const epmd = ['-d', '-d', '-address', '127.0.0.1', '-port', String(ports.epmd)]
    this.#epmd = new ServerProcess({ program: programs.epmd, args: epmd, upWhen: 'entering' })
    this.#server = new ServerProcess({
      program: programs.server,
      args: [],
      env: environment(this.#folder, ports),
      upWhen: UP,
    })
  }

  log(): string {
    return this.#server.log()
  }

  async start(): Promise<void> {
    if (!this.#epmd.isRunning) await this.#epmd.start()
    await this.#server.start()
  }

  stop(signal?: StopSignal): Promise<void> {
    return this.#server.stop(signal)
  }

  leave(): Promise<void> {
    return this.#server.tell(LEAVE, 'has left')
  }

  comeBack(): Promise<void> {
    return this.#server.tell('rabbit:start().', UP)
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL')
    await this.#epmd.stop('SIGKILL')
    this.#folder.remove()
  }
}

function configuration(folder: FixtureFolder, ports: Ports, options: RabbitmqOptions): string[] {
  const lines = ['log.console = true', 'log.file = false', 'loopback_users = none']
  if (!options.tls) lines.push(`listeners.tcp.1 = 127.0.0.1:${ports.amqp}`)
  if (options.plugins?.includes('rabbitmq_mqtt')) {
    lines.push(`mqtt.listeners.tcp.1 = 127.0.0.1:${ports.mqtt}`)
  }
  if (options.users !== undefined) {
    const file = folder.write('definitions.json', definitions(options.users, options.rights))
    lines.push(`load_definitions = ${file}`)
  }
  return lines
}

function definitions(
  users: Readonly<Record<string, string>>,
  rights: RabbitmqOptions['rights'] = {},
): string {
  const all = { vhost: '/', configure: '.*', write: '.*', read: '.*' }
  return JSON.stringify({
    vhosts: [{ name: '/' }],
    users: Object.entries(users).map(([name, password]) => ({ name, password, tags: '' })),
    permissions: Object.keys(users).map((user) => ({ user, ...all, ...rights[user] })),
  })
}

function tlsLines(
  folder: FixtureFolder,
  authority: CertificateAuthority,
  ports: Ports,
  isMutual: boolean,
): string[] {
  const server = authority.issue('localhost')
  return [
    'listeners.tcp = none',
    `listeners.ssl.1 = 127.0.0.1:${ports.amqp}`,
    `ssl_options.cacertfile = ${folder.write('ca.pem', authority.ca)}`,
    `ssl_options.certfile = ${folder.write('server.pem', server.cert)}`,
    `ssl_options.keyfile = ${folder.write('server-key.pem', server.key)}`,
    `ssl_options.verify = ${isMutual ? 'verify_peer' : 'verify_none'}`,
    `ssl_options.fail_if_no_peer_cert = ${isMutual}`,
  ]
}

function environment(folder: FixtureFolder, ports: Ports): Readonly<Record<string, string>> {
  return {
    HOME: folder.path, // where Erlang keeps its cookie
    ERL_CRASH_DUMP: folder.file('erl_crash.dump'),
    RABBITMQ_NODENAME: `waxwing-${ports.amqp}@localhost`,
    RABBITMQ_MNESIA_BASE: folder.file('mnesia'),
    RABBITMQ_LOG_BASE: folder.file('log'),
    RABBITMQ_CONFIG_FILE: folder.file('rabbitmq.conf'),
    RABBITMQ_CONF_ENV_FILE: folder.file('no-such-file'),
    RABBITMQ_ENABLED_PLUGINS_FILE: folder.file('enabled_plugins'),
    RABBITMQ_DIST_PORT: String(ports.distribution),
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: '127.0.0.1',
    RABBITMQ_LOGS: '-',
    // The script becomes the virtual machine, whose id the process keeps, and reads from its input.
    RABBITMQ_ALLOW_INPUT: 'true',
    // One core is enough, and the tests have work for the others.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: '+S 1:1',
  }
}

/** The script that needs no particular user, unlike the one on Debian's path. */
function findServer(): string | undefined {
  const folder = '/usr/lib/rabbitmq/lib'
  const versions = existsSync(folder) ? readdirSync(folder) : []
  return findProgram(
    ['rabbitmq-server'],
    versions.map((version) => `${folder}/${version}/sbin`),
  )
}

/** Erlang's port mapper. */
function findEpmd(): string | undefined {
  return findProgram(['epmd'], ['/usr/bin'])
}
