// SPDX-License-Identifier: Apache-2.0
/**
 * What a reader is made of, and how the parts are put together.
 *
 * @module
 */

import type { GenerationBook } from '../generation-book.js'
import type { KeyRequests } from '../key-requests.js'
import type { ReaderOptions } from '../options.js'
import type { Runtime } from '../runtime.js'
import type { ArchiveReadingInputs } from './archive-reading.js'
import { Conclusion } from './conclusion.js'
import { Delivery } from './delivery.js'
import { DirectOpening } from './direct-opening.js'
import { Drain } from './drain.js'
import { Examiner } from './examiner.js'
import { KidLanes } from './kid-lanes.js'
import { MessageQueue } from './message-queue.js'
import { Openings } from './openings.js'
import { OrderBuffer } from './order-buffer.js'
import { ParkedDenials } from './parked-denials.js'
import { Parking } from './parking.js'
import { Permits } from './permits.js'
import { ReaderEvents } from './reader-events.js'
import { readingOptions, type ReadingOptions } from './reading-options.js'
import { Receiver } from './receiver.js'
import { SeenBook } from './seen-book.js'
import { Wanting } from './wanting.js'

export interface ReaderParts {
  readonly options: ReadingOptions
  readonly events: ReaderEvents
  readonly openings: Openings
  readonly seen: SeenBook
  readonly parking: Parking
  readonly denials: ParkedDenials
  readonly permits: Permits
  readonly queue: MessageQueue
  readonly order: OrderBuffer | undefined
  readonly delivery: Delivery
  readonly wanting: Wanting
  readonly drain: Drain
  readonly receiver: Receiver
  readonly direct: DirectOpening
  readonly archiveInputs: ArchiveReadingInputs
}

export function assembleReader(
  deps: {
    readonly runtime: Runtime
    readonly book: GenerationBook
    readonly requests: KeyRequests
  },
  filter: string,
  readerOptions: ReaderOptions,
): ReaderParts {
  const { runtime, book, requests } = deps
  const { store } = runtime
  const options = readingOptions(runtime.crypto, filter, readerOptions)
  const events = new ReaderEvents(runtime)
  const openings = new Openings(book, options.pattern, events)
  const seen = new SeenBook(store, options.key)
  const parking = new Parking(runtime, events, options)
  const denials = new ParkedDenials(runtime, options.key, parking)
  const permits = new Permits(options.maxInFlight)
  const queue = new MessageQueue()
  const order =
    options.order === 'session'
      ? new OrderBuffer(runtime, options.holdMs, (entry) => queue.push(entry))
      : undefined
  const report = (error: unknown): void => runtime.report(error)
  const delivery = new Delivery({ store, parking, openings, permits, queue, report })
  const conclusion = new Conclusion({ delivery, queue, order, parking, events })
  const wanting = new Wanting(requests, options)
  const lanes = new KidLanes()
  const examiner = new Examiner({
    runtime,
    book,
    openings,
    seen,
    events,
    options,
    settle: (entry) => delivery.settle(entry),
  })
  const shared = {
    runtime,
    openings,
    examiner,
    conclusion,
    parking,
    permits,
    lanes,
    wanting,
    events,
  }
  const drain = new Drain({ ...shared, book })
  const drainFirst = (kid: string): void => drain.startIfDue(kid)
  const receiver = new Receiver({ ...shared, options, delivery, queue, drainFirst })
  const kidOf: Receiver['kidOf'] = (object) => receiver.kidOf(object)
  const direct = new DirectOpening({ ...shared, delivery, kidOf })
  openings.onProven = (kid) => {
    if (parking.hasIn('failed', kid)) drain.start(kid)
  }
  parking.onRoom = (kid, pool) => receiver.tryHeld(kid, pool)
  const archiveInputs = { runtime, options, openings, seen, wanting }
  return {
    options,
    events,
    openings,
    seen,
    parking,
    denials,
    permits,
    queue,
    order,
    delivery,
    wanting,
    drain,
    receiver,
    direct,
    archiveInputs,
  }
}
