// SPDX-License-Identifier: Apache-2.0
/**
 * A folder with homes that know each other in CoAP, and what runs in them: for tests that play with
 * processes.
 *
 * @module
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { run, Running, type Ended } from './running.js'

export class CoapHomes {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'waxwing-coap-'))
  readonly #running = new Set<Running>()

  /** Makes homes of these names; each has its credential in a file of its name. */
  static async open(...names: readonly string[]): Promise<CoapHomes> {
    const homes = new CoapHomes()
    mkdirSync(homes.path('files'))
    for (const name of names) {
      await homes.in(name, 'id', 'create', '--name', name)
      await homes.in(name, 'coap', 'id', '--out', `${name}.credential`)
    }
    return homes
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  in(home: string, ...args: readonly string[]): Promise<Ended> {
    return run(['--home', home, ...args], { cwd: this.folder })
  }

  coap(home: string, ...args: readonly string[]): Promise<Ended> {
    return this.in(home, 'coap', ...args)
  }

  /** Starts what listens, on a port that is free, and waits for it. */
  async listen(
    home: string,
    ...args: readonly string[]
  ): Promise<{ readonly uri: string; readonly running: Running }> {
    const listening = [...args, '--host', '127.0.0.1', '--port', '0']
    const running = this.start(home, ...listening)
    await running.shows(/at coap:\/\/127\.0\.0\.1:\d+\/\. Ctrl-C/)
    const [, uri = ''] = / at (coap:\/\/127\.0\.0\.1:\d+)\//.exec(running.stderr) ?? []
    return { uri, running }
  }

  start(home: string, ...args: readonly string[]): Running {
    const running = new Running(['--home', home, 'coap', ...args], { cwd: this.folder })
    this.#running.add(running)
    return running
  }

  async end(running: Running): Promise<Ended> {
    this.#running.delete(running)
    running.process.kill('SIGINT')
    return running.ended()
  }

  async close(): Promise<void> {
    for (const running of this.#running) await this.end(running)
    rmSync(this.folder, { recursive: true, force: true })
  }
}
