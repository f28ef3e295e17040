// SPDX-License-Identifier: Apache-2.0
/**
 * `@waxwing/store-sqlite`: what an endpoint on Node keeps, durable and encrypted at rest.
 *
 * @module
 */

export { sqliteStore } from './sqlite-store.js'
export type { SqliteStore, SqliteStoreOptions } from './sqlite-store.js'
export { createKeyFile } from './store-key.js'
export type { PassphraseCost, StoreKeySource } from './store-key.js'
export { restoreBackup } from './backup.js'
