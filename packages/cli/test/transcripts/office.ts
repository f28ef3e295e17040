// SPDX-License-Identifier: Apache-2.0
/**
 * A broker, a folder, and the home of somebody who runs a domain: for tests that play with processes.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMosquitto } from '@waxwing/testkit'
import { run, Running, type Ended } from './running.js'

export interface OfficeBroker {
  readonly url: string
  close(): Promise<void>
}

export class Office {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly #broker: OfficeBroker

  private constructor(broker: OfficeBroker) {
    this.#broker = broker
    this.folder = mkdtempSync(join(tmpdir(), 'waxwing-office-'))
    this.env = { WAXWING_BROKER: broker.url }
  }

  static async open(...members: readonly string[]): Promise<Office> {
    return await Office.beside(await startMosquitto(), ...members)
  }

  /** @param broker - Closed with the office. */
  static async beside(broker: OfficeBroker, ...members: readonly string[]): Promise<Office> {
    const office = new Office(broker)
    await office.in('office', 'domain', 'init', 'office', '--no-recovery')
    for (const name of members) await office.enrol(name)
    return office
  }

  waxwing(...args: readonly string[]): Promise<Ended> {
    return run(args, { cwd: this.folder, env: this.env })
  }

  /** In the home of somebody. */
  in(home: string, ...args: readonly string[]): Promise<Ended> {
    return this.waxwing('--home', home, ...args)
  }

  start(home: string, ...args: readonly string[]): Running {
    return this.startWith({}, home, ...args)
  }

  /** @param env - Beside what all have. */
  startWith(env: Record<string, string>, home: string, ...args: readonly string[]): Running {
    const all = { ...this.env, ...env }
    return new Running(['--home', home, ...args], { cwd: this.folder, env: all })
  }

  /** Admits somebody who may publish below its name. */
  async enrol(name: string): Promise<void> {
    const { stdout: id } = await this.in('office', 'domain', 'show', '--id')
    await this.in(name, 'id', 'create', '--name', name)
    await this.in(name, 'id', 'enrol', '--out', `${name}.enrol`, '--produces', `${name}/#`)
    const admission = `${name}.admission`
    await this.in('office', 'domain', 'admit', `${name}.enrol`, '--as-asked', '--out', admission)
    await this.in(name, 'id', 'admit', admission, '--domain', id.trim())
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  async close(): Promise<void> {
    await this.#broker.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
