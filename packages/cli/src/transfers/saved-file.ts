// SPDX-License-Identifier: Apache-2.0
/**
 * Small files that are there whole or not at all, whenever the machine stops.
 *
 * @module
 */

import { closeSync, fsyncSync, openSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

/** Replaces a file: once this returns, the new one is on disk. For its owner only. */
export function saveFile(path: string, text: string): void {
  const draft = `${path}.new`
  writeFileSync(draft, text, { mode: 0o600, flush: true })
  renameSync(draft, path)
  syncFolder(dirname(path))
}

/** Names that were given, changed or taken away in a folder are on disk once this returns. */
export function syncFolder(path: string): void {
  const handle = openSync(path, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
