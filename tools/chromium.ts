// SPDX-License-Identifier: Apache-2.0
/**
 * Finds the machine's Chromium: the tests bring no browser of their own.
 *
 * @module
 */

import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']

/** The environment variable `CHROMIUM`, else the first in `PATH`. */
export function chromiumPath(): string | undefined {
  const { CHROMIUM: chosen, PATH: path = '' } = process.env
  if (chosen !== undefined) return existsSync(chosen) ? chosen : undefined
  const candidates = path
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
  return candidates.find((candidate) => existsSync(candidate))
}
