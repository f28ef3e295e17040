// SPDX-License-Identifier: Apache-2.0
/**
 * Any item that travels or lies in an archive, as a tree.
 *
 * @module
 */

import {
  ALG_HPKE_XWING,
  decodeHpke,
  decodeObject,
  decodePackedMessage,
  decodeStatement,
  isPackedMessage,
  LABEL_ALG,
  sealedKid,
  toHex,
  WaxwingError,
  type DecodedObject,
} from '@waxwing/core'
import { objectTree } from './object-tree.js'
import { statementTree } from './statement-tree.js'
import { below, fact, hexFact, sizeFact, type Tree } from './tree.js'
import type { Viewer } from './viewer.js'

const TAG_SIGN1 = 0xd2

/**
 * Reads one object or control message.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`, `ERR_UNSUPPORTED` or `ERR_LIMIT` if it is neither; `ERR_KEY_UNKNOWN` if
 *   it is packed over something that the viewer does not hold.
 */
export async function itemTree(bytes: Uint8Array, viewer: Viewer): Promise<Tree> {
  if (bytes[0] === TAG_SIGN1) return statementTree(decodeStatement(bytes), viewer)
  if (isPackedMessage(bytes)) return packedTree(bytes, viewer)
  const sealed = isSealedToSomebody(bytes)
  if (sealed) return sealedTree(bytes, viewer)
  return objectTree(decodeObject(bytes), viewer)
}

/** What kind of item this is, in a word; `undefined` if it is none that we know. */
export function kindOf(bytes: Uint8Array): string | undefined {
  try {
    if (bytes[0] === TAG_SIGN1) return decodeStatement(bytes).type
    if (isPackedMessage(bytes)) return decodePackedMessage(bytes) && 'packed message'
    return isSealedToSomebody(bytes) ? 'sealed message' : decodeObject(bytes).kind && 'object'
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

/** The object in bytes, if it is one. */
export function asObject(bytes: Uint8Array): DecodedObject | undefined {
  try {
    return decodeObject(bytes)
  } catch (error) {
    if (error instanceof WaxwingError) return undefined
    throw error
  }
}

/** Objects and sealed messages are both COSE_Encrypt0: only the algorithm tells them apart. */
function isSealedToSomebody(bytes: Uint8Array): boolean {
  try {
    sealedKid(bytes)
    return true
  } catch (error) {
    if (error instanceof WaxwingError) return false
    throw error
  }
}

function packedTree(bytes: Uint8Array, viewer: Viewer): Tree {
  const references = decodePackedMessage(bytes).references.map(toHex)
  const content = statementTree(decodeStatement(viewer.unpacked(bytes)), viewer)
  return {
    title: 'packed message',
    facts: [
      sizeFact('size', bytes.length),
      fact('references', references, references.join(' ') || 'none'),
      below('content', content),
    ],
  }
}

async function sealedTree(bytes: Uint8Array, viewer: Viewer): Promise<Tree> {
  const alg = decodeHpke(bytes).protectedHeader.get(LABEL_ALG)
  const kem = alg === ALG_HPKE_XWING ? 'X-Wing' : 'X25519'
  const signed = await viewer.unseal(bytes)
  const content =
    signed === undefined
      ? fact('content', null, 'sealed: the key is not held here')
      : below('content', statementTree(decodeStatement(signed), viewer))
  return {
    title: 'sealed message',
    facts: [
      sizeFact('size', bytes.length),
      fact('kem', kem),
      hexFact('key', sealedKid(bytes)),
      content,
    ],
  }
}
