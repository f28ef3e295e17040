// SPDX-License-Identifier: Apache-2.0
/**
 * What a bridge remembers of its sides over restarts, in a folder of its own: who is reached where, and what
 * has not come whole. Nothing of it opens anything.
 *
 * @module
 */

import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyFile, sqliteStore, type SqliteStore } from '@waxwing/store-sqlite'
import type { SideName } from './side.js'

/** Opens the store of a side, and makes it, and its key, where it is not there yet. */
export function openSideStore(folder: string, name: SideName): SqliteStore {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const keyFile = join(folder, `${name}.key`)
  if (!existsSync(keyFile)) createKeyFile(keyFile)
  return sqliteStore(join(folder, `${name}.db`), { key: { keyFile } })
}
