// SPDX-License-Identifier: Apache-2.0
/**
 * An observation that lasts: registered again when the server fell silent or forgot it (RFC 7641 Section
 * 3.3.1).
 *
 * Invariant: while the application works on one state, at most one newer state is kept. A state is
 * acknowledged to the server when the application asks for the next one.
 *
 * @module
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { equalBytes, WaxwingError } from '@waxwing/core'
import { type CoapMessage, optionValue } from '@waxwing/oscore'
import { codeClass } from '../codes.js'
import { CoapResponse } from './coap-response.js'
import type { Response } from '../handler.js'
import { Mailbox, type Taken } from './mailbox.js'
import { OPTION } from '../options.js'
import { understood } from './understood.js'

/** When an observation is registered again. */
export interface ObservationTimes {
  /** How long after Max-Age a server counts as silent. Default 10,000. */
  readonly silenceMs: number
  /** The first pause after a registration that failed; each further one doubles. Default 1,000. */
  readonly retryMinMs: number
  /** The longest pause. Default 60,000. */
  readonly retryMaxMs: number
}

/** What an observation is made of. */
export interface ObservationInput {
  /** Registers: a request with Observe 0. */
  readonly register: (signal: AbortSignal) => Promise<Response>
  readonly signal: AbortSignal
  readonly times: ObservationTimes
  /** Told why the observation has to be registered again. */
  readonly onInterruption: (error: unknown) => void
}

const MAX_TIMER_MS = 2 ** 31 - 1

/** Yields states until the server ends the observation, or the signal is aborted, which throws. */
export async function* observation(
  input: ObservationInput,
): AsyncGenerator<CoapResponse, void, undefined> {
  const observed = new Observed(input)
  try {
    while (await observed.register()) {
      for (let taken = observed.first; taken !== undefined; taken = await observed.next()) {
        if (taken.isNews) yield understood(taken.message)
        taken.done()
      }
    }
  } finally {
    observed.close()
  }
}

interface State extends Taken {
  /** Not where a server that was asked again says the same. */
  readonly isNews: boolean
}

/** The registrations of one observation, one after the other. */
class Observed {
  readonly #input: ObservationInput
  #registration = new AbortController()
  #mailbox: Mailbox | undefined
  #last: CoapMessage | undefined
  #freshUntilMs = 0
  #registeredAtMs = 0
  #isOver = false
  first: State | undefined

  constructor(input: ObservationInput) {
    this.#input = input
  }

  /** @returns `false` when the server has ended the observation. */
  async register(): Promise<boolean> {
    if (this.#isOver) return false
    const isFirst = this.#last === undefined
    if (!isFirst)
      await this.#pause(this.#registeredAtMs + this.#input.times.retryMinMs - performance.now())
    for (let pauseMs = this.#input.times.retryMinMs; ; pauseMs *= 2) {
      this.#registration.abort()
      this.#registration = new AbortController()
      try {
        const response = await this.#ask()
        if (isFirst || codeClass(response.code) !== 5) return this.#registered(response)
        this.#input.onInterruption(serverError(response))
      } catch (error) {
        this.#throwIfOver(error)
        if (isFirst) throw error
        this.#input.onInterruption(error)
      }
      await this.#pause(pauseMs)
    }
  }

  /** The next state; `undefined` if there is none in this registration. */
  async next(): Promise<State | undefined> {
    if (this.#isOver || this.#mailbox === undefined) return undefined
    const restMs = Math.max(0, this.#freshUntilMs - performance.now())
    const taken = await this.#mailbox.take(Math.min(restMs, MAX_TIMER_MS), this.#input.signal)
    if ('message' in taken) return { ...this.#state(taken), isNews: true }
    if (taken.isSilent) {
      this.#input.onInterruption(new WaxwingError('ERR_TIMEOUT', 'the server fell silent'))
    } else if (taken.error === undefined) {
      this.#isOver = true
    } else {
      this.#throwIfOver(taken.error)
      this.#input.onInterruption(taken.error)
    }
    return undefined
  }

  close(): void {
    this.#registration.abort()
  }

  #ask(): Promise<Response> {
    const { register, signal } = this.#input
    signal.throwIfAborted()
    return register(AbortSignal.any([signal, this.#registration.signal]))
  }

  #registered(response: Response): true {
    this.#registeredAtMs = performance.now()
    const mailbox = new Mailbox()
    this.#mailbox = mailbox
    this.first = this.#state({ message: response, done: () => {} })
    if (response.notifications === undefined) this.#isOver = true
    response.notifications?.(mailbox)
    return true
  }

  #state(taken: Taken): State {
    const { message } = taken
    const isNews = this.#last === undefined || !isSameState(this.#last, message)
    this.#last = message
    const maxAgeMs = 1000 * new CoapResponse(message).maxAgeSeconds
    this.#freshUntilMs = performance.now() + maxAgeMs + this.#input.times.silenceMs
    // One without Observe is the last; after an error of the server it is asked again.
    if (optionValue(message, OPTION.observe) === undefined) {
      this.#isOver = codeClass(message.code) !== 5
      this.#mailbox = undefined
    }
    return { ...taken, isNews }
  }

  async #pause(pauseMs: number): Promise<void> {
    const { signal, times } = this.#input
    try {
      if (pauseMs > 0) await sleep(Math.min(pauseMs, times.retryMaxMs), undefined, { signal })
    } catch (error) {
      signal.throwIfAborted()
      throw error
    }
  }

  #throwIfOver(error: unknown): void {
    this.#input.signal.throwIfAborted()
    if (error instanceof WaxwingError && error.code === 'ERR_CLOSED') throw error
  }
}

function isSameState(before: CoapMessage, now: CoapMessage): boolean {
  const isSameOption = (number: number): boolean => {
    const [a, b] = [optionValue(before, number), optionValue(now, number)]
    return a === undefined || b === undefined ? a === b : equalBytes(a, b)
  }
  const isSameFormat = isSameOption(OPTION.contentFormat) && isSameOption(OPTION.etag)
  return before.code === now.code && isSameFormat && equalBytes(before.payload, now.payload)
}

function serverError(response: CoapMessage): WaxwingError {
  const { codeName } = new CoapResponse(response)
  return new WaxwingError('ERR_TRANSPORT', `the server answered ${codeName}`)
}
