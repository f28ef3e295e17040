// SPDX-License-Identifier: Apache-2.0
/**
 * Reading archives from files: with progress, with what they hold for us, and with an account of what
 * could not be opened.
 *
 * @module
 */

import { createReadStream, statSync } from 'node:fs'
import { decodeStatement, readArchive, WaxwingError } from '@waxwing/core'
import type { Endpoint, Message, Reader } from '@waxwing/client'
import { EndpointViewer } from './inspect/endpoint-viewer.js'
import type { Viewer } from './inspect/viewer.js'
import { kindOf } from './inspect/item-tree.js'
import { counted, type Output } from './output.js'

export type ArchiveItem =
  ReturnType<Reader['readArchive']> extends AsyncGenerator<infer Item> ? Item : never
type ArchiveSkip = Exclude<ArchiveItem, Message>

const IDENTITY: ReadonlySet<string> = new Set(['trust-bundle', 'credential', 'key-card'])
/** Shorter archives are read before anybody could look at a progress bar. */
const PROGRESS_FROM_BYTES = 4 * 1024 * 1024

/** The bytes of an archive, with a progress bar for long ones. */
export async function* archiveBytes(path: string, output?: Output): AsyncGenerator<Uint8Array> {
  const { size } = statSync(path)
  let done = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
    yield chunk
    done += chunk.length
    if (size >= PROGRESS_FROM_BYTES) output?.progress(path, done / size)
  }
}

/**
 * Takes the grants in an archive that are sealed to us, and what says whom to trust. Requests and
 * whatever else was recorded are not acted on: they were for then.
 */
export async function takeArchivedGrants(endpoint: Endpoint, path: string): Promise<void> {
  const viewer = new EndpointViewer(endpoint)
  try {
    for await (const { item } of readArchive(archiveBytes(path))) {
      await takeForUs(endpoint, viewer, item)
    }
  } catch (error) {
    // Damage: whoever reads the messages is told where.
    if (!(error instanceof WaxwingError)) throw error
  }
}

/** Takes an item if it is a grant that is sealed to us, or says whom to trust. */
export async function takeForUs(
  endpoint: Endpoint,
  viewer: Viewer,
  item: Uint8Array,
): Promise<void> {
  if (await isForUs(item, viewer)) await takeQuietly(endpoint, item)
}

async function isForUs(item: Uint8Array, viewer: Viewer): Promise<boolean> {
  const kind = kindOf(item)
  if (kind !== 'sealed message') return kind !== undefined && IDENTITY.has(kind)
  try {
    const signed = await viewer.unseal(item)
    return signed !== undefined && decodeStatement(signed).type === 'grant'
  } catch (error) {
    if (error instanceof WaxwingError) return false
    throw error
  }
}

async function takeQuietly(endpoint: Endpoint, item: Uint8Array): Promise<void> {
  try {
    await endpoint.receive(item)
  } catch (error) {
    if (!(error instanceof WaxwingError)) throw error
  }
}

const REASONS: Readonly<Record<ArchiveSkip['reason'], string>> = {
  'no-key': 'without a key',
  'not-authentic': 'NOT AUTHENTIC: forged or changed',
  refused: 'that do not count',
  duplicate: 'recorded twice',
  conflict: 'IN CONFLICT: two at one position',
  malformed: 'not readable',
  incomplete: 'of which pieces are missing',
}

/** What became of the items of an archive. */
export class ArchiveAccount {
  opened = 0
  readonly skipped: Partial<Record<ArchiveSkip['reason'], number>> = {}
  readonly #kids = new Set<string>()

  add(item: ArchiveItem): void {
    if (item.kind === 'message') {
      this.opened++
      return
    }
    this.skipped[item.reason] = (this.skipped[item.reason] ?? 0) + 1
    if (item.reason === 'no-key' && item.kid !== undefined) this.#kids.add(item.kid)
  }

  /** The kids of which keys are missing, in hex. */
  get missingKids(): readonly string[] {
    return [...this.#kids]
  }

  get lines(): readonly string[] {
    return Object.entries(this.skipped).map(([reason, count]) => {
      const kids = reason === 'no-key' ? ` (kid ${this.missingKids.join(', ')})` : ''
      return `${counted(count ?? 0, 'message')} ${REASONS[reason as ArchiveSkip['reason']]}${kids}`
    })
  }
}
