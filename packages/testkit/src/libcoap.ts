// SPDX-License-Identifier: Apache-2.0
/**
 * libcoap as a fixture: its server, which is a forward proxy or a broker where one asks for it, on a
 * loopback port that it keeps across restarts; and its client, run once.
 *
 * The server is ended by its own process id, the client by its own limit of time.
 *
 * @module
 */

import { spawn, type ChildProcess } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { findProgram, startedAtFreePort } from './fixture-process.js'

export interface CoapServerOptions {
  /** Forwards what has a Proxy-Uri or a Proxy-Scheme to wherever that says. Default `false`. */
  readonly proxy?: boolean
  /** How many resources a PUT may make; there is nothing but examples without it. */
  readonly dynamicResources?: number
  /** Notifications go without acknowledgement, but each fifth. Default `false`. */
  readonly nonConfirmableNotifications?: boolean
  /** Further arguments of the command. One that quietens it (`-v 0`) keeps it from being found running. */
  readonly args?: readonly string[]
}

export interface LibcoapServer {
  /** `coap://127.0.0.1:PORT`, without a slash. */
  readonly url: string
  readonly port: number
  /** What the server logged so far: each message that it takes or sends. */
  log(): string
  /** Ends the server and waits until it is gone. Its resources are gone with it. */
  stop(signal?: 'SIGTERM' | 'SIGKILL'): Promise<void>
  /** Starts it again on the same port. */
  start(): Promise<void>
  /** The same as `stop`: it has nothing else. */
  close(): Promise<void>
}

/** What one run of the client left. */
export interface CoapClientRun {
  /** The payloads of what came, each with a line break unless the arguments have `-o -`. */
  readonly output: Uint8Array
  /** `output` as text, without space around it. */
  readonly text: string
  /** Code and payload of an error response, as `4.04 Not Found`; else mostly empty. */
  readonly errors: string
}

/** A name that the proxy believes to be its own; with no name it serves everything itself. */
const PROXY_NAME = 'waxwing-test-proxy'

/** Tells whether the machine has libcoap's server and client. */
export function libcoapAvailable(): boolean {
  return findBuild('coap-server') !== undefined && findBuild('coap-client') !== undefined
}

/** Starts a server. @throws {Error} If the machine has none, or it does not come up. */
export async function startCoapServer(options: CoapServerOptions = {}): Promise<LibcoapServer> {
  const program = requireProgram('coap-server')
  return startedAtFreePort(async () => new ServerProcess(program, options, await freeUdpPort()))
}

/**
 * Runs the client, as `runCoapClient(['-m', 'put', '-e', 'on', 'coap://127.0.0.1:5683/light'])`. It
 * waits ten seconds for a response unless told otherwise by `-B`.
 *
 * @param args - Of the command; the URI is the last one.
 * @param input - What `-f -` reads.
 * @throws {Error} If the machine has none, or its exit says that the arguments were wrong.
 */
export async function runCoapClient(
  args: readonly string[],
  input: Uint8Array = new Uint8Array(0),
): Promise<CoapClientRun> {
  const program = requireProgram('coap-client')
  const child = spawn(program, ['-v', '3', '-B', '10', ...args], { stdio: 'pipe' })
  const abandon = abandonAtExit(child)
  child.stdin.on('error', () => undefined).end(input) // it may be gone before it read everything
  try {
    const [output, errors, [exitCode]] = await Promise.all([
      buffer(child.stdout),
      text(child.stderr),
      once(child, 'exit') as Promise<[number | null]>,
    ])
    if (exitCode !== 0) throw new Error(`coap-client ended with ${exitCode}: ${errors}`)
    return { output, text: output.toString('utf8').trim(), errors: errors.trim() }
  } finally {
    abandon[Symbol.dispose]()
  }
}

class ServerProcess implements LibcoapServer {
  readonly url: string
  readonly port: number
  readonly #program: string
  readonly #args: readonly string[]
  #child: ChildProcess | undefined
  #log = ''

  constructor(program: string, options: CoapServerOptions, port: number) {
    this.#program = program
    this.#args = serverArguments(options, port)
    this.port = port
    this.url = `coap://127.0.0.1:${port}`
  }

  log(): string {
    return this.#log
  }

  async start(): Promise<void> {
    const child = spawn(this.#program, this.#args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    const abandon = abandonAtExit(child)
    child.once('exit', () => abandon[Symbol.dispose]())
    await this.#untilRunning(child)
  }

  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  close(): Promise<void> {
    return this.stop('SIGKILL')
  }

  /** Of the two endpoints, TCP is made last; without it the server would go on with UDP alone. */
  async #untilRunning(child: ChildProcess): Promise<void> {
    const start = this.#log.length
    let isSettled = false
    await new Promise<void>((resolve, reject) => {
      const settle = (why?: string): void => {
        isSettled = true
        if (why === undefined) resolve()
        else reject(new Error(`coap-server: ${why}\n${this.#log.slice(start)}`))
      }
      const read = (chunk: string): void => {
        this.#log += chunk
        // Not for ever: to search what grows with every message takes longer and longer.
        if (isSettled) return
        if (this.#log.includes('created TCP', start)) settle()
        else if (this.#log.includes('cannot create', start)) settle('the port is taken')
      }
      child.once('error', ({ message }) => settle(message))
      child.once('exit', (code, signal) => settle(`ended with ${code ?? signal}`))
      child.stdout?.setEncoding('utf8').on('data', read)
      child.stderr?.setEncoding('utf8').on('data', read)
    })
  }
}

function serverArguments(options: CoapServerOptions, port: number): readonly string[] {
  const args = ['-A', '127.0.0.1', '-p', String(port), '-v', '7']
  if (options.proxy === true) args.push('-P', `,${PROXY_NAME}`)
  if (options.dynamicResources !== undefined) args.push('-d', String(options.dynamicResources))
  if (options.nonConfirmableNotifications === true) args.push('-N')
  return [...args, ...(options.args ?? [])]
}

/** Nothing outlives the tests, whatever ends them. */
function abandonAtExit(child: ChildProcess): Disposable {
  const abandon = (): void => void child.kill('SIGKILL')
  process.once('exit', abandon)
  return { [Symbol.dispose]: () => void process.off('exit', abandon) }
}

function requireProgram(name: string): string {
  const path = findBuild(name)
  if (path === undefined) throw new Error(`${name} of libcoap is not on this machine`)
  return path
}

/** Debian has builds with and without TLS; which of them does not matter here. */
function findBuild(name: string): string | undefined {
  return findProgram([`${name}-notls`, `${name}-openssl`, `${name}-gnutls`, name])
}

async function freeUdpPort(): Promise<number> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const { port } = socket.address()
  socket.close()
  await once(socket, 'close')
  return port
}
