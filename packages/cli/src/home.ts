// SPDX-License-Identifier: Apache-2.0
/**
 * Where a principal's state lies: one folder with the store, its key, the settings, and for who runs
 * a domain the domain's and the recovery principal's stores.
 *
 * @module
 */

import { existsSync, mkdirSync } from 'node:fs'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { WaxwingError } from '@waxwing/core'
import {
  createKeyFile,
  sqliteStore,
  type SqliteStore,
  type StoreKeySource,
} from '@waxwing/store-sqlite'
import { UsageError } from './exit-codes.js'
import { readConfig, writeConfig, type Config } from './config.js'
import { askPassphrase, passphraseFrom, type PassphraseWish } from './passphrase.js'

/** The stores that a home may hold. */
export type StoreName = 'store' | 'domain' | 'recovery'

const ABSENT: Readonly<Record<StoreName, string>> = {
  store: 'there is no identity in',
  domain: 'there is no domain in',
  recovery: 'there is no recovery principal in',
}

export class Home {
  readonly folder: string
  readonly #wish: PassphraseWish

  /** @param folder - Default: `WAXWING_HOME`, else `~/.waxwing`. */
  constructor(folder: string | undefined, wish: PassphraseWish) {
    const fallback = process.env['WAXWING_HOME'] ?? join(homedir(), '.waxwing')
    this.folder = resolve(folder ?? fallback)
    this.#wish = wish
  }

  /** The path of a file in the home. */
  path(name: string): string {
    return join(this.folder, name)
  }

  has(name: StoreName): boolean {
    return existsSync(this.path(`${name}.db`))
  }

  /** Makes the folder, for its owner only. */
  make(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 })
  }

  get config(): Config {
    return readConfig(this.path('config.json'))
  }

  set config(config: Config) {
    this.make()
    writeConfig(this.path('config.json'), config)
  }

  /**
   * Opens a store that is there.
   *
   * @throws {WaxwingError} `ERR_KEY_UNKNOWN` if it is not; else as `sqliteStore`.
   */
  async open(name: StoreName): Promise<SqliteStore> {
    if (!this.has(name)) {
      throw new WaxwingError('ERR_KEY_UNKNOWN', `${ABSENT[name]} ${this.folder}`, { rule: name })
    }
    const key = await this.keyOf(name)
    try {
      return sqliteStore(this.path(`${name}.db`), { key, create: false })
    } catch (error) {
      throw 'passphrase' in key ? worded(error, name) : error
    }
  }

  /** Makes a store that is not there yet, and its key. @throws {UsageError} If it is there. */
  async create(name: StoreName): Promise<SqliteStore> {
    if (this.has(name)) {
      throw new UsageError(`${this.path(`${name}.db`)} is there already; say another --home`)
    }
    this.make()
    return sqliteStore(this.path(`${name}.db`), { key: await this.#newKey(name) })
  }

  /** How a store is unlocked: environment, passphrase, else its key file; else somebody is asked. */
  async keyOf(name: StoreName): Promise<StoreKeySource> {
    const given = this.#givenKey()
    if (given !== undefined) return given
    if (this.#wish.ask) return { passphrase: await askPassphrase(`Passphrase of ${name}.db: `) }
    const keyFile = this.path(`${name}.key`)
    if (existsSync(keyFile)) return { keyFile }
    return { passphrase: await askPassphrase(`Passphrase of ${name}.db: `) }
  }

  /** A key for a new store, or for one that is given another. */
  async newKey(name: StoreName): Promise<StoreKeySource> {
    return this.#newKey(name)
  }

  async #newKey(name: StoreName): Promise<StoreKeySource> {
    const given = this.#givenKey()
    if (given !== undefined) return given
    if (this.#wish.ask) return { passphrase: await askPassphrase(`New passphrase: `, 'twice') }
    const keyFile = this.path(`${name}.key`)
    if (!existsSync(keyFile)) createKeyFile(keyFile)
    return { keyFile }
  }

  #givenKey(): StoreKeySource | undefined {
    if (process.env['WAXWING_STORE_KEY'] !== undefined) {
      return { environmentVariable: 'WAXWING_STORE_KEY' }
    }
    const passphrase = passphraseFrom(this.#wish)
    return passphrase === undefined ? undefined : { passphrase }
  }
}

/** Who typed a passphrase is told of the passphrase. */
function worded(error: unknown, name: StoreName): unknown {
  if (!(error instanceof WaxwingError) || error.code !== 'ERR_STORE_KEY') return error
  const message = `${name}.db does not open with this passphrase`
  return new WaxwingError('ERR_STORE_KEY', message, error.details, { cause: error })
}
