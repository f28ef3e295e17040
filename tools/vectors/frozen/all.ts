// SPDX-License-Identifier: Apache-2.0
/**
 * All files of frozen vectors.
 *
 * @module
 */

import { acks, denials, enrolments, revocations } from './answers.ts'
import { armour } from './armour.ts'
import { batches } from './batches.ts'
import { bundles } from './bundles.ts'
import { compact } from './compact.ts'
import { covers } from './covers.ts'
import { credentials } from './credentials.ts'
import { grantMessages } from './grant-messages.ts'
import { grants } from './grants.ts'
import { keyCards } from './key-cards.ts'
import { links } from './links.ts'
import { manifests } from './manifests.ts'
import { objects } from './objects.ts'
import { packedMessages } from './packed.ts'
import { requests } from './requests.ts'
import { sealedMessages } from './sealed.ts'
import type { VectorFile } from './vector-file.ts'

const FILES: readonly (() => VectorFile)[] = [
  objects,
  batches,
  compact,
  armour,
  covers,
  manifests,
  credentials,
  keyCards,
  bundles,
  links,
  grants,
  grantMessages,
  requests,
  denials,
  acks,
  revocations,
  enrolments,
  sealedMessages,
  packedMessages,
]

/** Makes every file anew. */
export function frozenVectors(): readonly VectorFile[] {
  return FILES.map((make) => make())
}
