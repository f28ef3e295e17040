// SPDX-License-Identifier: Apache-2.0
/**
 * Writes `vectors/edhoc.json`: EDHOC messages, good and bad, by an implementation of their own. With
 * `--check` it writes nothing and fails if the file differs. Nothing is random.
 *
 * Run: `node tools/vectors/edhoc.ts [--check]`
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { edhocVectors } from './edhoc/cases.ts'
import { formatVectors } from './frozen/vector-file.ts'

const path = fileURLToPath(new URL('../../vectors/edhoc.json', import.meta.url))
const text = formatVectors(edhocVectors())
if (!process.argv.includes('--check')) writeFileSync(path, text)
else if (readFileSync(path, 'utf8') !== text) {
  console.error('vectors/edhoc.json is not what the script makes')
  process.exitCode = 1
}
