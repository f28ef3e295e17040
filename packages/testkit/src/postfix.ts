// SPDX-License-Identifier: Apache-2.0
/**
 * Postfix as a fixture: SMTP on a free loopback port that it keeps across restarts, with a queue in a
 * temporary folder, delivering everything for one domain by LMTP to a loopback port; mail for other
 * domains it refuses. It wants the rights of the administrator.
 *
 * @module
 */

import { chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs'
import { createAuthority, type CertificateAuthority } from './certificates.js'
import { findProgram, FixtureFolder, freePort, startedAtFreePort } from './fixture-process.js'
import { ServerProcess, type StopSignal } from './server-process.js'

export interface PostfixOptions {
  /** Where it delivers to. */
  readonly lmtpPort: number
  /** Mailboxes that stand for others: a list of all. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>
  /** SMTP needs TLS: from the first byte (`smtps:`), or by STARTTLS. Default: none. */
  readonly tls?: 'implicit' | 'starttls'
  /** Further lines of `main.cf`. */
  readonly config?: readonly string[]
}

export interface Postfix {
  /** `smtp://127.0.0.1:PORT` or, with implicit TLS, `smtps:`. */
  readonly url: string
  readonly port: number
  readonly authority: CertificateAuthority | undefined
  log(): string
  stop(signal?: StopSignal): Promise<void>
  /** Starts it again on the same port, with what is queued. */
  start(): Promise<void>
  close(): Promise<void>
}

/** The domain whose mail it takes. */
export const MAIL_DOMAIN = 'example.test'

const DAEMONS = '/usr/lib/postfix/sbin'
/** Folders of the queue that belong to Postfix's user, with their rights. */
const QUEUE_FOLDERS: Readonly<Record<string, number>> = {
  active: 0o700,
  bounce: 0o700,
  corrupt: 0o700,
  defer: 0o700,
  deferred: 0o700,
  flush: 0o700,
  hold: 0o700,
  incoming: 0o700,
  maildrop: 0o730,
  private: 0o700,
  public: 0o710,
  saved: 0o700,
  trace: 0o700,
}

/** Tells whether the machine has Postfix, and lets it run. */
export function postfixAvailable(): boolean {
  return process.getuid?.() === 0 && findMaster() !== undefined
}

/** Starts a server. @throws {Error} If the machine has none, or it does not come up. */
export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const program = findMaster()
  if (program === undefined) throw new Error('postfix is not on this machine')
  return startedAtFreePort(async () => new PostfixProcess(program, options, await freePort()))
}

class PostfixProcess implements Postfix {
  readonly url: string
  readonly port: number
  readonly authority: CertificateAuthority | undefined
  readonly #folder = new FixtureFolder('postfix')
  readonly #server: ServerProcess

  constructor(program: string, options: PostfixOptions, port: number) {
    this.port = port
    this.url = `${options.tls === 'implicit' ? 'smtps' : 'smtp'}://127.0.0.1:${port}`
    this.authority = options.tls ? createAuthority('waxwing test root') : undefined
    prepareFolders(this.#folder)
    const lines = mainConfiguration(this.#folder, options)
    if (this.authority !== undefined) {
      lines.push(...tlsLines(this.#folder, this.authority, options.tls))
    }
    this.#folder.write('etc/main.cf', `${[...lines, ...(options.config ?? [])].join('\n')}\n`)
    this.#folder.write('etc/master.cf', `${serviceLines(port).join('\n')}\n`)
    const script = startScript(program, this.#folder)
    const args = ['sh', '-c', script]
    this.#server = new ServerProcess({ program: 'setsid', args, upWhen: 'daemon started' })
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
    await this.stop()
    this.#folder.remove()
  }
}

/**
 * Starts the server in a group of processes of its own, which it ends when it ends. Its log is a file, as
 * it cannot open what Node has for a pipe. It changes who it is, and would outlive the process that
 * started it: somebody watches that one.
 */
function startScript(program: string, folder: FixtureFolder): string {
  const log = folder.file('mail.log')
  return [
    // From where it begins to write: it may have written before somebody reads.
    `: >>${log}; begin=$(($(wc -c <${log}) + 1))`,
    `tail -c +$begin --pid=$$ -F ${log} &`,
    `(while kill -0 ${process.pid}; do kill -0 $$ || exit; sleep 1; done; kill $$) 2>/dev/null &`,
    `exec ${program} -c ${folder.file('etc')} -d`,
  ].join('\n')
}

function prepareFolders(folder: FixtureFolder): void {
  const [postfix, postdrop] = [idOf('passwd', 'postfix'), idOf('group', 'postdrop')]
  chmodSync(folder.path, 0o755)
  for (const name of ['etc', 'data', 'queue', 'queue/pid']) {
    mkdirSync(folder.file(name), { mode: 0o755 })
  }
  chownSync(folder.file('data'), postfix, 0)
  for (const [name, mode] of Object.entries(QUEUE_FOLDERS)) {
    const path = folder.file(`queue/${name}`)
    mkdirSync(path)
    chownSync(path, postfix, ['maildrop', 'public'].includes(name) ? postdrop : 0)
    chmodSync(path, mode)
  }
}

function mainConfiguration(
  folder: FixtureFolder,
  { lmtpPort, aliases = {} }: PostfixOptions,
): string[] {
  const lines = Object.entries(aliases).map(([alias, members]) => `${alias} ${members.join(',')}\n`)
  return [
    'compatibility_level = 3.6',
    `queue_directory = ${folder.file('queue')}`,
    `data_directory = ${folder.file('data')}`,
    'command_directory = /usr/sbin',
    `daemon_directory = ${DAEMONS}`,
    'mail_owner = postfix',
    'setgid_group = postdrop',
    `maillog_file = ${folder.file('mail.log')}`,
    `maillog_file_prefixes = ${folder.path}`,
    'inet_interfaces = 127.0.0.1',
    'inet_protocols = ipv4',
    `myhostname = mail.${MAIL_DOMAIN}`,
    'mydestination =',
    'mynetworks = 127.0.0.0/8',
    'alias_maps =',
    `virtual_mailbox_domains = ${MAIL_DOMAIN}`,
    'virtual_mailbox_maps = static:all',
    `virtual_alias_maps = texthash:${folder.write('etc/aliases', lines.join(''))}`,
    `virtual_transport = lmtp:inet:127.0.0.1:${lmtpPort}`,
    'default_transport = error:no mail leaves this machine',
    'smtpd_recipient_restrictions = permit_mynetworks, reject',
    'smtpd_client_connection_count_limit = 0',
    // What is delayed comes soon: tests wait for it.
    'minimal_backoff_time = 1s',
    'maximal_backoff_time = 2s',
    'queue_run_delay = 1s',
    'transport_retry_time = 1s',
    'message_size_limit = 104857600',
    'mailbox_size_limit = 0',
    'virtual_mailbox_limit = 0',
  ]
}

function tlsLines(
  folder: FixtureFolder,
  authority: CertificateAuthority,
  tls: PostfixOptions['tls'],
): string[] {
  const server = authority.issue('localhost')
  return [
    `smtpd_tls_cert_file = ${folder.write('etc/server.pem', server.cert)}`,
    `smtpd_tls_key_file = ${folder.write('etc/server-key.pem', server.key)}`,
    ...(tls === 'implicit' ? ['smtpd_tls_wrappermode = yes'] : []),
    'smtpd_tls_security_level = encrypt',
  ]
}

function serviceLines(port: number): string[] {
  return [
    `127.0.0.1:${port} inet n - n - - smtpd`,
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'lmtp unix - - n - - lmtp',
    'anvil unix - - n - 1 anvil',
    'proxymap unix - - n - - proxymap',
    'scache unix - - n - 1 scache',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'postlog unix-dgram n - n - 1 postlogd',
  ]
}

/** The number of a user or a group of the machine. */
function idOf(database: 'passwd' | 'group', name: string): number {
  const lines = readFileSync(`/etc/${database}`, 'utf8').split('\n')
  return Number(lines.find((line) => line.startsWith(`${name}:`))?.split(':')[2])
}

function findMaster(): string | undefined {
  return findProgram(['master'], [DAEMONS])
}
