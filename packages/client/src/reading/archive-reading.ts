// SPDX-License-Identifier: Apache-2.0
/**
 * Reading an archive (`docs/spec/08-receiving.md` Section 8.6). Memory does not grow with it.
 *
 * @module
 */

import { isSealedMessage, readArchive, sealedKid, WaxwingError } from '@waxwing/core'
import type { Message } from '../message.js'
import { NO_PROPERTIES, type Arrival } from './arrival.js'
import {
  assertWantedTime,
  KeptObjects,
  type ArchiveSkip,
  type KeptObjectsInputs,
  type Read,
  type WantedTime,
  type Where,
} from './history/kept-objects.js'
import { KeptSessions } from './history/kept-sessions.js'
import { lookAhead } from './lookahead.js'
import type { Found } from './openings.js'
import type { Wanting } from './wanting.js'

export interface ArchiveReadingOptions extends WantedTime {
  /** Takes the control messages in the archive: `endpoint.receive` makes use of its grants. */
  readonly onControl?: (bytes: Uint8Array) => unknown
}

export interface ArchiveReadingInputs extends KeptObjectsInputs {
  readonly wanting: Wanting
}

const NOWHERE: Where = { address: undefined, properties: NO_PROPERTIES }
const SIGNED_MESSAGE = 0xd2

export class ArchiveReading {
  readonly #wanting: Wanting
  readonly #onControl: ArchiveReadingOptions['onControl']
  readonly #objects: KeptObjects
  /** The kid and epoch for which keys were wanted last. */
  #wanted = ''

  /** @throws {RangeError} If a wanted time is none. */
  constructor(inputs: ArchiveReadingInputs, options: ArchiveReadingOptions) {
    assertWantedTime(options)
    this.#wanting = inputs.wanting
    this.#onControl = options.onControl
    this.#objects = new KeptObjects(inputs, options, new KeptSessions())
  }

  /** @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT` at the first damage, after all before it. */
  async *read(source: AsyncIterable<Uint8Array>): AsyncGenerator<Message | ArchiveSkip, void> {
    for await (const read of lookAhead(this.#archived(source), this.#objects.reach)) {
      const result = await this.#take(read)
      if (result !== undefined) yield result
      yield* this.#objects.takeSkips()
    }
    this.#objects.finish()
    yield* this.#objects.takeSkips()
  }

  async *#archived(source: AsyncIterable<Uint8Array>): AsyncGenerator<Read, void> {
    for await (const { item, offset } of readArchive(source)) {
      yield this.#objects.decode(item, offset, NOWHERE)
    }
  }

  async #take({ item, offset, arrival }: Read): Promise<Message | ArchiveSkip | undefined> {
    if (!(arrival instanceof WaxwingError)) {
      const found = this.#objects.open(arrival)
      if (found.kind === 'no-key') this.#want(arrival, found)
      return await this.#objects.judge(arrival, offset, found)
    }
    const { code } = arrival
    if (!isControl(item)) return { kind: 'skip', offset, reason: 'malformed', code }
    await this.#onControl?.(item)
    return undefined
  }

  /** Asks once for what many objects in a row lack. */
  #want(arrival: Arrival, { generation }: Extract<Found, { kind: 'no-key' }>): void {
    const { kid, object } = arrival
    const { epoch } = object
    const wanted = `${kid}/${epoch}`
    if (wanted === this.#wanted) return
    this.#wanted = wanted
    const address = generation?.stream ?? ''
    this.#wanting.askFor({ kid, epoch, address, generation, andLater: false })
  }
}

/** Tells control messages, signed or sealed, from bytes that are neither object nor message. */
function isControl(item: Uint8Array): boolean {
  if (item[0] === SIGNED_MESSAGE) return true
  if (!isSealedMessage(item)) return false
  try {
    return sealedKid(item).length > 0
  } catch {
    return false
  }
}
