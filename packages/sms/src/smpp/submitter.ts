// SPDX-License-Identifier: Apache-2.0
/**
 * What is sent over one connection after another: so many submit_sm at once, not faster than agreed, and a
 * pause where the centre asks for one (`docs/spec/09-bindings.md` Section 9.10.3).
 *
 * A job is one message: one or more segments. It is done when the centre has taken them all, or has refused
 * one. What a broken connection leaves undone is forgotten here: `SendQueue` begins it again, and of it only
 * those segments are sent that the centre has not taken. Control messages go before data, also before data
 * that have begun (Section 9.1).
 *
 * @module
 */

import { Pauses, transportError } from '@waxwing/transport-kit'
import { decodeSubmitResponse, type Pdu } from './pdu.js'
import type { Session } from './session.js'
import { COMMAND, STATUS, statusText } from './smpp.js'

export interface SubmitterTerms {
  readonly maxInFlight: number
  /** 0: as fast as the centre takes them. */
  readonly messagesPerSecond: number
  /** The first pause when the centre is too busy; each further one doubles. */
  readonly throttleMinMs: number
  readonly throttleMaxMs: number
  readonly report: (error: unknown) => void
}

/** One message on its way. */
export interface Job {
  /** Bodies of submit_sm. */
  readonly segments: readonly Uint8Array[]
  readonly isControl: boolean
  /** Which of them the centre has taken, over this connection or an earlier one. Filled here. */
  readonly taken: Set<number>
  /** Called once, unless the connection breaks before. */
  readonly done: (error?: unknown) => void
  /** The centre took a segment, and gave it this id. */
  readonly onTaken: (messageId: string) => void
}

interface Running {
  readonly job: Job
  next: number
  isOver: boolean
}

interface Segment {
  readonly running: Running
  readonly index: number
  readonly body: Uint8Array
  attempts: number
}

/** What waits of one kind. */
interface Line {
  jobs: Running[]
  /** Segments that were tried already. */
  again: Segment[]
}

/** A segment that fails for a reason of the moment is tried so often. */
const MAX_ATTEMPTS = 5

export class Submitter {
  readonly #terms: SubmitterTerms
  readonly #pauses: Pauses
  #session: Session | undefined
  #control: Line = { jobs: [], again: [] }
  #data: Line = { jobs: [], again: [] }
  #inFlight = 0
  #isThrottled = false
  /** No segment is sent before this one fires. */
  #timer: ReturnType<typeof setTimeout> | undefined
  #nextAtMs = 0

  constructor(terms: SubmitterTerms) {
    this.#terms = terms
    this.#pauses = new Pauses(terms.throttleMinMs, terms.throttleMaxMs)
  }

  attach(session: Session): void {
    this.#session = session
  }

  /** The connection is gone, with all that was under way. */
  detach(): void {
    this.#session = undefined
    this.#control = { jobs: [], again: [] }
    this.#data = { jobs: [], again: [] }
    this.#inFlight = 0
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  push(job: Job): void {
    this.#lineOf(job).jobs.push({ job, next: 0, isOver: false })
    this.#pump()
  }

  #pump(): void {
    // One at a time finds out whether the centre has time again.
    const window = this.#isThrottled ? 1 : this.#terms.maxInFlight
    while (this.#timer === undefined && this.#inFlight < window) {
      const session = this.#session
      if (session === undefined || this.#mustWait()) return
      const segment = this.#nextSegment()
      if (segment === undefined) return
      void this.#submit(session, segment)
    }
  }

  /** Keeps the rate. */
  #mustWait(): boolean {
    const { messagesPerSecond } = this.#terms
    if (messagesPerSecond === 0) return false
    const nowMs = performance.now()
    if (nowMs < this.#nextAtMs) {
      const isWanted = [this.#control, this.#data].some(
        ({ jobs, again }) => jobs.length > 0 || again.length > 0,
      )
      if (isWanted) this.#waitFor(this.#nextAtMs - nowMs)
      return true
    }
    return false
  }

  #lineOf({ isControl }: Job): Line {
    return isControl ? this.#control : this.#data
  }

  #nextSegment(): Segment | undefined {
    return nextOf(this.#control) ?? nextOf(this.#data)
  }

  async #submit(session: Session, segment: Segment): Promise<void> {
    const { messagesPerSecond } = this.#terms
    this.#inFlight++
    if (messagesPerSecond > 0) this.#nextAtMs = performance.now() + 1_000 / messagesPerSecond
    let answer: Pdu
    try {
      answer = await session.request(COMMAND.submitSm, segment.body)
    } catch {
      return // the connection is gone: all of it is sent again
    }
    if (session !== this.#session) return
    this.#inFlight--
    this.#answered(segment, answer)
    this.#pump()
  }

  #answered(segment: Segment, { status, body }: Pdu): void {
    if (status === STATUS.throttled || status === STATUS.queueFull) {
      this.#throttled(segment, status)
      return
    }
    const isOfTheMoment = status === STATUS.temporaryReceiverError || status === STATUS.systemError
    if (isOfTheMoment && ++segment.attempts < MAX_ATTEMPTS) {
      this.#tryAgain(segment)
      this.#waitFor(this.#pauses.next())
      return
    }
    this.#isThrottled = false
    this.#pauses.reset()
    if (status === STATUS.ok) this.#taken(segment, body)
    else this.#refused(segment.running, status)
  }

  #taken({ running, index }: Segment, body: Uint8Array): void {
    const { job } = running
    job.taken.add(index)
    try {
      job.onTaken(decodeSubmitResponse(body))
    } catch (error) {
      this.#terms.report(error) // it was taken; only its receipt will not be recognized
    }
    if (job.taken.size < job.segments.length || running.isOver) return
    running.isOver = true
    job.done()
  }

  #refused(running: Running, status: number): void {
    if (running.isOver) return
    running.isOver = true
    const line = this.#lineOf(running.job)
    line.again = line.again.filter((segment) => segment.running !== running)
    running.job.done(transportError(`the centre refuses a message: ${statusText(status)}`))
  }

  /** Of a message that was refused nothing more is sent: each segment costs. */
  #tryAgain(segment: Segment): void {
    const { running } = segment
    if (!running.isOver) this.#lineOf(running.job).again.push(segment)
  }

  #throttled(segment: Segment, status: number): void {
    this.#tryAgain(segment)
    if (!this.#isThrottled) {
      const what = `the centre is too busy, ${statusText(status)}: sending slows down`
      this.#terms.report(transportError(what))
    }
    this.#isThrottled = true
    if (this.#timer === undefined) this.#waitFor(this.#pauses.next())
  }

  #waitFor(pauseMs: number): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      this.#pump()
    }, pauseMs)
  }
}

/** What was tried already first, then the next segment of the first message that has one. */
function nextOf(line: Line): Segment | undefined {
  const again = line.again.shift()
  if (again !== undefined) return again
  for (;;) {
    const running = line.jobs[0]
    if (running === undefined) return undefined
    const { segments, taken } = running.job
    while (taken.has(running.next)) running.next++
    const index = running.next++
    const body = segments[index]
    if (body !== undefined && !running.isOver) return { running, index, body, attempts: 0 }
    line.jobs.shift()
  }
}
