// SPDX-License-Identifier: Apache-2.0
/**
 * One observation of a resource (RFC 7641 Section 4).
 *
 * Invariant: while a notification is under way, changes only make the next one newer; an observer that is
 * slow costs nothing but itself.
 *
 * @module
 */

import type { CoapMessage } from '@waxwing/oscore'
import { codeClass } from '../codes.js'
import type { NotificationListener, Response } from '../handler.js'
import { OPTION, uintOption, withoutOptions } from '../options.js'
import type { Changes } from './changes.js'

/** The Observe option counts within 24 bits (RFC 7641 Section 4.4). */
const SEQUENCE_MODULUS = 2 ** 24

/** What an observation is made of. */
export interface ObservedResource {
  readonly changes: Changes
  /** Answers the request as of now. Never rejects. */
  readonly current: () => Promise<CoapMessage>
  readonly signal: AbortSignal
}

/** Answers a registration. It is none where the answer is an error (Section 4.1). */
export async function observe({ changes, current, signal }: ObservedResource): Promise<Response> {
  const asOf = changes.count
  const first = await current()
  if (codeClass(first.code) !== 2 || signal.aborted) return first
  return {
    ...numbered(first, 0),
    notifications: (listener) => {
      new Observation({ changes, current, signal }, listener).start(asOf)
    },
  }
}

class Observation {
  readonly #resource: ObservedResource
  readonly #listener: NotificationListener
  #sequence = 0
  #sentCount = 0
  #isSending = false
  #hasEnded = false
  #unsubscribe: () => void = () => {}
  readonly #aborted = (): void => this.#end()

  constructor(resource: ObservedResource, listener: NotificationListener) {
    this.#resource = resource
    this.#listener = listener
  }

  /** @param asOf - The count of changes that the first response was made after. */
  start(asOf: number): void {
    const { changes, signal } = this.#resource
    this.#sentCount = asOf
    signal.addEventListener('abort', this.#aborted)
    this.#unsubscribe = changes.subscribe(this.#send)
    if (signal.aborted) this.#end()
    else this.#send()
  }

  readonly #send = (): void => {
    if (this.#isSending) return
    this.#isSending = true
    this.#sendNewest().catch((error: unknown) => this.#end(error as Error))
  }

  async #sendNewest(): Promise<void> {
    while (!this.#hasEnded && this.#resource.changes.count !== this.#sentCount) {
      this.#sentCount = this.#resource.changes.count
      const message = await this.#resource.current()
      if (!this.#hasEnded) await this.#notify(message)
    }
    this.#isSending = false
  }

  async #notify(message: CoapMessage): Promise<void> {
    this.#sequence = (this.#sequence + 1) % SEQUENCE_MODULUS
    if (codeClass(message.code) === 2) return this.#listener.next(numbered(message, this.#sequence))
    // An error ends the observation, and has no Observe option (RFC 7641 Section 4.2).
    await this.#listener.next(message)
    this.#end()
  }

  #end(error?: Error): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.#unsubscribe()
    this.#resource.signal.removeEventListener('abort', this.#aborted)
    this.#listener.end(error)
  }
}

function numbered(message: CoapMessage, sequence: number): CoapMessage {
  const options = withoutOptions(message.options, OPTION.observe)
  return { ...message, options: [...options, uintOption(OPTION.observe, sequence)] }
}
