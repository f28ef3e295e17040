// SPDX-License-Identifier: Apache-2.0
/**
 * Writes the vectors that freeze the format: `vectors/objects.json` and its like. With `--check` it
 * writes nothing and fails if a file differs. Nothing is random: a change of these files is a change
 * of the format, and needs a new version of it.
 *
 * Run: `node tools/vectors/frozen.ts [--check]`
 *
 * @module
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { frozenVectors } from './frozen/all.ts'
import { formatVectors } from './frozen/vector-file.ts'

const check = process.argv.includes('--check')

for (const file of frozenVectors()) {
  const path = fileURLToPath(new URL(`../../vectors/${file.name}.json`, import.meta.url))
  const text = formatVectors(file)
  if (!check) writeFileSync(path, text)
  else if (readFileSync(path, 'utf8') !== text) {
    console.error(`vectors/${file.name}.json is not what the scripts make`)
    process.exitCode = 1
  }
}
