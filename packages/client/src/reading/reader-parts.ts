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
import { Turns } from '../turns.js'
import type { ArchiveReadingInputs } from './archive-reading.js'
import { Conclusion } from './conclusion.js'
import { Delivery } from './delivery.js'
import { DirectOpening } from './direct-opening.js'
import { Drain } from './drain.js'
import { Examiner } from './examiner.js'
import type { InFlight } from './seen-session.js'
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
import { RetainedAlone } from './retained-alone.js'
import { StorePauses } from './store-pauses.js'
import { TransferBook } from './transfers/transfer-book.js'
import { TransferRoom } from './transfers/transfer-room.js'
import { Transfers } from './transfers/transfers.js'
import { WholeDelivery } from './transfers/whole-delivery.js'
import { TrailCheck } from './trail-check.js'
import { ArrivalTurns } from './arrival-turns.js'
import { Wanting } from './wanting.js'

interface ReaderDeps {
  readonly runtime: Runtime
  readonly book: GenerationBook
  readonly requests: KeyRequests
}

/** What a reader knows and keeps. */
interface ReaderState {
  readonly options: ReadingOptions
  readonly events: ReaderEvents
  readonly openings: Openings
  readonly seen: SeenBook
  readonly trails: TrailCheck
  readonly retainedAlone: RetainedAlone
  readonly parking: Parking
  readonly denials: ParkedDenials
  readonly permits: Permits
  readonly queue: MessageQueue
  readonly order: OrderBuffer | undefined
  readonly delivery: Delivery
  readonly wanting: Wanting
  readonly transfers: Transfers
}

export interface ReaderParts extends ReaderState {
  readonly pauses: StorePauses
  readonly drain: Drain
  readonly turns: ArrivalTurns
  readonly receiver: Receiver
  readonly direct: DirectOpening
  readonly archiveInputs: ArchiveReadingInputs
}

/** Puts a reader together; nothing is loaded or subscribed yet. */
export function assembleReader(
  deps: ReaderDeps,
  filter: string,
  readerOptions: ReaderOptions,
): ReaderParts {
  const { runtime, book } = deps
  const state = makeState(deps, readingOptions(runtime.crypto, filter, readerOptions))
  const { openings, parking, delivery } = state
  const conclusion = new Conclusion(state)
  const settle: Delivery['settle'] = (entry, rejectedFor) => delivery.settle(entry, rejectedFor)
  const examiner = new Examiner({ ...state, runtime, book, settle })
  const lanes = new KidLanes()
  const pauses = new StorePauses(runtime, lanes)
  const shared = { ...state, runtime, book, conclusion, examiner, lanes, pauses }
  const drain = new Drain(shared)
  const turns = new ArrivalTurns({ ...shared, drain })
  const receiver = new Receiver({ ...shared, turns })
  const direct = new DirectOpening({ ...shared, kidOf: (object) => receiver.kidOf(object) })
  openings.onProven = (kid) => {
    if (parking.hasIn('failed', kid)) drain.start(kid)
  }
  parking.onRoom = (kid, pool) => turns.tryHeld(kid, pool)
  return { ...state, pauses, drain, turns, receiver, direct, archiveInputs: shared }
}

function makeState({ runtime, book, requests }: ReaderDeps, options: ReadingOptions): ReaderState {
  const { store } = runtime
  const events = new ReaderEvents(runtime)
  const openings = new Openings(book, options.pattern, events)
  const seen = new SeenBook(store, options.key)
  const retainedAlone = new RetainedAlone()
  const trails = new TrailCheck({ store, readerKey: options.key, seen, events, retainedAlone })
  const parking = new Parking(runtime, events, options)
  const mayOpen: Openings['mayOpen'] = (kid, epoch) => openings.mayOpen(kid, epoch)
  const denials = new ParkedDenials({ runtime, readerKey: options.key, parking, mayOpen })
  const permits = new Permits(options.maxInFlight)
  const queue = new MessageQueue()
  const release = (entry: InFlight): void => queue.push(entry)
  const inOrder = options.order === 'session'
  const order = inOrder ? new OrderBuffer(runtime, options.holdMs, release) : undefined
  const report = (error: unknown): void => runtime.report(error)
  const delivery = new Delivery({ store, parking, openings, permits, report })
  const wanting = new Wanting(requests, options)
  const kept = { events, openings, seen, trails, retainedAlone, parking, denials }
  const state = { options, ...kept, permits, queue, order, delivery, wanting }
  return { ...state, transfers: makeTransfers(runtime, state) }
}

function makeTransfers(runtime: Runtime, state: Omit<ReaderState, 'transfers'>): Transfers {
  const { store } = runtime
  const book = new TransferBook(store, state.options.key, (error) => runtime.report(error))
  const shared = { ...state, runtime, store, book }
  const turns = new Turns()
  const room = new TransferRoom(shared, turns)
  return new Transfers({ ...shared, room, whole: new WholeDelivery(shared) }, turns)
}
