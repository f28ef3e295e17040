// SPDX-License-Identifier: Apache-2.0
/**
 * Request-Tag: tells the bodies apart that one client sends to one resource (RFC 9175 Section 3).
 *
 * Invariant: no two bodies of one process have the same tag, nor two of one key by chance, which is what
 * keeps their blocks apart where each block is protected (Section 3.5.1).
 *
 * @module
 */

import { getRandomValues } from 'node:crypto'
import type { CoapOption } from '@waxwing/oscore'
import type { Request } from '../handler.js'
import { OPTION } from '../options.js'
import { bodyKey } from './matching.js'

const TAG_BYTES = 8

/** Makes tags: a random beginning, then counted. */
export class RequestTags {
  /** Requests in one message without a tag, whose responses may come in blocks. */
  readonly #untagged = new Set<string>()
  readonly #next = new DataView(getRandomValues(new Uint8Array(TAG_BYTES)).buffer)

  next(): CoapOption {
    this.#next.setBigUint64(0, this.#next.getBigUint64(0) + 1n)
    return { number: OPTION.requestTag, value: new Uint8Array(this.#next.buffer.slice(0)) }
  }

  /**
   * Runs a request in one message, whose response depends on more than its options: on a payload (RFC
   * 8132 Section 2), or on what it does. One that could be taken for another that is under way has a tag,
   * so that each gets its own response.
   */
  async tellApart<T>(request: Request, run: (request: Request) => Promise<T>): Promise<T> {
    const key = bodyKey(request)
    if (this.#untagged.has(key)) {
      return run({ ...request, options: [...request.options, this.next()] })
    }
    this.#untagged.add(key)
    try {
      return await run(request)
    } finally {
      this.#untagged.delete(key)
    }
  }
}
