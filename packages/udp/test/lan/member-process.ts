// SPDX-License-Identifier: Apache-2.0
/**
 * Starts members on hosts of a LAN, and tells them what to do.
 *
 * @module
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { WaxwingEvent } from '@waxwing/client'
import { type LanHost, mortal } from '@waxwing/testkit'
import type { UdpTransportOptions } from '@waxwing/udp'

const SCRIPT = fileURLToPath(new URL('member.ts', import.meta.url))

/** As long as hosts of one machine need. */
const QUICK = { interface: 'eth0', discoveryMs: 400, leisureMs: 30, interfaceCheckMs: 100 }

/** A message as a member tells of it. */
export interface ToldMessage {
  readonly address: string
  readonly hex: string
  readonly retained: boolean
}

interface Waiter {
  readonly resolve: (result: unknown) => void
  readonly reject: (error: Error) => void
}

export class Member {
  readonly #child: ChildProcess
  readonly #waiters = new Map<number, Waiter>()
  #nextId = 1
  #errors = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
    child.stdin?.on('error', () => undefined)
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => this.#hear(line))
    }
    child.once('exit', () => {
      for (const { reject } of this.#waiters.values()) {
        reject(new Error(`the member has ended: ${this.#errors}`))
      }
    })
  }

  /** Starts one. To be killed. */
  static async start(host: LanHost): Promise<Member> {
    const inHost = host.command(process.execPath, ['--no-warnings', SCRIPT])
    const { program, args } = mortal(inHost.program, inHost.args)
    const member = new Member(spawn(program, args, { stdio: 'pipe' }))
    await member.tell('messages')
    return member
  }

  /** Opens its transport. */
  async open(options: UdpTransportOptions = {}): Promise<number> {
    return (await this.tell('open', { ...QUICK, ...options })) as number
  }

  /** Opens it again, with the endpoint that was there before. */
  async switchOn(options: UdpTransportOptions = {}): Promise<void> {
    await this.tell('switchOn', { ...QUICK, ...options })
  }

  /** Has it do something. @throws {Error} What it failed with. */
  tell(call: string, ...given: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = this.#nextId++
      this.#waiters.set(id, { resolve, reject })
      this.#child.stdin?.write(`${JSON.stringify({ id, call, given })}\n`)
    })
  }

  async messages(): Promise<readonly ToldMessage[]> {
    return (await this.tell('messages')) as ToldMessage[]
  }

  async statuses(): Promise<readonly string[]> {
    return (await this.tell('statuses')) as string[]
  }

  async texts(): Promise<readonly string[]> {
    return (await this.tell('texts')) as string[]
  }

  async events<T extends WaxwingEvent['type']>(
    type: T,
  ): Promise<readonly Extract<WaxwingEvent, { type: T }>[]> {
    const all = (await this.tell('events')) as WaxwingEvent[]
    return all.filter((one): one is Extract<WaxwingEvent, { type: T }> => one.type === type)
  }

  /** Ends it without a word. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const gone = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await gone
  }

  #hear(line: string): void {
    const { id, result, error } = JSON.parse(line) as {
      id: number
      result?: unknown
      error?: string
    }
    const waiter = this.#waiters.get(id)
    this.#waiters.delete(id)
    if (error === undefined) waiter?.resolve(result)
    else waiter?.reject(new Error(error))
  }
}
