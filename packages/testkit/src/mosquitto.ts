// SPDX-License-Identifier: Apache-2.0
/**
 * The Mosquitto broker as a fixture: MQTT 3.1.1 and 5 over TCP, TLS or WebSocket, with its own
 * configuration in a temporary folder, on a free loopback port that it keeps across restarts. It is
 * ended by its own process id and leaves nothing behind.
 *
 * @module
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createAuthority, type CertificateAuthority } from './certificates.js'
import { findProgram, startedAtFreePort } from './fixture-process.js'

export interface MosquittoOptions {
  /** `'mutual'` asks clients for a certificate and takes its common name as the user name. */
  readonly tls?: boolean | 'mutual'
  readonly websockets?: boolean
  /** Sessions and retained messages survive a restart. Default `false`. */
  readonly persistence?: boolean
  /** User names and passwords. Left out: anybody may connect. */
  readonly users?: Readonly<Record<string, string>>
  /** Lines of an ACL file. Left out: everybody may do everything. */
  readonly acl?: readonly string[]
  /** Further lines of the configuration. */
  readonly config?: readonly string[]
}

export interface Mosquitto {
  /** `mqtt:`, `mqtts:`, `ws:` or `wss:`, as the options say. */
  readonly url: string
  readonly port: number
  /** The authority behind the broker's certificate, with `tls`. */
  readonly authority: CertificateAuthority | undefined
  /** What the broker logged so far. */
  log(): string
  /** Ends the broker and waits until it is gone. `SIGTERM` lets it save its state. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it again on the same port, with the same state where it persists. */
  start(): Promise<void>
  /** Stops the broker and removes its folder. */
  close(): Promise<void>
}

const STOP_REPEAT_MS = 100

/** Tells whether the machine has Mosquitto. */
export function mosquittoAvailable(): boolean {
  return findMosquitto() !== undefined
}

/** Starts a broker. @throws {Error} If the machine has none, or it does not come up. */
export async function startMosquitto(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const binary = findMosquitto()
  if (binary === undefined) throw new Error('mosquitto is not on this machine')
  return startedAtFreePort(async () => new MosquittoProcess(binary, options, await freePort()))
}

class MosquittoProcess implements Mosquitto {
  readonly url: string
  readonly port: number
  readonly authority: CertificateAuthority | undefined
  readonly #binary: string
  readonly #folder: string
  #child: ChildProcess | undefined
  #log = ''

  constructor(binary: string, options: MosquittoOptions, port: number) {
    this.#binary = binary
    this.port = port
    this.#folder = mkdtempSync(join(tmpdir(), 'waxwing-mosquitto-'))
    this.authority = options.tls ? createAuthority('waxwing test root') : undefined
    this.url = `${scheme(options)}://127.0.0.1:${port}`
    this.#write('mosquitto.conf', configuration(this.#folder, port, options))
    this.#writeSecrets(options)
  }

  log(): string {
    return this.#log
  }

  async start(): Promise<void> {
    const child = spawn(this.#binary, ['-c', join(this.#folder, 'mosquitto.conf')], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.#child = child
    const abandon = (): void => {
      child.kill('SIGKILL')
      rmSync(this.#folder, { recursive: true, force: true })
    }
    process.once('exit', abandon) // nothing outlives the tests, whatever ends them
    child.once('exit', () => process.off('exit', abandon))
    await this.#untilRunning(child)
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    // Mosquitto forgets a SIGTERM that comes between its last log line and its main loop.
    const repeat = setInterval(() => child.kill(signal), STOP_REPEAT_MS)
    await gone
    clearInterval(repeat)
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL')
    rmSync(this.#folder, { recursive: true, force: true })
  }

  #write(name: string, content: string): void {
    writeFileSync(join(this.#folder, name), content, { mode: 0o600 })
  }

  #writeSecrets(options: MosquittoOptions): void {
    if (this.authority !== undefined) {
      const server = this.authority.issue('localhost')
      this.#write('ca.pem', this.authority.ca)
      this.#write('server.pem', server.cert)
      this.#write('server-key.pem', server.key)
    }
    if (options.users !== undefined) {
      const lines = Object.entries(options.users).map(([name, word]) => passwordLine(name, word))
      this.#write('passwords', lines.join(''))
    }
    if (options.acl !== undefined) this.#write('acl', `${options.acl.join('\n')}\n`)
  }

  /** Mosquitto logs this line once it listens. */
  async #untilRunning(child: ChildProcess): Promise<void> {
    const start = this.#log.length
    let isRunning = false
    await new Promise<void>((resolve, reject) => {
      const fail = (why: unknown): void => {
        reject(new Error(`mosquitto did not start: ${String(why)}\n${this.#log.slice(start)}`))
      }
      child.once('error', fail)
      child.once('exit', (code, signal) => fail(code ?? signal))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text
        // Not for ever: to search what grows with every packet takes longer and longer.
        if (isRunning || !this.#log.includes(' running', start)) return
        isRunning = true
        resolve()
      })
    })
  }
}

function configuration(folder: string, port: number, options: MosquittoOptions): string {
  const file = (name: string): string => join(folder, name)
  const lines = [
    'user root', // where the tests run as root; ignored elsewhere
    'log_dest stderr',
    'log_type all',
    `persistence ${options.persistence === true}`,
    `persistence_location ${folder}/`,
    `listener ${port} 127.0.0.1`,
    `allow_anonymous ${options.users === undefined}`,
  ]
  if (options.tls) {
    lines.push(`cafile ${file('ca.pem')}`, `certfile ${file('server.pem')}`)
    lines.push(`keyfile ${file('server-key.pem')}`)
  }
  if (options.tls === 'mutual')
    lines.push('require_certificate true', 'use_identity_as_username true')
  // Last, because it begins another listener: Mosquitto 2.0 does not start on WebSocket alone.
  if (options.websockets) lines.push('protocol websockets', `listener 0 ${file('unused.sock')}`)
  if (options.users !== undefined) lines.push(`password_file ${file('passwords')}`)
  if (options.acl !== undefined) lines.push(`acl_file ${file('acl')}`)
  return `${[...lines, ...(options.config ?? [])].join('\n')}\n`
}

/** Mosquitto's password file: `$7$`, PBKDF2 with SHA-512. */
function passwordLine(name: string, word: string): string {
  const salt = randomBytes(12)
  const hash = pbkdf2Sync(word, salt, 101, 64, 'sha512')
  return `${name}:$7$101$${salt.toString('base64')}$${hash.toString('base64')}\n`
}

function scheme({ tls, websockets }: MosquittoOptions): string {
  if (websockets) return tls ? 'wss' : 'ws'
  return tls ? 'mqtts' : 'mqtt'
}

function findMosquitto(): string | undefined {
  return findProgram(['mosquitto'], ['/usr/sbin', '/usr/local/sbin'])
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
