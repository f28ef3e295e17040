// SPDX-License-Identifier: Apache-2.0
/**
 * Sending what is sealed: one message as one object, or a payload in pieces
 * (`docs/spec/04-objects.md` Section 4.4.1), in constant memory whatever its size.
 *
 * The invariant of a transfer: a piece's place is its index times the length of pieces, so that it may
 * go on anywhere, and be sent again, by whoever knows its id, that length and how far it came.
 *
 * @module
 */

import {
  MAX_PIECES,
  toHex,
  TRANSFER_ID_BYTES,
  utf8,
  type CryptoProvider,
  type Piece,
  type Transport,
} from '@waxwing/core'
import type { Receipt } from '../message.js'
import type { PublishOptions, TransferOptions } from '../options.js'
import { withClearPart } from './clear-part.js'
import { cut } from './cut.js'
import { sendOptionsOf } from './send-options.js'
import { SendWindow } from './send-window.js'
import { notReady, type Plaintext, type StreamSealer } from './stream-sealer.js'

const MAX_RACES = 16
/** Pieces on their way to the first hop at once. */
const MAX_IN_FLIGHT = 8

/** Where the objects of a transfer stand. */
export interface TransferReceipt {
  /** Names the transfer, in hex. */
  readonly transfer: string
  /** How many pieces the payload has. */
  readonly pieces: number
  /** Bytes of the payload. */
  readonly bytes: number
  /** The first piece that was sent in this run, and the last. */
  readonly first: Receipt
  readonly last: Receipt
}

export interface PublishingDeps {
  /** The stream's. */
  readonly name: string
  readonly crypto: Pick<CryptoProvider, 'randomBytes'>
  readonly transport: Transport
  readonly sealer: StreamSealer
  ready(): Promise<void>
  /** Has noted before long how far the session got. */
  noteSoon(): void
  assertOpen(): void
}

/** A transfer with all that was left open decided. */
interface Plan {
  readonly id: Uint8Array
  readonly from: number
  readonly pieceBytes: number
  readonly options: TransferOptions
}

export class Publishing {
  readonly #deps: PublishingDeps

  constructor(deps: PublishingDeps) {
    this.#deps = deps
  }

  /** @throws As `Producer.publish`. */
  async publish(message: Plaintext, publishOptions: PublishOptions): Promise<Receipt> {
    const { sealer, transport, name } = this.#deps
    this.#deps.assertOpen()
    const options = withClearPart(publishOptions)
    const plaintext = typeof message === 'string' ? utf8(message) : message
    if (!(plaintext instanceof Uint8Array)) throw new TypeError('a message must be bytes or text')
    for (let tries = 0; ; tries++) {
      const { maxPayloadBytes } = transport.limits
      if (sealer.isTooLong(plaintext.length, options, maxPayloadBytes)) {
        return await this.#publishInPieces(plaintext, options)
      }
      const sealed = sealer.sealToSend(plaintext, options)
      if (sealed !== undefined) {
        const receipt = sealer.lastReceipt
        this.#deps.noteSoon()
        const object = sealed instanceof Promise ? await sealed : sealed
        await transport.send(
          options.address ?? name,
          object,
          sendOptionsOf(options, transport.limits),
        )
        return receipt
      }
      await this.#prepare(tries)
    }
  }

  /** @throws As `Producer.publishFrom`. */
  async publishFrom(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: TransferOptions,
  ): Promise<TransferReceipt> {
    const plan = this.#plan(options)
    const { id, from, pieceBytes } = plan
    const { size, signal, onProgress } = options
    const transfer = toHex(id)
    let bytes = from * pieceBytes
    const window = new SendWindow(MAX_IN_FLIGHT, (count) => {
      const pieces = from + count
      const taken = Math.min(pieces * pieceBytes, bytes)
      onProgress?.({ transfer, pieces, bytes: taken, size })
    })
    const stop = (): void => window.fail(signal?.reason)
    signal?.addEventListener('abort', stop)
    const receipts: Receipt[] = []
    const cutter = cut(source, pieceBytes)
    let isAsked = false
    try {
      signal?.throwIfAborted()
      let index = from
      for (;;) {
        isAsked = true
        const next = await window.unlessFailed(cutter.next())
        isAsked = false
        if (next.done === true) break
        const { bytes: plaintext, last } = next.value
        bytes += plaintext.length
        if (index > 0 && plaintext.length === 0) throw new RangeError('source must not be empty')
        assertFits(options.size, bytes, index, last)
        await window.room()
        const { sealed, receipt } = await this.#sealPiece(plan, plaintext, index++, last)
        receipts.splice(1, 1, receipt)
        window.add(this.#send(sealed, options))
      }
      await window.done()
      const [first, last = first] = receipts
      if (first === undefined || last === undefined) throw new TypeError('nothing was cut')
      return { transfer, pieces: index, bytes, first, last }
    } catch (error) {
      window.fail(error)
      const closed = cutter.return()
      // A source that says nothing must not hold up who ends it.
      if (isAsked) closed.catch(() => undefined)
      else await closed
      throw error
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  async #publishInPieces(plaintext: Uint8Array, options: PublishOptions): Promise<Receipt> {
    const size = plaintext.length
    const { first } = await this.publishFrom([plaintext], { ...options, size })
    return first
  }

  #plan(options: TransferOptions): Plan {
    if (options.retained === true) {
      throw new TypeError('retained does not go with pieces: only the last would be kept')
    }
    const { sealer, transport, crypto } = this.#deps
    const { size, transfer } = options
    const id = transfer?.id.slice() ?? crypto.randomBytes(TRANSFER_ID_BYTES)
    if (id.length !== TRANSFER_ID_BYTES) {
      throw new RangeError(`transfer.id must be ${TRANSFER_ID_BYTES} bytes, got ${id.length}`)
    }
    const from = transfer?.from ?? 0
    assertWithin('transfer.from', from, 0, MAX_PIECES - 1)
    if (from > 0 && transfer?.pieceBytes === undefined) {
      throw new TypeError('transfer.pieceBytes must be given where from is above 0')
    }
    const most = sealer.pieceBytesFor(options, transport.limits.maxPayloadBytes)
    const pieceBytes = transfer?.pieceBytes ?? options.pieceBytes ?? most
    assertWithin('pieceBytes', pieceBytes, 1, most)
    if (size !== undefined) assertWithin('size', size, 0, Number.MAX_SAFE_INTEGER)
    if (size !== undefined && size > MAX_PIECES * pieceBytes) throw tooManyPieces()
    return { id, from, pieceBytes, options }
  }

  /** Everything but the bytes is said once, in the first piece; but intermediaries see the clear part. */
  async #sealPiece(
    { id: transfer, options }: Plan,
    plaintext: Uint8Array,
    index: number,
    last: boolean,
  ): Promise<{ sealed: Uint8Array | Promise<Uint8Array>; receipt: Receipt }> {
    const { size, clearPart } = options
    const isFirst = index === 0
    const piece: Piece = { transfer, index, last, ...(isFirst && size !== undefined && { size }) }
    const said = isFirst ? options : clearPart === undefined ? {} : { clearPart }
    const deps = this.#deps
    for (let tries = 0; ; tries++) {
      deps.assertOpen()
      const sealed = deps.sealer.sealToSend(plaintext, said, piece)
      if (sealed !== undefined) {
        deps.noteSoon()
        return { sealed, receipt: deps.sealer.lastReceipt }
      }
      await this.#prepare(tries)
    }
  }

  /** An epoch may end, or another process rotate, before the turn of what is to be sealed comes. */
  async #prepare(tries: number): Promise<void> {
    if (tries === MAX_RACES) throw notReady()
    await this.#deps.ready()
  }

  async #send(sealed: Uint8Array | Promise<Uint8Array>, options: PublishOptions): Promise<void> {
    const { transport, name } = this.#deps
    const object = sealed instanceof Promise ? await sealed : sealed
    await transport.send(options.address ?? name, object, sendOptionsOf(options, transport.limits))
  }
}

/** @throws {RangeError} If the piece cannot be one of what was announced. */
function assertFits(size: number | undefined, bytes: number, index: number, last: boolean): void {
  if (index >= MAX_PIECES) throw tooManyPieces()
  if (size !== undefined && (last ? bytes !== size : bytes >= size)) {
    throw new RangeError(`source must have size bytes in all, ${size}`)
  }
}

function tooManyPieces(): RangeError {
  return new RangeError(`a payload must not have more than ${MAX_PIECES} pieces`)
}

function assertWithin(name: string, value: number, lowest: number, highest: number): void {
  if (Number.isSafeInteger(value) && value >= lowest && value <= highest) return
  throw new RangeError(`${name} must be an integer from ${lowest} to ${highest}, got ${value}`)
}
