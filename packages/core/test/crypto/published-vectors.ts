// SPDX-License-Identifier: Apache-2.0
/**
 * Published vectors (Wycheproof, HPKE), which lie beside the repository and are not part of it.
 * Where the folder is missing, the tests that need it say so and are skipped.
 *
 * @module
 */

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { fromHex } from '@waxwing/core'

const folder = fileURLToPath(new URL('../../../../../shared/vectors/', import.meta.url))

/** Whether the folder is there. */
export const havePublishedVectors: boolean = existsSync(folder)

/** What a skipped test says. */
export const WHY_SKIPPED = 'the published vectors (../shared/vectors) are not on this machine'

/** Reads one JSON file of the folder. @throws {Error} If it is not there. */
export function readPublished(path: string): unknown {
  return JSON.parse(readFileSync(`${folder}${path}`, 'utf8'))
}

export interface WycheproofTest {
  readonly tcId: number
  readonly comment: string
  readonly flags: readonly string[]
  readonly result: 'valid' | 'invalid' | 'acceptable'
}

/** One group; what its tests have in common is in `shared`. */
export interface WycheproofGroup<Test extends WycheproofTest, Shared> {
  readonly shared: Shared
  readonly tests: readonly Test[]
}

/** Reads a Wycheproof file. @throws {Error} If it holds no tests: an empty file must not pass. */
export function readWycheproof<Test extends WycheproofTest, Shared = unknown>(
  name: string,
): readonly WycheproofGroup<Test, Shared>[] {
  const file = readPublished(`wycheproof/${name}_test.json`) as {
    readonly testGroups: readonly (Shared & { readonly tests: readonly Test[] })[]
  }
  const groups = file.testGroups.map((group) => ({ shared: group, tests: group.tests }))
  if (groups.flatMap((group) => group.tests).length === 0) throw new Error(`${name}: no tests`)
  return groups
}

/** How a vector is named when it fails. */
export function labelOf(test: WycheproofTest): string {
  return `#${test.tcId} ${test.comment ?? ''} [${test.flags.join(' ')}] ${test.result}`
}

/** Hex to bytes. */
export const hex: (text: string) => Uint8Array = fromHex
