// SPDX-License-Identifier: Apache-2.0
/**
 * Fetching the rest of a response of which the first block came (RFC 7959 Section 2.4).
 *
 * Invariant: the blocks of a body are of one representation, or there is no body.
 *
 * @module
 */

import { equalBytes, malformed, WaxwingError } from '@waxwing/core'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass, isSafeMethod, METHOD, RESPONSE } from '../codes.js'
import type { Handler, Request } from '../handler.js'
import { OPTION, readUint, withoutOptions } from '../options.js'
import { type Block, blockOption, offsetOf, readBlock, smaller } from './block.js'
import { GrowingBytes } from './growing-bytes.js'
import type { BlockwiseSettings } from './settings.js'

/** The representation is another one than that of the first block. */
export const CHANGED = 'changed'

/** What a server says that no longer has what the first block was of. */
const LOST: ReadonlySet<number> = new Set([RESPONSE.badRequest, RESPONSE.requestEntityIncomplete])

/** Fetches what follows a first block. */
export class Download {
  readonly #asked: Request
  readonly #next: Handler
  readonly #settings: BlockwiseSettings
  readonly #body = new GrowingBytes()

  /** @param asked - The request that was answered, as it is repeated for each block. */
  constructor(asked: Request, next: Handler, settings: BlockwiseSettings) {
    this.#asked = asked
    this.#next = next
    this.#settings = settings
  }

  /**
   * @param first - The response that came, whole or a first block.
   * @returns The whole response; an error that came in the place of a later block; or that it changed.
   * @throws {WaxwingError} `ERR_MALFORMED`, `ERR_LIMIT`, and what the network throws.
   */
  async complete<T extends CoapMessage>(first: T): Promise<T | CoapMessage | typeof CHANGED> {
    const block = readBlock(first, OPTION.block2)
    if (block === undefined) return first
    if (block.number !== 0) throw malformed('CoAP response', 'Block2')
    this.#take(first, block)
    for (let current = block; current.hasMore;) {
      const response = await this.#next(this.#request(current))
      if (codeClass(response.code) !== 2) return this.#failed(response)
      const following = readBlock(response, OPTION.block2)
      if (following === undefined || !isSameRepresentation(first, response)) return CHANGED
      this.#take(response, following)
      current = following
    }
    const options = withoutOptions(first.options, OPTION.block2, OPTION.size2)
    return { ...first, options, payload: this.#body.bytes() }
  }

  /** An error is the answer to a GET. Another method was carried out, and its answer is lost. */
  #failed(response: CoapMessage): CoapMessage | typeof CHANGED {
    const isLost = LOST.has(response.code) || !isSafeMethod(this.#asked.code)
    return isLost ? CHANGED : response
  }

  #request(before: Block): Request {
    const bytes = smaller(before.bytes, this.#settings.blockSize)
    const wanted = { number: this.#body.length / bytes, hasMore: false, bytes }
    const { block2, observe } = OPTION
    const options = withoutOptions(this.#asked.options, block2, observe, OPTION.noResponse)
    return {
      ...this.#asked,
      options: [...options, blockOption(OPTION.block2, wanted)],
      // What a FETCH asks for is in its payload; of others it came already.
      payload: this.#asked.code === METHOD.FETCH ? this.#asked.payload : new Uint8Array(0),
    }
  }

  #take(message: CoapMessage, block: Block): void {
    const { payload } = message
    const isWhole = block.hasMore ? payload.length === block.bytes : payload.length <= block.bytes
    if (!isWhole || offsetOf(block) !== this.#body.length) {
      throw malformed('CoAP response', 'Block2')
    }
    const { maxBodyBytes } = this.#settings
    const declared = optionValue(message, OPTION.size2)
    const size = declared === undefined ? 0 : (readUint(declared) ?? 0)
    if (Math.max(size, this.#body.length + payload.length) > maxBodyBytes) {
      const rule = 'maxBodyBytes'
      throw new WaxwingError('ERR_LIMIT', `the response has more than ${maxBodyBytes} bytes`, {
        rule,
      })
    }
    this.#body.append(payload)
  }
}

/** The same entity tag, or none both times, and the same code. */
function isSameRepresentation(first: CoapMessage, later: CoapMessage): boolean {
  const before = optionValue(first, OPTION.etag)
  const now = optionValue(later, OPTION.etag)
  if (first.code !== later.code) return false
  if (before === undefined || now === undefined) return before === now
  return equalBytes(before, now)
}
