// SPDX-License-Identifier: Apache-2.0
/**
 * Writes `vectors/oscore.json`: OSCORE messages, good and bad, by an implementation of their own. With
 * `--check` it writes nothing and fails if the file differs. Nothing is random.
 *
 * Run: `node tools/vectors/oscore.ts [--check]`
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { formatVectors } from './frozen/vector-file.ts'
import { oscoreVectors } from './oscore/cases.ts'

const path = fileURLToPath(new URL('../../vectors/oscore.json', import.meta.url))
const text = formatVectors(oscoreVectors())
if (!process.argv.includes('--check')) writeFileSync(path, text)
else if (readFileSync(path, 'utf8') !== text) {
  console.error('vectors/oscore.json is not what the script makes')
  process.exitCode = 1
}
