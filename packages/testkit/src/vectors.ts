// SPDX-License-Identifier: Apache-2.0
/**
 * Where the vectors lie: the project's own under `vectors/`, and what others published in a
 * `shared/vectors` folder beside the repository, which not every machine has.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const OWN = new URL('../../../vectors/', import.meta.url)
const PUBLISHED = new URL('../../../../shared/vectors/', import.meta.url)

/** One case of a vector file. `result` is `valid`, `invalid`, an error code or an error's name. */
export interface Vector {
  readonly id: number
  readonly comment: string
  readonly result: string
}

/**
 * Reads the cases of `vectors/<name>.json` of this repository.
 *
 * @throws {Error} If the file is missing or has no cases: an empty file must not pass.
 */
export function loadVectors<T extends Vector>(name: string): readonly T[] {
  const file: unknown = JSON.parse(readFileSync(new URL(`${name}.json`, OWN), 'utf8'))
  const tests =
    typeof file === 'object' && file !== null && 'tests' in file ? file.tests : undefined
  if (!Array.isArray(tests) || tests.length === 0) {
    throw new Error(`vectors/${name}.json has no cases`)
  }
  return tests as readonly T[]
}

/**
 * Finds a file or folder among the published vectors.
 *
 * @returns Its absolute path, or `undefined` where this machine does not have it; the caller then
 *   skips with that reason.
 */
export function publishedVectors(path: string): string | undefined {
  const found = fileURLToPath(new URL(path, PUBLISHED))
  return existsSync(found) ? found : undefined
}
