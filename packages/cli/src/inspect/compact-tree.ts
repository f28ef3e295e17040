// SPDX-License-Identifier: Apache-2.0
/**
 * The compact form of an object (`docs/spec/04-objects.md` Section 4.7), with the object that it is of.
 *
 * @module
 */

import { decodeCompact, decodeObject, toHex, WaxwingError, type DecodedObject } from '@waxwing/core'
import { textOf } from './content.js'
import { objectTree } from './object-tree.js'
import { below, fact, sizeFact, type Tree } from './tree.js'
import type { Viewer } from './viewer.js'

/** A ciphertext that is no longer holds nothing, whatever its algorithm. */
const SHORTEST_TAG_BYTES = 8

/**
 * A compact form; `undefined` if the bytes are none. Its flags are all that tells one from other bytes:
 * text is taken for none, although some begins with such flags.
 */
export function compactTree(bytes: Uint8Array, viewer: Viewer): Tree | undefined {
  const object = compactObject(bytes)
  if (object === undefined) return undefined
  return {
    title: 'compact form',
    facts: [
      sizeFact('size', bytes.length),
      fact('COSE form', toHex(object.bytes)),
      below('of', objectTree(object, viewer)),
    ],
  }
}

/** The object of a compact form, as {@link compactTree} knows one. */
export function compactObject(bytes: Uint8Array): DecodedObject | undefined {
  if (textOf(bytes) !== undefined) return undefined
  try {
    const object = decodeObject(decodeCompact(bytes))
    return object.ciphertext.length > SHORTEST_TAG_BYTES ? object : undefined
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}
