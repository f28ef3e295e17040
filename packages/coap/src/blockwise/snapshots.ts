// SPDX-License-Identifier: Apache-2.0
/**
 * Large responses while they are fetched block by block (RFC 7959 Section 2.4).
 *
 * Invariant: all blocks of one entity tag are of one representation.
 *
 * @module
 */

import { equalBytes } from '@waxwing/core'
import type { CoapMessage } from '@waxwing/oscore'
import { RESPONSE } from '../codes.js'
import { withEtag } from '../entity-tag.js'
import type { Request } from '../handler.js'
import { OPTION, uintOption, withoutOptions } from '../options.js'
import { type Block, blockAt, blockOption, type BlockSize, offsetOf, smaller } from './block.js'
import { BoundedTable, type TableLimits } from './bounded-table.js'
import { bodyKey, requesterOf } from './matching.js'
import type { BlockwiseSettings } from './settings.js'

interface Snapshot {
  /** The payload of the request that was answered. */
  readonly asked: Uint8Array
  readonly response: CoapMessage
}

/** The responses that were not fetched to their end yet. */
export class Snapshots {
  readonly #settings: BlockwiseSettings
  readonly #table: BoundedTable<Snapshot>

  constructor(settings: BlockwiseSettings, limits: TableLimits) {
    this.#settings = settings
    this.#table = new BoundedTable(limits)
  }

  get count(): number {
    return this.#table.count
  }

  get bytes(): number {
    return this.#table.bytes
  }

  /**
   * Keeps a response for its requester, in the place of what its request was answered before.
   *
   * @returns The first block.
   */
  begin(request: Request, given: CoapMessage, bytes: BlockSize): CoapMessage {
    const response = withEtag(given)
    const { payload: asked } = request
    const size = response.payload.length + asked.length
    this.#table.set(bodyKey(request), requesterOf(request), { asked, response }, size)
    return sliced(response, 0, bytes)
  }

  /** A later block; `undefined` if nothing is kept that it could be of. */
  next(request: Request, wanted: Block): CoapMessage | undefined {
    const key = bodyKey(request)
    const snapshot = this.#table.get(key)
    if (snapshot === undefined) return undefined
    const { asked, response } = snapshot
    // The payload need not come again, but another one asks for something else (RFC 8132 Section 2).
    if (request.payload.length > 0 && !equalBytes(request.payload, asked)) return undefined
    const size = response.payload.length
    const maxBytes = this.#settings.blockSizeFor(response)
    const isLast = offsetOf(wanted) + smaller(wanted.bytes, maxBytes) >= size
    if (isLast) this.#table.delete(key)
    else this.#table.set(key, requesterOf(request), snapshot, size + asked.length)
    return laterBlock(response, wanted, maxBytes)
  }
}

/** A block behind the first one; 4.00 where the body ends before it. */
export function laterBlock(response: CoapMessage, wanted: Block, maxBytes: BlockSize): CoapMessage {
  const offset = offsetOf(wanted)
  if (offset >= response.payload.length) {
    return { code: RESPONSE.badRequest, options: [], payload: new Uint8Array(0) }
  }
  return sliced(response, offset, smaller(wanted.bytes, maxBytes))
}

function sliced(response: CoapMessage, offset: number, bytes: BlockSize): CoapMessage {
  const { payload } = response
  const options = [blockOption(OPTION.block2, blockAt(payload, offset, bytes))]
  if (offset === 0) options.push(uintOption(OPTION.size2, payload.length))
  const kept = offset === 0 ? response.options : withoutOptions(response.options, OPTION.observe)
  return {
    code: response.code,
    options: [...kept, ...options],
    payload: payload.subarray(offset, offset + bytes),
  }
}
