// SPDX-License-Identifier: Apache-2.0
/**
 * Retained messages: the newest of each address, in a bucket (`docs/spec/09-bindings.md`
 * Section 9.7.5). A new handler gets what is there before it gets what comes.
 *
 * @module
 */

import type { MessageHandler } from '@waxwing/core'
import { filterMatcher, Handlers, limitError, unshared } from '@waxwing/transport-kit'
import { payloadOf } from './delivered.js'
import type { Feed, FeedTerms } from './feed.js'
import { addressOfKey, keyOf, keysOf } from './names.js'
import { MESSAGE_ID, propertiesOf } from './properties.js'
import { readStored, type StoredMessage, type StoredPort } from './stored.js'
import { RETAINED_BUCKET, type Session, type Streams } from './streams.js'

const PREFIX = `$KV.${RETAINED_BUCKET}.`
/** The header of what stands for a message that was taken away. */
export const OPERATION = 'KV-Operation'
/** Ids of messages that came as retained ones. */
const MAX_HANDLED = 10_000

/** Where the newest message of an address is kept. */
export function keptAt(address: string): string {
  return PREFIX + keyOf(address)
}

/** One handler and what was retained when it came. */
export class RetainedReading {
  readonly #handlers: Handlers
  readonly #feed: Feed
  readonly #terms: FeedTerms
  #room: (() => void) | undefined
  #isClosed = false
  #end = 0

  constructor(handler: MessageHandler, feed: Feed, terms: FeedTerms) {
    const { retryHandlerMs, maxUnacknowledged } = terms.options
    this.#handlers = new Handlers({ retryHandlerMs, maxUnacknowledged, report: terms.report })
    this.#handlers.add(handler)
    this.#feed = feed
    this.#terms = terms
  }

  /** Notes what there is: what is sent from now on is live. @throws {unknown} If that is not known. */
  async begin(session: Session, streams: Streams): Promise<void> {
    const bucket = await streams.find(session, 'retained')
    this.#end = bucket?.state.last_seq ?? 0
  }

  /** Hands over all that there was; resolves when the last was handed over. */
  async run(filter: string, port: StoredPort): Promise<void> {
    const end = this.#end
    if (end === 0) return
    const inner = unshared(filter)
    const matches = filterMatcher(inner)
    for (const pattern of keysOf(inner)) {
      const query = { role: 'retained', pattern: PREFIX + pattern, end, kind: 'newest' } as const
      for await (const stored of readStored(port, query)) {
        if (this.#isClosed) return
        this.#hand(stored, matches)
        await this.#untilRoom()
      }
    }
  }

  close(): void {
    this.#isClosed = true
    this.#handlers.close()
    this.#room?.()
  }

  #hand({ message }: StoredMessage, matches: (address: string) => boolean): void {
    const { subject, headers } = message
    const address = addressOfKey(subject.slice(PREFIX.length))
    const isGone = headers?.has(OPERATION) === true
    if (address === undefined || isGone || !matches(address)) return
    const payload = payloadOf(message)
    const { maxPayloadBytes } = this.#terms.options
    if (payload.length > maxPayloadBytes) {
      const what = `a retained message of ${payload.length} bytes is left out`
      this.#terms.report(limitError(what, 'maxPayloadBytes'))
      return
    }
    const id = headers?.get(MESSAGE_ID) ?? ''
    const settled = (): undefined => {
      this.#room?.()
    }
    this.#handlers.offer(
      {
        address,
        payload,
        properties: propertiesOf(headers),
        retained: true,
        redelivered: false,
      },
      {
        acknowledge: () => {
          this.#remember(id)
          return settled()
        },
        giveBack: settled,
      },
    )
  }

  /** What is live is the same message: the handler has it. */
  #remember(id: string): void {
    const { handled } = this.#feed
    // Several handlers: what one has handled, the others have not.
    if (id === '' || this.#feed.handlers.size > 1) return
    if (handled.size < MAX_HANDLED) handled.add(id)
  }

  async #untilRoom(): Promise<void> {
    while (!this.#isClosed && this.#handlers.unsettled >= this.#terms.options.maxUnacknowledged) {
      await new Promise<void>((resolve) => {
        this.#room = resolve
      })
    }
  }
}
