// SPDX-License-Identifier: Apache-2.0
/**
 * Archives (`docs/spec/09-bindings.md` Section 9.4): objects and control messages, one after the
 * other, as a CBOR Sequence (RFC 8742), in files named `.wax`. Two archives can be joined by
 * appending.
 *
 * Nothing is decoded here and nothing verified: an archive holds what a transport would carry. It
 * is read as it comes, in time proportional to its length and in the memory of its largest item.
 * There is no mark from which to go on behind damage, so the first damage ends it; the error says
 * where, and all before that is good.
 *
 * @module
 */

import { itemEnd } from '../cbor/item-end.js'
import { malformed, WaxwingError } from '../errors.js'
import { ItemScanner } from './item-scanner.js'

/** The default limit on one item, 64 MiB. */
export const MAX_ARCHIVE_ITEM_BYTES: number = 64 * 1024 * 1024

export interface ArchiveOptions {
  /** The longest item, in bytes. Default 64 MiB. */
  readonly maxItemBytes?: number
}

export interface ArchiveItem {
  /** The bytes of one object or control message, owned by the receiver. Untrusted. */
  readonly item: Uint8Array
  /** Where the item begins, in bytes from the archive's start. */
  readonly offset: number
}

/**
 * Splits an archive into items. Push the bytes in pieces of any size, then call {@link end}.
 *
 * The offset in every error is that of the item at fault: an archive cut there is whole.
 */
export class ArchiveReader {
  readonly #scanner: ItemScanner
  /** The beginning of an item whose end has not come, in `#pendingBytes` bytes. */
  #pending: Uint8Array = new Uint8Array()
  #pendingBytes = 0
  #itemOffset = 0
  #failure: WaxwingError | undefined

  /** @throws {RangeError} If the limit is not a positive integer. */
  constructor(options: ArchiveOptions = {}) {
    const { maxItemBytes = MAX_ARCHIVE_ITEM_BYTES } = options
    if (!Number.isSafeInteger(maxItemBytes) || maxItemBytes < 1) {
      throw new RangeError(`maxItemBytes must be a positive integer, got ${maxItemBytes}`)
    }
    this.#scanner = new ItemScanner(maxItemBytes)
  }

  /** Where the first item begins that was not given out yet, in bytes from the start. */
  get offset(): number {
    return this.#itemOffset
  }

  /**
   * Takes the next piece of the archive and gives the items that end in it, as copies.
   *
   * Damage behind whole items is thrown by the next call, so that the items are not lost.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` at bytes that are no item, `ERR_LIMIT` at an item that
   *   is too long or too deep; from then on at every call.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    if (this.#failure !== undefined) throw this.#failure
    const items: Uint8Array[] = []
    try {
      this.#split(chunk, items)
    } catch (error) {
      if (!(error instanceof WaxwingError)) throw error
      this.#failure = this.#located(error)
      this.#pending = new Uint8Array()
      if (items.length === 0) throw this.#failure
    }
    return items
  }

  /**
   * Says that nothing more comes.
   *
   * @throws {WaxwingError} `ERR_MALFORMED` if the archive is cut short in an item, or what `push`
   *   has still to say.
   */
  end(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#scanner.isBetweenItems) return
    const offset = this.#itemOffset
    const message = `archive: cut short in the item at byte ${offset}`
    throw new WaxwingError('ERR_MALFORMED', message, { field: 'end', offset })
  }

  #split(chunk: Uint8Array, items: Uint8Array[]): void {
    let start = 0
    while (start < chunk.length) {
      const end = this.#scanner.scan(chunk, start)
      const bytes = chunk.subarray(start, end)
      if (end === undefined) return this.#append(bytes)
      const item = this.#complete(bytes)
      items.push(item)
      this.#itemOffset += item.length
      start = end
    }
  }

  #complete(bytes: Uint8Array): Uint8Array {
    if (this.#pendingBytes === 0) return bytes.slice()
    this.#append(bytes)
    const item = this.#pending.slice(0, this.#pendingBytes)
    this.#pendingBytes = 0
    return item
  }

  /** Room grows with what came, not with what a head claims; doubling keeps copying linear. */
  #append(bytes: Uint8Array): void {
    const length = this.#pendingBytes + bytes.length
    if (length > this.#pending.length) {
      const grown = new Uint8Array(Math.max(length, 2 * this.#pendingBytes))
      grown.set(this.#pending.subarray(0, this.#pendingBytes))
      this.#pending = grown
    }
    this.#pending.set(bytes, this.#pendingBytes)
    this.#pendingBytes = length
  }

  #located(error: WaxwingError): WaxwingError {
    const offset = this.#itemOffset
    const message = `archive: item at byte ${offset}: ${error.message}`
    return new WaxwingError(error.code, message, { ...error.details, offset }, { cause: error })
  }
}

/**
 * Reads an archive item by item.
 *
 * @param source - Pieces of any size, as file streams and message bodies give them.
 * @throws {WaxwingError} As {@link ArchiveReader}, after all whole items were given out.
 */
export async function* readArchive(
  source: AsyncIterable<Uint8Array>,
  options: ArchiveOptions = {},
): AsyncGenerator<ArchiveItem, void, undefined> {
  const reader = new ArchiveReader(options)
  let offset = 0
  for await (const chunk of source) {
    for (const item of reader.push(chunk)) {
      yield { item, offset }
      offset += item.length
    }
  }
  reader.end()
}

/**
 * Checks what is to be appended to an archive: exactly one item. It goes in unchanged.
 *
 * @param item - The COSE form: an object in compact form is no CBOR and has to be mapped before.
 * @returns `item` itself.
 * @throws {WaxwingError} `ERR_MALFORMED` if it is no item, a part of one or more than one;
 *   `ERR_LIMIT` if it is too long or too deep.
 */
export function encodeArchiveItem(item: Uint8Array, options: ArchiveOptions = {}): Uint8Array {
  const { maxItemBytes = MAX_ARCHIVE_ITEM_BYTES } = options
  const end = itemEnd(item, 0, { maxBytes: maxItemBytes })
  if (end === undefined) throw malformed('archive item', 'end')
  if (end !== item.length) throw malformed('archive item', 'trailing bytes')
  return item
}
