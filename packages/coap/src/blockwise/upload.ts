// SPDX-License-Identifier: Apache-2.0
/**
 * Sending the body of a request in blocks (RFC 7959 Section 2.3 and 2.9).
 *
 * @module
 */

import { malformed } from '@waxwing/core'
import type { CoapMessage, CoapOption } from '@waxwing/oscore'
import { codeClass, RESPONSE } from '../codes.js'
import type { Handler, Request, Response } from '../handler.js'
import { OPTION, uintOption, withoutOptions } from '../options.js'
import { type Block, blockAt, blockOption, type BlockSize, readBlock, smaller } from './block.js'
import type { RequestTags } from './request-tags.js'

/** How often a body is begun again that the server lost. */
const MAX_RESTARTS = 2

/** What was answered to a body, and the request as whose answer it counts. */
export interface Uploaded {
  readonly response: Response
  /** The request without its body, as what comes after it has to look (RFC 7959 Section 3.3). */
  readonly asked: Request
}

/** The body of one request. */
export class Upload {
  readonly #request: Request
  readonly #next: Handler
  readonly #tags: RequestTags
  /** Stands in the request of the last block, to which the response comes. */
  readonly #lastOptions: readonly CoapOption[]

  constructor(
    request: Request,
    next: Handler,
    tags: RequestTags,
    lastOptions: readonly CoapOption[],
  ) {
    this.#request = request
    this.#next = next
    this.#tags = tags
    this.#lastOptions = lastOptions
  }

  /** Sends the body. A server that lost it (4.08) did nothing with it, and gets it again. */
  async send(bytes: BlockSize): Promise<Uploaded> {
    for (let restarts = 0; ; restarts++) {
      const tag = this.#tags.next()
      const response = await this.#sendBlocks(tag, bytes)
      const isLost = response.code === RESPONSE.requestEntityIncomplete
      if (!isLost || restarts === MAX_RESTARTS) {
        const options = [...this.#request.options, tag]
        return { response, asked: { ...this.#request, options, payload: new Uint8Array(0) } }
      }
    }
  }

  async #sendBlocks(tag: CoapOption, firstBytes: BlockSize): Promise<Response> {
    const { payload } = this.#request
    let bytes = firstBytes
    for (let offset = 0; ;) {
      const block = blockAt(payload, offset, bytes)
      const response = await this.#next(this.#blockRequest(tag, block))
      const hint = block.number === 0 ? hintedSize(response, block.bytes) : undefined
      if (hint !== undefined) {
        bytes = hint // in the place of this block, which is the first
        continue
      }
      if (!block.hasMore || codeClass(response.code) !== 2) return withoutBlock1(response)
      const answered = readBlock(response, OPTION.block1)
      if (answered?.number !== block.number) throw malformed('CoAP response', 'Block1')
      offset += block.bytes
      bytes = smaller(bytes, answered.bytes)
    }
  }

  #blockRequest(tag: CoapOption, block: Block): Request {
    const { payload } = this.#request
    const offset = block.number * block.bytes
    const options = [...this.#request.options, tag, blockOption(OPTION.block1, block)]
    if (block.number === 0) options.push(uintOption(OPTION.size1, payload.length))
    if (!block.hasMore) options.push(...this.#lastOptions)
    const kept = block.hasMore ? withoutOptions(options, OPTION.noResponse) : options
    return {
      ...this.#request,
      options: kept,
      payload: payload.subarray(offset, offset + block.bytes),
    }
  }
}

/**
 * The size of blocks that a server would take, which refuses a first one for its size (RFC 7959 Section
 * 2.9.3); `undefined` if it says none that is smaller.
 *
 * @throws {WaxwingError} `ERR_MALFORMED`.
 */
export function hintedSize(response: CoapMessage, sentBytes: number): BlockSize | undefined {
  if (response.code !== RESPONSE.requestEntityTooLarge) return undefined
  const hint = readBlock(response, OPTION.block1)
  return hint !== undefined && hint.bytes < sentBytes ? hint.bytes : undefined
}

function withoutBlock1(response: Response): Response {
  return { ...response, options: withoutOptions(response.options, OPTION.block1) }
}
