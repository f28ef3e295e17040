// SPDX-License-Identifier: Apache-2.0
/**
 * Tells whether `node_modules` already holds what the lock file says, by the record that npm keeps
 * of its last install. It spares whoever ran `npm install` a second, full one.
 *
 * @module
 */

import * as fs from 'node:fs'
import { join } from 'node:path'

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, devOptional?: boolean,
 *   os?: string[], cpu?: string[], libc?: string[] }} LockEntry
 */

/** @param {string} root @returns {boolean} */
export function installedMatches(root) {
  const record = join(root, 'node_modules', '.package-lock.json')
  if (!fs.existsSync(record)) return false
  const have = readPackages(record)
  const want = readPackages(join(root, 'package-lock.json'))
  if (Object.keys(have).some((path) => want[path] === undefined)) return false
  return Object.entries(want)
    .filter(([path]) => path.includes('node_modules/'))
    .every(([path, entry]) => {
      const found = have[path]
      if (found === undefined) return mayBeAbsent(entry)
      return found.version === entry.version && found.integrity === entry.integrity
    })
}

/**
 * Optional packages are left out where they do not fit the machine, with what they depend on.
 *
 * @param {LockEntry} entry
 */
function mayBeAbsent({ optional, devOptional, os, cpu, libc }) {
  if (optional !== true && devOptional !== true) return false
  if (os === undefined || cpu === undefined || libc !== undefined) return true
  return !os.includes(process.platform) || !cpu.includes(process.arch)
}

/** @param {string} path @returns {Record<string, LockEntry>} */
function readPackages(path) {
  const file = /** @type {{ packages: Record<string, LockEntry> }} */ (
    JSON.parse(fs.readFileSync(path, 'utf8'))
  )
  return file.packages
}
