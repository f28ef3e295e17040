// SPDX-License-Identifier: Apache-2.0
/**
 * A LAN on one machine: each host is a network namespace of Linux, and a switch in software, which can
 * lose, repeat, delay and cut, joins them. Only who administers the machine may make one.
 *
 * Nothing of it touches the machine's own network: both ends of each link are in namespaces of its own.
 * They are gone when it is closed, when this process exits, and, should it be killed, when the next LAN
 * is started.
 *
 * @module
 */

import { execFile, execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { findProgram } from './fixture-process.js'
import { ServerProcess } from './server-process.js'

/** Shares are from 0 to 1, of the UDP packets to each host. */
export interface LanConditions {
  readonly loss?: number
  readonly duplicate?: number
  /** Of those that are held back for up to 20 ms, so that others overtake them. */
  readonly reorder?: number
  readonly delayMs?: number
  /** Makes the choices the same for the same packets in the same order. Default 1. */
  readonly seed?: number
}

export interface LanOptions extends LanConditions {
  /** 1 to 20. */
  readonly hosts: number
  /** Whether hosts have IPv6 addresses as well. Default `false`. */
  readonly ipv6?: boolean
}

/** What the switch did so far. */
export interface LanStats {
  readonly forwarded: number
  readonly lost: number
  readonly duplicated: number
  readonly reordered: number
}

export interface LanHost {
  /** Its interface is `eth0`. */
  readonly address: string
  /** The command that runs a program on this host. */
  command(program: string, args: readonly string[]): { program: string; args: readonly string[] }
  /** Runs `ip` on this host, such as `link set eth0 down`. */
  ip(...args: readonly string[]): Promise<void>
}

export interface Lan {
  readonly hosts: readonly LanHost[]
  /** Changes conditions; those that are not named stay. */
  set(conditions: LanConditions): Promise<void>
  /** From now on nothing passes to and from these hosts, by their position, and to and from all others. */
  cut(...hosts: readonly number[]): Promise<void>
  stats(): Promise<LanStats>
  close(): Promise<void>
}

const PREFIX = 'waxlan'
const FOLDERS: readonly string[] = ['/usr/sbin', '/sbin']
const SWITCH = fileURLToPath(new URL('../src/lan-switch.py', import.meta.url))
/** Turns off what leaves checksums to hardware that a switch in software does not have. */
const PLAIN_CHECKSUMS = `
import fcntl, socket, struct
value = bytearray(struct.pack('II', 0x17, 0))
import ctypes
buffer = (ctypes.c_char * 8).from_buffer(value)
request = struct.pack('16sP', b'eth0', ctypes.addressof(buffer))
fcntl.ioctl(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), 0x8946, request)
`

const run = promisify(execFile)

/** Tells whether this process may make network namespaces. */
export function lanAvailable(): boolean {
  const program = findProgram(['ip'], FOLDERS)
  const isThere = program !== undefined && findPython() !== undefined
  if (process.platform !== 'linux' || !isThere) return false
  const name = newName()
  try {
    execFileSync(program, ['netns', 'add', name], { stdio: 'ignore' })
    execFileSync(program, ['netns', 'exec', name, 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  } finally {
    removeNamespaces([name])
  }
}

/** Starts a LAN. @throws {Error} If the machine does not let it. */
export async function startLan(options: LanOptions): Promise<Lan> {
  removeLeftOver()
  const lan = new NamespaceLan(options)
  try {
    await lan.start()
    return lan
  } catch (error) {
    await lan.close()
    throw error
  }
}

class NamespaceLan implements Lan {
  readonly hosts: readonly LanHost[]
  readonly #options: LanOptions
  readonly #name = newName()
  readonly #names: readonly string[]
  readonly #switch: ServerProcess
  #cut: readonly number[] = []
  #told: Promise<unknown> = Promise.resolve()
  readonly #remove = (): void => removeNamespaces([this.#name, ...this.#names])

  constructor(options: LanOptions) {
    this.#options = options
    this.#names = Array.from({ length: options.hosts }, (_, index) => `${this.#name}-${index}`)
    this.hosts = this.#names.map((name, index) => new NamespaceHost(name, index))
    const ports = this.#names.map((_, index) => `port${index}`)
    const python = findPython() ?? 'python3'
    this.#switch = new ServerProcess({
      program: ipProgram(),
      args: ['netns', 'exec', this.#name, python, SWITCH, ...ports],
      upWhen: 'ready',
    })
  }

  async start(): Promise<void> {
    process.once('exit', this.#remove)
    await ip('netns', 'add', this.#name)
    await quietly(this.#name, 'default')
    for (const [index, name] of this.#names.entries()) await this.#attach(index, name)
    await this.#switch.start()
    await this.set(this.#options)
  }

  async set({ loss, duplicate, reorder, delayMs, seed }: LanConditions): Promise<void> {
    const all = Object.entries({ loss, duplicate, reorder, delayMs, seed })
    await this.#tell(Object.fromEntries(all.filter(([, value]) => value !== undefined)))
  }

  async cut(...hosts: readonly number[]): Promise<void> {
    this.#cut = hosts
    await this.#tell({ cut: this.#cut })
  }

  async stats(): Promise<LanStats> {
    await this.#tell({})
    return JSON.parse(this.#switch.log().trimEnd().split('\n').at(-1) ?? '') as LanStats
  }

  async close(): Promise<void> {
    await this.#switch.stop('SIGKILL')
    process.off('exit', this.#remove)
    this.#remove()
  }

  /** One wish after the other: the switch answers all with the same words. */
  async #tell(wish: object): Promise<void> {
    const told = this.#told.then(() => this.#switch.tell(JSON.stringify(wish), '}'))
    this.#told = told.catch(() => undefined)
    await told
  }

  async #attach(index: number, name: string): Promise<void> {
    const port = `port${index}`
    await ip('netns', 'add', name)
    const far = ['peer', 'name', 'eth0', 'netns', name]
    await ip('-n', this.#name, 'link', 'add', port, 'type', 'veth', ...far)
    await quietly(name, this.#options.ipv6 === true ? undefined : 'default')
    if (this.#options.ipv6 === true) await withoutWaiting(name)
    await ip('netns', 'exec', name, findPython() ?? 'python3', '-c', PLAIN_CHECKSUMS)
    await ip('-n', name, 'address', 'add', `${addressOf(index)}/24`, 'dev', 'eth0')
    await ip('-n', name, 'link', 'set', 'lo', 'up')
    await ip('-n', name, 'link', 'set', 'eth0', 'up')
    await ip('-n', this.#name, 'link', 'set', port, 'up')
  }
}

class NamespaceHost implements LanHost {
  readonly address: string
  readonly #name: string

  constructor(name: string, index: number) {
    this.#name = name
    this.address = addressOf(index)
  }

  command(program: string, args: readonly string[]): { program: string; args: readonly string[] } {
    return { program: ipProgram(), args: ['netns', 'exec', this.#name, program, ...args] }
  }

  async ip(...args: readonly string[]): Promise<void> {
    await ip('-n', this.#name, ...args)
  }
}

function addressOf(index: number): string {
  return `10.87.88.${index + 1}`
}

/** Nothing but what tests send: without IPv6, no router and no neighbour is looked for. */
async function quietly(namespace: string, which: 'default' | undefined): Promise<void> {
  if (which === undefined) return
  await sysctl(namespace, 'disable_ipv6', '1')
}

/** An address can be used at once, and not a second later when nobody has objected to it. */
async function withoutWaiting(namespace: string): Promise<void> {
  await sysctl(namespace, 'accept_dad', '0')
}

async function sysctl(namespace: string, name: string, value: string): Promise<void> {
  const folder = '/proc/sys/net/ipv6/conf'
  const script = `for i in ${folder}/*; do echo ${value} > $i/${name}; done`
  await ip('netns', 'exec', namespace, 'sh', '-c', script)
}

async function ip(...args: readonly string[]): Promise<void> {
  await run(ipProgram(), args)
}

function ipProgram(): string {
  return findProgram(['ip'], FOLDERS) ?? 'ip'
}

/** Of the machine: the one with raw sockets. */
function findPython(): string | undefined {
  return findProgram(['python3'], ['/usr/bin'])
}

function newName(): string {
  return `${PREFIX}-${process.pid}-${randomBytes(3).toString('hex')}`
}

/** Of processes that were killed before they could remove theirs. */
function removeLeftOver(): void {
  const listed = execFileSync(ipProgram(), ['netns', 'list'], { encoding: 'utf8' })
  const names = listed.split('\n').map((line) => line.split(' ')[0] ?? '')
  removeNamespaces(names.filter((name) => name.startsWith(`${PREFIX}-`) && !isAlive(name)))
}

function isAlive(name: string): boolean {
  try {
    process.kill(Number(name.split('-')[1]), 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function removeNamespaces(names: readonly string[]): void {
  for (const name of names) {
    try {
      execFileSync(ipProgram(), ['netns', 'del', name], { stdio: 'ignore' })
    } catch {
      // It was not made, or is gone.
    }
  }
}
