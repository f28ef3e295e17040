// SPDX-License-Identifier: Apache-2.0
/**
 * A broker, a folder, and the home of somebody who runs a domain: for tests that play with processes.
 *
 * @module
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Domain, openEndpoint } from '@waxwing/client'
import { startMosquitto } from '@waxwing/testkit'
import { splitItems, writeItems } from '../../src/files.js'
import { Home } from '../../src/home.js'
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
    await office.#found()
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

  /** Admits somebody who may publish below its name, without a process for each step of it. */
  async enrol(name: string): Promise<void> {
    const [home, office] = [this.#home(name), this.#home('office')]
    const [store, domainStore] = [await home.create('store'), await office.open('domain')]
    const endpoint = await openEndpoint({ store, name })
    const domain = await Domain.open({ store: domainStore })
    const produces = [`${name}/#`]
    const request = await endpoint.enrolment({ name, produces })
    const admission = await domain.admit(request, { produces })
    writeItems(this.path(`${name}.enrol`), [request])
    writeItems(this.path(`${name}.admission`), splitItems(admission))
    await endpoint.admit(admission, { domainId: domain.id })
    await endpoint.close()
    await store.close()
    await domainStore.close()
  }

  /** One knows the other's card, as if they had met. */
  async introduce(who: string, to: string): Promise<void> {
    const [whose, store] = [await this.#home(who).open('store'), await this.#home(to).open('store')]
    const [one, other] = [await openEndpoint({ store: whose }), await openEndpoint({ store })]
    const { credential, card } = one.parts.identity
    for (const statement of [credential, card.bytes]) {
      if (statement !== null) await other.receive(statement)
    }
    for (const endpoint of [one, other]) await endpoint.close()
    for (const each of [whose, store]) await each.close()
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  async close(): Promise<void> {
    await this.#broker.close()
    rmSync(this.folder, { recursive: true, force: true })
  }

  async #found(): Promise<void> {
    const store = await this.#home('office').create('domain')
    await Domain.create({ store, name: 'office', recovery: false })
    await store.close()
  }

  #home(name: string): Home {
    return new Home(this.path(name), { ask: false, file: undefined })
  }
}
