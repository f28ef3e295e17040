// SPDX-License-Identifier: Apache-2.0
/**
 * Which tests the mutants of a folder of core are run against: its own, and those of what stands on
 * it most directly. All other tests of core reach the same code, through more of the rest, and at
 * several times the cost; so do the published vectors and the opener in Python.
 *
 * @module
 */

import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where what was found is kept, outside the repository: for each folder a folder. */
export const RESULTS: string = join(tmpdir(), 'waxwing-mutation')

/**
 * Folders of `packages/core/src`, those first on which security rests most, with the beginnings of
 * the paths of their tests, in the order in which they run.
 */
export const MUTATED_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  object: ['object/', 'vectors/objects', 'vectors/batches'],
  receiving: ['receiving/'],
  'key-tree': ['key-tree/', 'vectors/covers'],
  control: ['control/', 'vectors/granting'],
  identity: ['identity/', 'control/', 'vectors/identity'],
  cose: ['cose/', 'statement/', 'identity/key-card'],
  statement: ['statement/', 'control/message'],
  cbor: ['cbor/', 'cose/', 'object/metadata', 'control/field-names'],
  stream: ['stream/'],
  archive: ['archive/'],
  hpke: ['hpke/', 'cose/hpke'],
  crypto: ['crypto/', 'browser/', 'hpke/'],
  '.': ['bytes', 'cbor/', 'crypto/', 'object/seal-open', 'browser/'],
}
