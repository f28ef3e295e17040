// SPDX-License-Identifier: Apache-2.0
/**
 * Bodies of requests that arrive in blocks (RFC 7959 Section 2.3 and 2.5).
 *
 * Invariant: a body is handed on once, whole, and made of the blocks of one requester in their order.
 *
 * @module
 */

import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { RESPONSE } from '../codes.js'
import type { Request } from '../handler.js'
import { OPTION, readUint, uintOption, withoutOptions } from '../options.js'
import { type Block, blockOption, offsetOf, smaller } from './block.js'
import { BoundedTable, type TableLimits } from './bounded-table.js'
import { GrowingBytes } from './growing-bytes.js'
import { bodyKey, requesterOf } from './matching.js'
import type { BlockwiseSettings } from './settings.js'

const EMPTY = new Uint8Array(0)

/** What a block led to: the whole request, or what is answered to the block. */
export type Taken = { readonly whole: Request } | { readonly answer: CoapMessage }

/** The bodies that are not whole yet. */
export class Transfers {
  readonly #settings: BlockwiseSettings
  readonly #bodies: BoundedTable<GrowingBytes>

  constructor(settings: BlockwiseSettings, limits: TableLimits) {
    this.#settings = settings
    this.#bodies = new BoundedTable(limits)
  }

  get count(): number {
    return this.#bodies.count
  }

  get bytes(): number {
    return this.#bodies.bytes
  }

  /** Takes a block of a request. */
  take(request: Request, block: Block): Taken {
    const key = bodyKey(request)
    const { payload } = request
    const isWrong = block.hasMore ? payload.length !== block.bytes : payload.length > block.bytes
    if (isWrong) return this.#refuse(key, RESPONSE.badRequest, block)
    if (this.#isTooLarge(request, block)) {
      return this.#refuse(key, RESPONSE.requestEntityTooLarge, block)
    }
    if (block.number === 0) this.#bodies.delete(key) // begins anew
    const body = block.number === 0 ? new GrowingBytes() : this.#bodies.get(key)
    if (body === undefined) return refusal(RESPONSE.requestEntityIncomplete, block)
    const isKnown = block.hasMore && body.has(payload, offsetOf(block))
    if (isKnown) return this.#continue(block) // came again, too late to be known as a duplicate
    if (offsetOf(block) !== body.length) return refusal(RESPONSE.requestEntityIncomplete, block)
    body.append(payload)
    if (!block.hasMore) return this.#complete(key, request, body)
    const isKept = this.#bodies.set(key, requesterOf(request), body, body.capacity)
    return isKept ? this.#continue(block) : this.#refuse(key, RESPONSE.requestEntityTooLarge, block)
  }

  #isTooLarge(request: Request, block: Block): boolean {
    const declared = optionValue(request, OPTION.size1)
    const size = declared === undefined ? 0 : (readUint(declared) ?? Number.POSITIVE_INFINITY)
    const end = offsetOf(block) + request.payload.length
    return Math.max(size, end) > this.#settings.maxBodyBytes
  }

  /** 2.31, with the size that the following blocks are to have (RFC 7959 Section 2.3). */
  #continue(block: Block): Taken {
    const bytes = smaller(block.bytes, this.#settings.blockSize)
    const options = [blockOption(OPTION.block1, { ...block, bytes })]
    return { answer: { code: RESPONSE.continue, options, payload: EMPTY } }
  }

  #complete(key: string, request: Request, body: GrowingBytes): Taken {
    this.#bodies.delete(key)
    const options = withoutOptions(request.options, OPTION.block1, OPTION.size1, OPTION.requestTag)
    return { whole: { ...request, options, payload: body.bytes() } }
  }

  #refuse(key: string, code: number, block: Block): Taken {
    this.#bodies.delete(key)
    const { answer } = refusal(code, block)
    if (code !== RESPONSE.requestEntityTooLarge) return { answer }
    const size = uintOption(OPTION.size1, this.#settings.maxBodyBytes)
    return { answer: { ...answer, options: [...answer.options, size] } }
  }
}

function refusal(code: number, block: Block): { readonly answer: CoapMessage } {
  return { answer: { code, options: [blockOption(OPTION.block1, block)], payload: EMPTY } }
}
