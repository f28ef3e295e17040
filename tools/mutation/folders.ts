// SPDX-License-Identifier: Apache-2.0
/**
 * Which tests the mutants of a folder of core are run against: its own, as a rule. All other tests
 * of core reach the same code, through more of the rest, and at several times the cost; so do the
 * second implementations, the published vectors and the opener in Python.
 *
 * @module
 */

import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Where what was found is kept, outside the repository: for each folder a folder. */
export const RESULTS: string = join(tmpdir(), 'waxwing-mutation')

/**
 * Folders of `packages/core/src`, and the files beside them, called `src`; those first on which
 * security rests most. To each the beginnings of the paths of its tests, in the order in which they
 * run.
 */
export const MUTATED_FOLDERS: Readonly<Record<string, readonly string[]>> = {
  object: ['object/', 'vectors/objects', 'vectors/batches'],
  receiving: ['receiving/'],
  'key-tree': ['key-tree/', 'vectors/covers'],
  control: ['control/', 'vectors/messages', 'vectors/granting', 'vectors/sealed'],
  identity: ['identity/', 'vectors/identity'],
  cose: ['cose/', 'statement/', 'vectors/sealed'],
  statement: ['statement/', 'vectors/messages'],
  cbor: ['cbor/'],
  stream: ['stream/', 'vectors/identity'],
  archive: ['archive/', 'cbor/refusals'],
  hpke: ['hpke/', 'vectors/sealed'],
  crypto: ['crypto/', 'browser/', 'hpke/'],
  src: ['addresses', 'bytes', 'errors', 'slab', 'browser/', 'crypto/contract'],
}
