// SPDX-License-Identifier: Apache-2.0
/**
 * Published vectors, which are not part of this repository: they lie beside it, in
 * `../shared/vectors`, or nowhere.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { describe, it } from 'vitest'

const FOLDER = new URL('../../../../../shared/vectors/', import.meta.url)

/** Declares tests that read published vectors; where these are absent, one test that says so. */
export function describePublished(title: string, declare: () => void): void {
  describe(title, () => {
    if (existsSync(FOLDER)) return declare()
    it('reads the published vectors', ({ skip }) => {
      skip('the published vectors are not at ../shared/vectors')
    })
  })
}

/** Reads one file. The caller names what it knows to be in it; a wrong name fails its tests. */
export function readPublished<T>(path: string): T {
  return JSON.parse(readFileSync(new URL(path, FOLDER), 'utf8')) as T
}

/** The paths of all files under a folder, sorted. */
export function listPublished(folder: string): readonly string[] {
  const names = readdirSync(new URL(`${folder}/`, FOLDER), { recursive: true, encoding: 'utf8' })
  return names
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${folder}/${name}`)
    .toSorted()
}
