// SPDX-License-Identifier: Apache-2.0
/**
 * Archives (`docs/spec/09-bindings.md` Section 9.4) as the sides of a bridge: a file that takes whatever comes, and a
 * file that is poured out.
 *
 * An archive has no addresses. So what is poured out goes to the one address that is given for it, and
 * control messages in it, whose recipients nobody knows any more, stay where they are. What is taken
 * loses its address. Nothing is delivered by a file that takes.
 *
 * @module
 */

import { createReadStream } from 'node:fs'
import {
  isControlAddress,
  MAX_ARCHIVE_ITEM_BYTES,
  readArchive,
  WaxwingError,
  type MessageHandler,
  type Received,
  type Subscription,
  type Transport,
} from '@waxwing/core'
import type { ArchiveFile } from './archive-file.js'
import { foreignness } from './frame.js'

const LIMITS: Transport['limits'] = {
  maxPayloadBytes: MAX_ARCHIVE_ITEM_BYTES,
  binary: true,
  retained: false,
  properties: false,
}
const NO_SUBSCRIPTION: Subscription = { close: () => Promise.resolve() }
/** Items of an archive that are under way at once. */
const WINDOW = 64

/**
 * Makes a file the side that messages go to. A message counts as sent when it would survive the loss of
 * power. The file stays the caller's, who closes it.
 */
export function archiveTarget(file: ArchiveFile): Transport {
  return {
    limits: LIMITS,
    send: async (_address, payload) => {
      if (payload.length > LIMITS.maxPayloadBytes) {
        throw new RangeError(`an item has ${LIMITS.maxPayloadBytes} bytes at most`)
      }
      await file.append(payload)
    },
    subscribe: () => Promise.resolve(NO_SUBSCRIPTION),
    onStatus: () => () => undefined,
    close: () => Promise.resolve(),
  }
}

/** What was poured out of an archive. */
export interface Poured {
  /** Items that were handed over. */
  readonly items: number
  /** Control messages, which were not. */
  readonly control: number
}

/** An archive as the side that messages come from. */
export interface ArchiveSource extends Transport {
  /**
   * Resolves when each item was handled. There is no place to go on from: after a crash it begins anew,
   * and readers tell what they had.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` or `ERR_LIMIT`, with the offset of the damage: all before it
   *   was handed over. Also what the file system says.
   */
  readonly finished: Promise<Poured>
}

/** Makes a file the side that messages come from, as if each of them came to this address. */
export function archiveSource(path: string, address: string): ArchiveSource {
  return new PouringArchive(path, address)
}

class PouringArchive implements ArchiveSource {
  readonly limits: Transport['limits'] = LIMITS
  readonly finished: Promise<Poured>
  readonly #path: string
  readonly #address: string
  readonly #outcome: PromiseWithResolvers<Poured> = Promise.withResolvers<Poured>()
  #isClosed = false

  constructor(path: string, address: string) {
    this.#path = path
    this.#address = address
    this.finished = this.#outcome.promise
    this.finished.catch(() => undefined) // whoever asks is told
  }

  send(): Promise<void> {
    const message = 'an archive that is poured out takes nothing'
    return Promise.reject(new WaxwingError('ERR_UNSUPPORTED', message))
  }

  async subscribe(filter: string, handler: MessageHandler): Promise<Subscription> {
    if (isControlAddress(filter)) return NO_SUBSCRIPTION
    this.#pour(handler).then(this.#outcome.resolve, this.#outcome.reject)
    return { close: () => this.close() }
  }

  onStatus(): () => void {
    return () => undefined
  }

  async close(): Promise<void> {
    this.#isClosed = true
  }

  async #pour(handler: MessageHandler): Promise<Poured> {
    let [items, control] = [0, 0]
    const underWay = new Set<Promise<void>>()
    try {
      for await (const { item } of readArchive(createReadStream(this.#path))) {
        if (this.#isClosed) break
        if (foreignness('control', item) === undefined) {
          control++
          continue
        }
        items++
        const handled = handler(this.#received(item)).finally(() => underWay.delete(handled))
        underWay.add(handled)
        if (underWay.size >= WINDOW) await Promise.race(underWay)
      }
    } finally {
      await Promise.all(underWay)
    }
    return { items, control }
  }

  #received(payload: Uint8Array): Received {
    const acknowledge = (): Promise<void> => Promise.resolve()
    const address = this.#address
    return { address, payload, properties: {}, retained: false, redelivered: false, acknowledge }
  }
}
