// SPDX-License-Identifier: Apache-2.0
/**
 * The slow twin: everything that core seals, opens, covers, remembers and verifies, a second time, by
 * the letter of the specification. It shares the primitives with core, and no other code.
 *
 * To be read in this order:
 *
 * 1. `refusal.ts`, `cbor.ts`, `rules.ts`, `names.ts`: what is well-formed, and what is not;
 * 2. `signatures.ts`, `statements.ts`, `trust.ts`, `chains.ts`: who said what, and what it counts;
 * 3. `keys.ts`, `ring.ts`: covers, and the nodes that are held;
 * 4. `batch-tree.ts`, `sealing.ts`, `decoding.ts`, `opening.ts`, `generation.ts`: objects;
 * 5. `seen.ts`: replay and loss.
 *
 * What makes things is shared with the vectors (`tools/vectors/frozen`). Where both are asked the same
 * is in the files that end in `-agreements.ts`; what is random about it in `world.ts`, `streams.ts`,
 * `objects.ts` and `mutations.ts`. All are listed here, for the tests and for `npm run soak -- twin`.
 *
 * @module
 */

import type { Agreement } from './agreement.ts'
import { CHAIN_AGREEMENTS } from './chain-agreements.ts'
import { KEY_AGREEMENTS } from './key-agreements.ts'
import { OPEN_AGREEMENTS } from './open-agreements.ts'
import { RING_AGREEMENTS } from './ring-agreements.ts'
import { SEAL_AGREEMENTS } from './seal-agreements.ts'
import { SEEN_AGREEMENTS } from './seen-agreements.ts'
import { TRUST_AGREEMENTS } from './trust-agreements.ts'

/** 5,000 cases in all. */
export const AGREEMENTS: readonly Agreement[] = [
  ...KEY_AGREEMENTS,
  ...TRUST_AGREEMENTS,
  ...CHAIN_AGREEMENTS,
  ...RING_AGREEMENTS,
  ...SEAL_AGREEMENTS,
  ...OPEN_AGREEMENTS,
  ...SEEN_AGREEMENTS,
]
