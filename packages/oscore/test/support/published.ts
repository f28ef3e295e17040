// SPDX-License-Identifier: Apache-2.0
/**
 * The published vectors of OSCORE, which lie beside the repository, or nowhere.
 *
 * @module
 */

import { readFileSync } from 'node:fs'
import { publishedVectors } from '@waxwing/testkit'
import { describe, it } from 'vitest'

/** Declares tests of a file of published vectors; where it is absent, one test that says so. */
export function describePublished<T>(
  title: string,
  path: string,
  declare: (file: T) => void,
): void {
  describe(title, () => {
    const found = publishedVectors(path)
    if (found !== undefined) return declare(JSON.parse(readFileSync(found, 'utf8')) as T)
    it('reads the published vectors', ({ skip }) => {
      skip('the published vectors are not at ../shared/vectors')
    })
  })
}
