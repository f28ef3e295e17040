// SPDX-License-Identifier: Apache-2.0
/**
 * Block-wise transfer before a handler, which gets whole requests and gives whole responses (RFC 7959).
 *
 * Invariant: a request with side effects reaches the handler once, however its body came and however its
 * response is fetched; what is kept for it is bounded in count, bytes and time.
 *
 * @module
 */

import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass, isSafeMethod, METHOD, RESPONSE } from '../codes.js'
import { withEtag } from '../entity-tag.js'
import type { Handler, Layer, NotificationListener, Request, Response } from '../handler.js'
import { OPTION, uintOption, withoutOptions } from '../options.js'
import { type Block, blockOption, readBlock, smaller } from './block.js'
import type { TableLimits } from './bounded-table.js'
import { assertCount, type BlockwiseOptions, BlockwiseSettings } from './settings.js'
import { laterBlock, Snapshots } from './snapshots.js'
import { Transfers } from './transfers.js'

const DEFAULT_MAX_BODY_BYTES: number = 1024 * 1024
/** EXCHANGE_LIFETIME (RFC 7252 Section 4.8.2), as RFC 7959 Section 2.5 proposes. */
const DEFAULT_LIFETIME_MS = 247_000
const EMPTY = new Uint8Array(0)
const OF_BLOCKS: readonly number[] = [
  OPTION.block1,
  OPTION.block2,
  OPTION.size1,
  OPTION.size2,
  OPTION.requestTag,
]

/** What a server keeps of transfers, besides the options of both sides. */
export interface BlockwiseServerOptions extends BlockwiseOptions {
  /** Request bodies that are not whole yet, and as many responses being fetched. Default 256. */
  readonly maxTransfers?: number
  /** The same for one requester, which may be a proxy with many clients. Default 64. */
  readonly maxTransfersPerRequester?: number
  /** The bytes of either. Default 16 times `maxBodyBytes`. */
  readonly maxHeldBytes?: number
  /** After how long without a block what is kept is gone. Default 247,000. */
  readonly transferTimeoutMs?: number
  /** A clock that only goes forwards, in milliseconds. Default `performance.now`. */
  readonly now?: () => number
}

/**
 * Makes block-wise transfer of what stands before a handler.
 *
 * Payloads that the handler gives must not be changed afterwards: their blocks are sent later. Responses
 * without an ETag get one where they are sliced. Of a response larger than `maxHeldBytes` nothing is
 * kept: a GET or FETCH reaches the handler for each block then, and others cannot be answered whole.
 *
 * @throws {RangeError} If an option is out of range.
 */
export function blockwiseServer(options: BlockwiseServerOptions = {}): Layer {
  const settings = new BlockwiseSettings(options, DEFAULT_MAX_BODY_BYTES)
  const limits = tableLimits(options, settings)
  return (next) => {
    const server = new BlockwiseServer(settings, limits, next)
    return (request) => server.handle(request)
  }
}

class BlockwiseServer {
  readonly #settings: BlockwiseSettings
  readonly #next: Handler
  readonly #transfers: Transfers
  readonly #snapshots: Snapshots

  constructor(settings: BlockwiseSettings, limits: TableLimits, next: Handler) {
    this.#settings = settings
    this.#next = next
    this.#transfers = new Transfers(settings, limits)
    this.#snapshots = new Snapshots(settings, limits)
  }

  async handle(request: Request): Promise<Response> {
    const blocks = readBlocks(request)
    if (blocks === undefined) return error(RESPONSE.badRequest)
    const { block1, block2 } = blocks
    if (block1 === undefined) return this.#handleUnsliced(request, block2)
    const taken = this.#transfers.take(request, block1)
    if ('answer' in taken) return taken.answer
    // What the response is kept for still has the Request-Tag, as the requests that fetch it have.
    const response = await this.#first({ ...request, payload: EMPTY }, taken.whole, block2)
    return withBlock(response, OPTION.block1, { ...block1, hasMore: false })
  }

  async #handleUnsliced(request: Request, block2: Block | undefined): Promise<Response> {
    if (request.payload.length > this.#settings.maxBodyBytes) {
      const size = uintOption(OPTION.size1, this.#settings.maxBodyBytes)
      return { ...error(RESPONSE.requestEntityTooLarge), options: [size] }
    }
    if (block2 === undefined || block2.number === 0) return this.#first(request, request, block2)
    return this.#later(request, block2)
  }

  /** @param asked - The request as it came; by its options the response is found again. */
  async #first(asked: Request, whole: Request, block2: Block | undefined): Promise<Response> {
    const response = await this.#next(withoutBlocks(whole))
    const { notifications } = response
    const first = this.#sliced(asked, response, block2)
    if (notifications === undefined) return first
    return {
      ...first,
      notifications: (listener) => notifications(this.#slicing(listener, asked, block2)),
    }
  }

  /** Of each notification the first block; the others are fetched (RFC 7959 Section 2.6). */
  #slicing(
    listener: NotificationListener,
    asked: Request,
    block2: Block | undefined,
  ): NotificationListener {
    return {
      next: (notification) => listener.next(this.#sliced(asked, notification, block2)),
      end: (cause) => listener.end(cause),
    }
  }

  /** The response, or the first block of it, no larger than asked for. */
  #sliced(asked: Request, response: CoapMessage, block2: Block | undefined): CoapMessage {
    if (optionValue(response, OPTION.block2) !== undefined) return response // sliced by the handler
    const size = this.#settings.blockSizeFor(response)
    const bytes = smaller(block2?.bytes ?? size, size)
    const isWhole =
      block2 === undefined ? this.#settings.isWhole(response) : response.payload.length <= bytes
    if (!isWhole) return this.#snapshots.begin(asked, response, bytes)
    if (block2 === undefined || response.payload.length === 0) return response
    return withBlock(response, OPTION.block2, { number: 0, hasMore: false, bytes })
  }

  /** A GET changes nothing and may be asked again; its entity tag shows what changed meanwhile. */
  async #later(request: Request, wanted: Block): Promise<Response> {
    const kept = this.#snapshots.next(request, wanted)
    if (kept !== undefined) return kept
    const isRepeatable =
      isSafeMethod(request.code) && (request.code === METHOD.GET || request.payload.length > 0)
    if (!isRepeatable) return error(RESPONSE.requestEntityIncomplete)
    const response = await this.#next(withoutBlocks(request, OPTION.observe))
    const { notifications: _, ...message } = response
    if (optionValue(message, OPTION.block2) !== undefined) return message // sliced by the handler
    if (codeClass(message.code) !== 2) {
      // An error in the place of a block has no blocks of its own.
      return this.#settings.isWhole(message) ? message : { ...message, payload: EMPTY }
    }
    const bytes = this.#settings.blockSizeFor(message)
    this.#snapshots.begin(request, message, bytes)
    const later = this.#snapshots.next(request, wanted)
    return later ?? laterBlock(withEtag(message), wanted, bytes)
  }
}

interface Blocks {
  readonly block1: Block | undefined
  readonly block2: Block | undefined
}

/** `undefined` where an option is none, or the two together ask for what cannot be. */
function readBlocks(request: Request): Blocks | undefined {
  try {
    const block1 = readBlock(request, OPTION.block1)
    const block2 = readBlock(request, OPTION.block2)
    const isImpossible = block1 !== undefined && block2 !== undefined && block2.number > 0
    return isImpossible ? undefined : { block1, block2 }
  } catch {
    return undefined
  }
}

/** What blocks are known by is nothing to the handler. */
function withoutBlocks(request: Request, ...others: readonly number[]): Request {
  const numbers = [...OF_BLOCKS, ...others]
  const isPlain = !request.options.some(({ number }) => numbers.includes(number))
  return isPlain ? request : { ...request, options: withoutOptions(request.options, ...numbers) }
}

function withBlock<T extends CoapMessage>(message: T, option: number, block: Block): T {
  const options = [...withoutOptions(message.options, option), blockOption(option, block)]
  return { ...message, options }
}

function tableLimits(options: BlockwiseServerOptions, settings: BlockwiseSettings): TableLimits {
  const limits = {
    maxCount: options.maxTransfers ?? 256,
    maxCountPerRequester: options.maxTransfersPerRequester ?? 64,
    maxBytes: options.maxHeldBytes ?? 16 * settings.maxBodyBytes,
    lifetimeMs: options.transferTimeoutMs ?? DEFAULT_LIFETIME_MS,
  }
  assertCount('maxTransfers', limits.maxCount)
  assertCount('maxTransfersPerRequester', limits.maxCountPerRequester)
  assertCount('maxHeldBytes', limits.maxBytes)
  assertCount('transferTimeoutMs', limits.lifetimeMs)
  return { ...limits, now: options.now ?? (() => performance.now()) }
}

function error(code: number): CoapMessage {
  return { code, options: [], payload: EMPTY }
}
