// SPDX-License-Identifier: Apache-2.0
/**
 * The published vectors, which are not part of this repository: they lie beside it, in
 * `../shared/vectors`, or nowhere. Where they are missing, one test of each suite says so.
 *
 * @module
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
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

/** The paths of all files, of whatever kind, sorted. */
export function listPublished(): readonly string[] {
  return readdirSync(FOLDER, { recursive: true, encoding: 'utf8', withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(fileURLToPath(FOLDER), join(entry.parentPath, entry.name)))
    .map((path) => path.replaceAll(sep, '/'))
    .toSorted()
}
