// SPDX-License-Identifier: Apache-2.0
/**
 * What was heard and sent, kept for a while (`docs/spec/09-bindings.md` Section 9.11.7): parts that are
 * only added to, of which the oldest goes. A reader is given pages, and an end that was fixed when it
 * began.
 *
 * It knows nothing of what it keeps. Items are copies, and are not changed.
 *
 * @module
 */

import { filterMatcher, LONGEST_MS } from '@waxwing/transport-kit'
import { type Inquiry, type Item, MAX_PAGE_ITEMS, type Page } from '../inquiry.js'
import type { RecordOptions } from '../options.js'
import { encodeItem, type Segment } from './segment.js'
import { FolderShelf, MemoryShelf, type Shelf } from './shelf.js'

export interface RecordTerms {
  readonly options: RecordOptions
  readonly report: (error: unknown) => void
  /** The time of day, in milliseconds since 1970. For tests. */
  readonly now?: () => number
  /** A clock that is never set, in milliseconds. For tests. */
  readonly elapsed?: () => number
}

const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
const DEFAULT_MAX_AGE_SECONDS = 604_800
const MIN_SEGMENT_BYTES = 16_384
const MAX_SEGMENT_BYTES = 262_144
const PAGE_BYTES = 48_000
/** Parts that are looked through for one page. */
const PAGE_SEGMENTS = 8
/** How far clocks that were compared over the network may be apart still. */
const SLACK_MS = 1_000
/** How often it is looked at what is too old. */
const AGE_CHECK_MS = 600_000
/** The time of day is believed where it went on like this between two such looks. */
const STEADY_MS = 60_000
/** After what could not be written. */
const REST_MS = 1_000
const CURSOR = /^(\d{1,12})\.(\d{1,9})\.(\d{1,12})\.(\d{1,9})$/

/** An item by its part, and its place there. */
interface Place {
  readonly segment: number
  readonly index: number
}

export class MessageRecord {
  readonly #shelf: Shelf
  readonly #now: () => number
  readonly #elapsed: () => number
  readonly #ageCheck: ReturnType<typeof setInterval>
  /** What time it was at the last look at what is too old, by either clock. */
  #lookedAt: { readonly now: number; readonly elapsed: number }
  readonly #maxBytes: number
  readonly #maxAgeMs: number
  readonly #segmentBytes: number
  readonly #report: (error: unknown) => void
  #segments: Segment[]
  #bytes: number
  #nextNumber: number
  #isOpenSegment = false
  #restUntil = 0
  /** The part that was read last and is added to no more. */
  #cached: { readonly segment: Segment; readonly items: readonly Item[] } | undefined

  private constructor(shelf: Shelf, { options, report, ...clocks }: RecordTerms) {
    const { now = Date.now, elapsed = () => performance.now() } = clocks
    this.#shelf = shelf
    this.#now = now
    this.#elapsed = elapsed
    this.#lookedAt = { now: now(), elapsed: elapsed() }
    this.#report = report
    this.#maxBytes = options.maxBytes ?? DEFAULT_MAX_BYTES
    this.#maxAgeMs = 1_000 * (options.maxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS)
    const share = Math.floor(this.#maxBytes / 16)
    this.#segmentBytes = Math.min(MAX_SEGMENT_BYTES, Math.max(MIN_SEGMENT_BYTES, share))
    this.#segments = [...shelf.segments]
    this.#bytes = this.#segments.reduce((sum, { bytes }) => sum + bytes, 0)
    this.#nextNumber = (this.#segments.at(-1)?.number ?? 0) + 1
    shelf.onBroken((segment, bytes) => this.#broken(segment, bytes))
    const checkMs = Math.min(AGE_CHECK_MS, this.#maxAgeMs, LONGEST_MS)
    this.#ageCheck = setInterval(() => this.expire(), checkMs).unref()
  }

  /** @throws {WaxwingError} `ERR_TRANSPORT` if the folder cannot be used. */
  static async open(terms: RecordTerms): Promise<MessageRecord> {
    const { folder } = terms.options
    const shelf =
      folder === undefined ? new MemoryShelf() : await FolderShelf.open(folder, terms.report)
    return new MessageRecord(shelf, terms)
  }

  /** What it takes, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** Keeps a message. What cannot be written is reported. */
  add(address: string, payload: Uint8Array): void {
    if (!this.#isOpenSegment && performance.now() < this.#restUntil) return
    const item = { time: this.#now(), address, payload }
    const encoded = encodeItem(item)
    const segment = this.#segmentFor(encoded.length)
    if (!this.#shelf.add(encoded)) return
    segment.bytes += encoded.length
    this.#bytes += encoded.length
    widen(segment, item.time)
    this.#drop()
  }

  /** Whether there may be something for this inquiry. Looks at no message. */
  mayHave(inquiry: Inquiry): boolean {
    const span = this.#spanOf(inquiry)
    return this.#segments.some((segment) => !isOutside(segment, span))
  }

  /**
   * Some of what matches, oldest first. It may be nothing, with a cursor to go on.
   *
   * @throws {WaxwingError} Never for what the inquiry says: a cursor that is none begins anew.
   */
  async page(inquiry: Inquiry): Promise<RecordPage> {
    const now = this.#now()
    const { place, end } = await this.#placesOf(inquiry.cursor)
    const gathering = new Gathering(inquiry.filter, this.#spanOf(inquiry))
    let next: Place | undefined = place
    for (let looked = 0; next !== undefined && looked < PAGE_SEGMENTS; looked++) {
      next = await this.#gather(gathering, next, end)
      if (gathering.isFull) break
    }
    const cursor = next && `${next.segment}.${next.index}.${end.segment}.${end.index}`
    return { cursor, now, items: gathering.items, readBytes: gathering.readBytes }
  }

  /**
   * Lets go what is too old. A clock that was set since the last look is not believed yet: what is gone
   * does not come back when it is set right.
   */
  expire(): void {
    const before = this.#lookedAt
    this.#lookedAt = { now: this.#now(), elapsed: this.#elapsed() }
    const { now, elapsed } = this.#lookedAt
    if (Math.abs(now - before.now - (elapsed - before.elapsed)) > STEADY_MS) return
    const oldestTime = now - this.#maxAgeMs
    const isOld = ({ times, changedAt = Infinity }: Segment): boolean =>
      (times?.last ?? changedAt) < oldestTime
    if (this.#segments.slice(-1).some(isOld)) this.#isOpenSegment = false
    for (const segment of this.#segments.filter(isOld)) this.#forget(segment)
  }

  async close(): Promise<void> {
    clearInterval(this.#ageCheck)
    await this.#shelf.close()
  }

  /** @returns Where to go on; `undefined` at the end. */
  async #gather(gathering: Gathering, place: Place, end: Place): Promise<Place | undefined> {
    const at = this.#segments.findIndex(({ number }) => number >= place.segment)
    const segment = this.#segments[at]
    if (segment === undefined || segment.number > end.segment) return undefined
    const isLast = segment.number === end.segment
    const following = this.#segments[at + 1]
    const after =
      isLast || following === undefined ? undefined : { segment: following.number, index: 0 }
    if (isOutside(segment, gathering.span)) return after
    if (this.#cached?.segment !== segment) gathering.readBytes += segment.bytes
    const items = await this.#itemsOf(segment)
    const limit = isLast ? Math.min(end.index, items.length) : items.length
    let index = segment.number === place.segment ? place.index : 0
    for (; index < limit; index++) {
      if (gathering.isFull) return { segment: segment.number, index }
      gathering.offer(items[index]!)
    }
    return after
  }

  async #placesOf(cursor: string | undefined): Promise<{ place: Place; end: Place }> {
    const [, segment, index, endSegment, endIndex] = CURSOR.exec(cursor ?? '') ?? []
    if (endIndex !== undefined) {
      return {
        place: { segment: Number(segment), index: Number(index) },
        end: { segment: Number(endSegment), index: Number(endIndex) },
      }
    }
    const last = this.#segments.at(-1)
    const count = last === undefined ? 0 : (await this.#itemsOf(last)).length
    return {
      place: { segment: 0, index: 0 },
      end: { segment: last?.number ?? 0, index: count },
    }
  }

  async #itemsOf(segment: Segment): Promise<readonly Item[]> {
    if (this.#cached?.segment === segment) return this.#cached.items
    const isGrowing = this.#isOpenSegment && segment === this.#segments.at(-1)
    if (isGrowing) await this.#shelf.settled()
    let items: readonly Item[] = []
    try {
      items = await segment.items()
    } catch (error) {
      this.#report(error) // it was taken away, by us or by somebody else
    }
    if (isGrowing) return items
    segment.times ??= timesOf(items)
    this.#cached = { segment, items }
    return items
  }

  /** Items that are too old count as gone, though their part is still there. */
  #spanOf({ from = 0, until = Number.MAX_SAFE_INTEGER, now }: Inquiry): Span {
    const offset = this.#now() - now
    const oldest = this.#now() - this.#maxAgeMs
    return {
      from: Math.max(oldest, from + offset - SLACK_MS),
      until: until + offset + SLACK_MS,
    }
  }

  #segmentFor(bytes: number): Segment {
    const last = this.#segments.at(-1)
    if (this.#isOpenSegment && last !== undefined && last.bytes + bytes <= this.#segmentBytes) {
      return last
    }
    const segment = this.#shelf.begin(this.#nextNumber++)
    this.#segments.push(segment)
    this.#isOpenSegment = true
    return segment
  }

  #drop(): void {
    while (this.#segments.length > 1 && this.#bytes > this.#maxBytes) {
      this.#forget(this.#segments[0]!)
    }
  }

  #forget(segment: Segment): void {
    this.#segments = this.#segments.filter((other) => other !== segment)
    this.#bytes -= segment.bytes
    this.#shelf.remove(segment)
  }

  /** A part that nothing could be written to is none: a disk is full for longer than there are numbers. */
  #broken(segment: Segment, bytes: number): void {
    this.#isOpenSegment = false
    this.#restUntil = performance.now() + REST_MS
    if (!this.#segments.includes(segment)) return
    this.#bytes += bytes - segment.bytes
    segment.bytes = bytes
    if (bytes === 0) this.#segments = this.#segments.filter((other) => other !== segment)
  }
}

interface Span {
  readonly from: number
  readonly until: number
}

/** A page, and what it cost. */
export interface RecordPage extends Page {
  /** So much was read and decoded for it. */
  readonly readBytes: number
}

/** One page while it grows. */
class Gathering {
  readonly span: Span
  readonly items: Item[] = []
  readBytes = 0
  readonly #matches: (address: string) => boolean
  #bytes = 0

  constructor(filter: string, span: Span) {
    this.span = span
    this.#matches = filterMatcher(filter)
  }

  get isFull(): boolean {
    return this.#bytes >= PAGE_BYTES || this.items.length >= MAX_PAGE_ITEMS
  }

  offer(item: Item): void {
    const { from, until } = this.span
    if (item.time < from || item.time > until || !this.#matches(item.address)) return
    this.items.push(item)
    this.#bytes += item.payload.length + item.address.length
  }
}

function isOutside({ times }: Segment, { from, until }: Span): boolean {
  return times !== undefined && (times.last < from || times.first > until)
}

function widen(segment: Segment, time: number): void {
  const { first, last } = segment.times ?? { first: time, last: time }
  segment.times = { first: Math.min(first, time), last: Math.max(last, time) }
}

/** The clock may have been put back meanwhile. */
function timesOf(items: readonly Item[]): Segment['times'] {
  if (items.length === 0) return { first: Infinity, last: -Infinity }
  const times = items.map(({ time }) => time)
  return { first: Math.min(...times), last: Math.max(...times) }
}
