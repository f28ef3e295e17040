// SPDX-License-Identifier: Apache-2.0
/**
 * Block-wise transfer behind a client, which gives whole requests and gets whole responses (RFC 7959).
 *
 * Invariant: a request with side effects is not sent again once its body was with the server whole.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import { type CoapMessage, isOscoreMessage, optionValue } from '@waxwing/oscore'
import { codeClass, isSafeMethod, METHOD } from '../codes.js'
import type { Handler, Layer, Request, Response } from '../handler.js'
import { OPTION, withoutOptions } from '../options.js'
import { isRegistration } from '../registration.js'
import { type Block, blockOption, MAX_BLOCK_BYTES } from './block.js'
import { CollectedNotifications } from './collected-notifications.js'
import { CHANGED, Download } from './download.js'
import { RequestTags } from './request-tags.js'
import { type BlockwiseOptions, BlockwiseSettings } from './settings.js'
import { hintedSize, Upload, type Uploaded } from './upload.js'

const DEFAULT_MAX_BODY_BYTES: number = 16 * 1024 * 1024
/** How often a representation is fetched anew that changed while it was fetched. */
const MAX_ATTEMPTS = 4

/**
 * Makes block-wise transfer of what an application asks. A request that has a Block option already is
 * passed on as it is.
 *
 * Its handler rejects with `ERR_LIMIT` for a body that is too large, `ERR_MALFORMED` for blocks that do
 * not fit together, and `ERR_CONFLICT` where a representation changed each time it was fetched, or where
 * the response to a request with side effects was lost after it had been carried out.
 *
 * @throws {RangeError} If an option is out of range.
 */
export function blockwiseClient(options: BlockwiseOptions = {}): Layer {
  const settings = new BlockwiseSettings(options, DEFAULT_MAX_BODY_BYTES)
  const tags = new RequestTags()
  return (next) => {
    const client = new BlockwiseClient(settings, tags, next)
    return (request) => (hasBlocks(request) ? next(request) : client.ask(request))
  }
}

class BlockwiseClient {
  readonly #settings: BlockwiseSettings
  readonly #tags: RequestTags
  readonly #next: Handler

  constructor(settings: BlockwiseSettings, tags: RequestTags, next: Handler) {
    this.#settings = settings
    this.#tags = tags
    this.#next = next
  }

  ask(request: Request): Promise<Response> {
    return isRegistration(request) ? this.#observe(request) : this.#askWhole(request)
  }

  async #observe(request: Request): Promise<Response> {
    const abandoning = new AbortController()
    const signal = AbortSignal.any([request.signal, abandoning.signal])
    const uploaded = await this.#upload({ ...request, signal })
    const { notifications } = uploaded.response
    const first = await this.#downloadFirst(request, uploaded, abandoning)
    if (notifications === undefined) return first
    if (codeClass(first.code) !== 2) {
      abandoning.abort() // the rest is not there any more: nobody starts the notifications
      return first
    }
    const source = {
      abandon: () => abandoning.abort(),
      complete: (notification: CoapMessage, newer: AbortSignal) => {
        const again = { ...request, signal: AbortSignal.any([signal, newer]) }
        const asked = { ...uploaded.asked, signal: again.signal }
        return this.#download(again, { response: notification, asked })
      },
    }
    return {
      ...first,
      notifications: (listener) => notifications(new CollectedNotifications(listener, source)),
    }
  }

  /** Whoever gets no first response has no observation. */
  async #downloadFirst(
    request: Request,
    uploaded: Uploaded,
    abandoning: AbortController,
  ): Promise<CoapMessage> {
    try {
      return await this.#download(request, uploaded)
    } catch (error) {
      abandoning.abort()
      throw error
    }
  }

  async #askWhole(request: Request): Promise<Response> {
    const ask = async (one: Request): Promise<Response> =>
      this.#download(one, await this.#upload(one))
    // Equal ones of GET ask for the same; what OSCORE protected has a number of its own.
    const isAlone = request.code === METHOD.GET || isOscoreMessage(request)
    return isAlone || !this.#settings.isWhole(request)
      ? ask(request)
      : this.#tags.tellApart(request, ask)
  }

  /** Fetches the rest, and all of it anew where it changed meanwhile. */
  async #download(request: Request, uploaded: Uploaded): Promise<CoapMessage> {
    let { response, asked } = uploaded
    if (optionValue(response, OPTION.block2) === undefined) return response
    for (let attempt = 1; ; attempt++) {
      const whole = await new Download(asked, this.#next, this.#settings).complete(response)
      if (whole !== CHANGED) return withObserveOf(uploaded.response, whole)
      if (!isSafeMethod(request.code)) {
        throw conflict('the request was carried out, but the server has lost its response')
      }
      if (attempt === MAX_ATTEMPTS) throw conflict('the resource changed each time it was fetched')
      const again = { ...request, options: withoutOptions(request.options, OPTION.observe) }
      ;({ response, asked } = await this.#upload(again))
    }
  }

  async #upload(request: Request): Promise<Uploaded> {
    const size = this.#settings.blockSizeFor(request)
    const isLargest = this.#settings.blockSize === MAX_BLOCK_BYTES
    const wanted: Block = { number: 0, hasMore: false, bytes: this.#settings.blockSize }
    // Said early, so that not even the first block is larger (RFC 7959 Section 2.4).
    const early = isLargest ? [] : [blockOption(OPTION.block2, wanted)]
    const upload = new Upload(request, this.#next, this.#tags, early)
    if (!this.#settings.isWhole(request)) return upload.send(size)
    const response = await this.#next({ ...request, options: [...request.options, ...early] })
    const hint = hintedSize(response, request.payload.length)
    return hint === undefined ? { response, asked: request } : upload.send(hint)
  }
}

function hasBlocks(request: CoapMessage): boolean {
  return request.options.some(({ number }) => number === OPTION.block1 || number === OPTION.block2)
}

/** What was fetched in the place of a notification is one. An error is none. */
function withObserveOf(first: CoapMessage, whole: CoapMessage): CoapMessage {
  const observe = first.options.find(({ number }) => number === OPTION.observe)
  if (observe === undefined || codeClass(whole.code) !== 2) return whole
  const { options } = whole
  return { ...whole, options: [...withoutOptions(options, OPTION.observe), observe] }
}

function conflict(message: string): WaxwingError {
  return new WaxwingError('ERR_CONFLICT', message)
}
