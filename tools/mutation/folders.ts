// SPDX-License-Identifier: Apache-2.0
/**
 * Which tests the mutants of a folder of core are run against: its own and those of the folders
 * that stand on it most directly, first things first. All other tests of core reach the same code,
 * through more of the rest, and at several times the cost. The published vectors, the opener in
 * Python and the comparison with second implementations stand in no list for the same reason.
 *
 * @module
 */

import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where what was found is kept, outside the repository: for each folder a folder. */
export const RESULTS: string = join(tmpdir(), 'waxwing-mutation')

/** Folders of `packages/core/src`, those first on which security rests most, with their tests. */
export const MUTATED_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  object: ['object', 'vectors'],
  receiving: ['receiving', 'vectors'],
  'key-tree': ['key-tree', 'receiving', 'control', 'vectors'],
  control: ['control', 'vectors'],
  identity: ['identity', 'control', 'vectors'],
  cose: ['cose', 'statement', 'identity', 'vectors'],
  statement: ['statement', 'identity', 'control', 'vectors'],
  cbor: ['cbor', 'cose', 'archive', 'object', 'vectors'],
  stream: ['stream', 'control', 'vectors'],
  archive: ['archive'],
  hpke: ['hpke', 'crypto', 'cose', 'vectors'],
  crypto: ['crypto', 'hpke', 'browser', 'cose'],
  '.': ['bytes', 'cbor', 'cose', 'crypto', 'object', 'identity', 'vectors'],
}
