// SPDX-License-Identifier: Apache-2.0
/**
 * Sending what is sealed: one message as one object, or a payload in pieces
 * (`docs/spec/04-objects.md` Section 4.4.1), in constant memory whatever its size.
 *
 * @module
 */

import { toHex, utf8, type Transport } from '@waxwing/core'
import type { Receipt } from '../message.js'
import type { PublishOptions, TransferOptions } from '../options.js'
import { withClearPart } from './clear-part.js'
import { planPieces, SealedPieces, untilReady, type PiecesDeps } from './sealed-pieces.js'
import { sendOptionsOf } from './send-options.js'
import { SendWindow } from './send-window.js'
import type { Plaintext } from './stream-sealer.js'

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

export interface PublishingDeps extends PiecesDeps {
  /** The stream's. */
  readonly name: string
  readonly transport: Transport
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
      await untilReady(this.#deps, tries)
    }
  }

  /** @throws As `Producer.publishFrom`. */
  async publishFrom(
    source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options: TransferOptions,
  ): Promise<TransferReceipt> {
    const plan = planPieces(this.#deps, options, this.#deps.transport.limits.maxPayloadBytes)
    const { id, from, pieceBytes } = plan
    const { size, signal, onProgress } = options
    const transfer = toHex(id)
    const transferred = new SealedPieces(this.#deps, plan)
    const window = new SendWindow(MAX_IN_FLIGHT, (count) => {
      const pieces = from + count
      const taken = Math.min(pieces * pieceBytes, transferred.bytes)
      onProgress?.({ transfer, pieces, bytes: taken, size })
    })
    const stop = (): void => window.fail(signal?.reason)
    signal?.addEventListener('abort', stop)
    const receipts: Receipt[] = []
    const cutter = transferred.cut(source)
    let isAsked = false
    try {
      signal?.throwIfAborted()
      for (;;) {
        isAsked = true
        const next = await window.unlessFailed(cutter.next())
        isAsked = false
        if (next.done === true) break
        transferred.take(next.value)
        await window.room()
        const { sealed, receipt } = await transferred.seal(next.value)
        receipts.splice(1, 1, receipt)
        window.add(this.#send(sealed, options))
      }
      await window.done()
      const [first, last = first] = receipts
      if (first === undefined || last === undefined) throw new TypeError('nothing was cut')
      const { pieces, bytes } = transferred
      return { transfer, pieces, bytes, first, last }
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

  async #send(sealed: Uint8Array | Promise<Uint8Array>, options: PublishOptions): Promise<void> {
    const { transport, name } = this.#deps
    const object = sealed instanceof Promise ? await sealed : sealed
    await transport.send(options.address ?? name, object, sendOptionsOf(options, transport.limits))
  }
}
