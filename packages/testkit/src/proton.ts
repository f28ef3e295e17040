// SPDX-License-Identifier: Apache-2.0
/**
 * A broker of plain AMQP 1.0 queues as a fixture: `proton-broker.py` over Qpid Proton's library of
 * the machine, on a free loopback port that it keeps across restarts. Its queues are in memory.
 *
 * @module
 */

import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { freePort, startedAtFreePort } from './fixture-process.js'
import { ServerProcess, type StopSignal } from './server-process.js'

export interface ProtonBroker {
  /** `amqp://127.0.0.1:PORT`; anybody may connect, without SASL or with ANONYMOUS. */
  readonly url: string
  readonly port: number
  log(): string
  /** Ends the broker and waits until it is gone. Its queues are gone with it. */
  stop(signal?: StopSignal): Promise<void>
  /** Starts it again on the same port, empty. */
  start(): Promise<void>
  close(): Promise<void>
}

/** Debian's modules belong to Debian's Python. */
const PYTHON = '/usr/bin/python3'
const SCRIPT = fileURLToPath(new URL('../proton-broker.py', import.meta.url))

/** Tells whether the machine has Qpid Proton for Python. */
export function protonAvailable(): boolean {
  return spawnSync(PYTHON, ['-c', 'import proton']).status === 0
}

/** Starts a broker. @throws {Error} If the machine has no Proton, or it does not come up. */
export async function startProtonBroker(): Promise<ProtonBroker> {
  return startedAtFreePort(async () => new ProtonProcess(await freePort()))
}

class ProtonProcess implements ProtonBroker {
  readonly url: string
  readonly port: number
  readonly #server: ServerProcess

  constructor(port: number) {
    this.port = port
    this.url = `amqp://127.0.0.1:${port}`
    const args = [SCRIPT, `127.0.0.1:${port}`]
    this.#server = new ServerProcess({ program: PYTHON, args, upWhen: 'listening on' })
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

  close(): Promise<void> {
    return this.stop('SIGKILL')
  }
}
