// SPDX-License-Identifier: Apache-2.0
/**
 * Dovecot as a fixture: IMAP, and LMTP for a mail transfer agent to deliver by, on free loopback ports
 * that it keeps across restarts, with maildirs in a temporary folder. Any user name is a mailbox; all
 * have the same password. It wants the rights of the administrator, since it delivers as another user.
 *
 * @module
 */

import { chmodSync, chownSync, existsSync, mkdirSync } from 'node:fs'
import { createAuthority, type CertificateAuthority } from './certificates.js'
import { findProgram, FixtureFolder, freePort, startedAtFreePort } from './fixture-process.js'
import { ServerProcess, type StopSignal } from './server-process.js'

export interface DovecotOptions {
  /** IMAP needs TLS: from the first byte (`imaps:`), or by STARTTLS. Default: none. */
  readonly tls?: 'implicit' | 'starttls'
  /** No mailbox takes more than this. */
  readonly quotaKibibytes?: number
  /** Further lines of the configuration. */
  readonly config?: readonly string[]
}

export interface Dovecot {
  /** `imap://127.0.0.1:PORT` or, with implicit TLS, `imaps:`. */
  readonly url: string
  readonly port: number
  readonly lmtpPort: number
  /** Of every user. */
  readonly password: string
  /** The authority behind the server's certificate, with `tls`. */
  readonly authority: CertificateAuthority | undefined
  log(): string
  stop(signal?: StopSignal): Promise<void>
  /** Starts it again on the same ports, with all mails. */
  start(): Promise<void>
  close(): Promise<void>
}

const PASSWORD = 'secret-of-all'
/** Debian's `mail`, whom the mails belong to. */
const MAIL_ID = 8

/** Tells whether the machine has Dovecot with LMTP, and lets it run. */
export function dovecotAvailable(): boolean {
  return (
    process.getuid?.() === 0 &&
    findDovecot() !== undefined &&
    ['imap', 'lmtp'].every((program) => existsSync(`/usr/lib/dovecot/${program}`))
  )
}

/** Starts a server. @throws {Error} If the machine has none, or it does not come up. */
export async function startDovecot(options: DovecotOptions = {}): Promise<Dovecot> {
  const program = findDovecot()
  if (program === undefined) throw new Error('dovecot is not on this machine')
  return startedAtFreePort(async () => {
    const ports = { imap: await freePort(), lmtp: await freePort() }
    return new DovecotProcess(program, options, ports)
  })
}

interface Ports {
  readonly imap: number
  readonly lmtp: number
}

class DovecotProcess implements Dovecot {
  readonly url: string
  readonly port: number
  readonly lmtpPort: number
  readonly password: string = PASSWORD
  readonly authority: CertificateAuthority | undefined
  readonly #folder = new FixtureFolder('dovecot')
  readonly #server: ServerProcess

  constructor(program: string, options: DovecotOptions, ports: Ports) {
    this.port = ports.imap
    this.lmtpPort = ports.lmtp
    this.url = `${options.tls === 'implicit' ? 'imaps' : 'imap'}://127.0.0.1:${ports.imap}`
    this.authority = options.tls ? createAuthority('waxwing test root') : undefined
    chmodSync(this.#folder.path, 0o755) // for who logs in, who is another user
    for (const name of ['mail', 'run']) mkdirSync(this.#folder.file(name))
    chownSync(this.#folder.file('mail'), MAIL_ID, MAIL_ID)
    const lines = configuration(this.#folder, ports, options)
    if (this.authority !== undefined) lines.push(...tlsLines(this.#folder, this.authority))
    const file = this.#folder.write(
      'dovecot.conf',
      `${[...lines, ...(options.config ?? [])].join('\n')}\n`,
    )
    this.#server = new ServerProcess({
      program,
      args: ['-F', '-c', file],
      upWhen: 'starting up for',
    })
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
    await this.stop('SIGKILL') // its children end with it, and sooner than when it asks them to
    this.#folder.remove()
  }
}

function configuration(
  folder: FixtureFolder,
  ports: Ports,
  { tls, quotaKibibytes }: DovecotOptions,
): string[] {
  const off = 'inet_listener imap {\n port = 0\n}'
  const imap = `inet_listener imap {\n port = ${ports.imap}\n}\ninet_listener imaps {\n port = 0\n}`
  const imaps = `${off}\ninet_listener imaps {\n port = ${ports.imap}\n ssl = yes\n}`
  const quota =
    quotaKibibytes === undefined
      ? []
      : [
          'mail_plugins = quota',
          `plugin {\n quota = maildir:User\n quota_rule = *:storage=${quotaKibibytes}K\n}`,
        ]
  return [
    'protocols = imap lmtp',
    `base_dir = ${folder.file('run')}`,
    `state_dir = ${folder.file('run')}`,
    'log_path = /dev/stderr',
    'listen = 127.0.0.1',
    `ssl = ${tls === undefined ? 'no' : 'required'}`,
    `disable_plaintext_auth = ${tls === undefined ? 'no' : 'yes'}`,
    'first_valid_uid = 1',
    `mail_location = maildir:${folder.file('mail')}/%u`,
    'mail_fsync = never',
    'auth_mechanisms = plain login',
    'auth_failure_delay = 0',
    `passdb {\n driver = static\n args = password=${PASSWORD}\n}`,
    `userdb {\n driver = static\n args = uid=${MAIL_ID} gid=${MAIL_ID} home=${folder.file('mail')}/%u allow_all_users=yes\n}`,
    'namespace inbox {\n inbox = yes\n}',
    `service imap-login {\n service_count = 0\n process_min_avail = 1\n ${tls === 'implicit' ? imaps : imap}\n}`,
    `service lmtp {\n inet_listener lmtp {\n address = 127.0.0.1\n port = ${ports.lmtp}\n }\n}`,
    'service anvil {\n client_limit = 2000\n unix_listener anvil-auth-penalty {\n mode = 0\n }\n}',
    'mail_max_userip_connections = 200',
    ...quota,
  ]
}

function tlsLines(folder: FixtureFolder, authority: CertificateAuthority): string[] {
  const server = authority.issue('localhost')
  return [
    `ssl_cert = <${folder.write('server.pem', server.cert)}`,
    `ssl_key = <${folder.write('server-key.pem', server.key)}`,
  ]
}

function findDovecot(): string | undefined {
  return findProgram(['dovecot'], ['/usr/sbin'])
}
