// SPDX-License-Identifier: Apache-2.0
/**
 * Finds what the compiler once built from sources that are gone. It would be packed and published
 * with the rest.
 *
 * @module
 */

import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/**
 * @param {string} folder A package's folder.
 * @returns {string[]} The paths of all files under `dist` that no file under `src` makes.
 */
export function leftOvers(folder) {
  const dist = join(folder, 'dist')
  if (!existsSync(dist)) return []
  return readdirSync(dist, { recursive: true, encoding: 'utf8' })
    .filter((path) => /\.(?:js|d\.ts)(?:\.map)?$/.test(path))
    .filter(
      (path) => !existsSync(join(folder, 'src', path.replace(/(?:\.d)?\.[jt]s(?:\.map)?$/, '.ts'))),
    )
    .map((path) => join(dist, path))
}
