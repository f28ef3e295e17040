// SPDX-License-Identifier: Apache-2.0
/**
 * What a broker has, as its discovery says (RFC 6690), by addresses.
 *
 * @module
 */

import { parseLinkFormat } from '../resources/link-format.js'
import { COMMON_BELL, type Path, placeOf } from './topics.js'

/** What there is of one address. */
export interface Found {
  hasTopicData: boolean
  hasBell: boolean
  /** The names of its slots, oldest first as far as their names tell. */
  slots: string[]
}

/**
 * Reads a listing.
 *
 * @param text - Untrusted. Links that are none of a transport's are passed over.
 * @throws {WaxwingError} `ERR_MALFORMED` if it is not in link format.
 */
export function readListing(text: string): ReadonlyMap<string, Found> {
  const found = new Map<string, Found>()
  for (const { href } of parseLinkFormat(text)) {
    const path = pathOf(href)
    const place = path === undefined || isCommonBell(path) ? undefined : placeOf(path)
    if (place === undefined) continue
    const entry = found.get(place.address) ?? { hasTopicData: false, hasBell: false, slots: [] }
    found.set(place.address, entry)
    if (place.kind === 'topic-data') entry.hasTopicData = true
    else if (place.kind === 'bell') entry.hasBell = true
    else entry.slots.push(place.name)
  }
  for (const { slots } of found.values()) slots.sort()
  return found
}

function pathOf(href: string): Path | undefined {
  if (!href.startsWith('/')) return undefined
  try {
    return href.slice(1).split('/').map(decodeURIComponent)
  } catch {
    return undefined // not UTF-8
  }
}

function isCommonBell(path: Path): boolean {
  return path.length === COMMON_BELL.length && path.every((level, i) => level === COMMON_BELL[i])
}
