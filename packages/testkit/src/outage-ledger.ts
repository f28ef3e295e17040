// SPDX-License-Identifier: Apache-2.0
/**
 * What was published, handed over and acknowledged during outages, and whether that is what was promised.
 *
 * @module
 */

import type { Message, WaxwingEvent } from '@waxwing/client'

type Receipt = Message['receipt']

/** What a run saw. */
export interface OutageReport {
  /** Messages that the first hop took. */
  readonly published: number
  /** Those that it may have taken or not: the transport gave them up. */
  readonly uncertain: number
  /** How often a message was handed over, and how many different ones. */
  readonly handedOver: number
  readonly different: number
  /** Of them, those that said they had been delivered before. */
  readonly redelivered: number
  /** Acknowledgements that failed, after which the message came again. */
  readonly unacknowledged: number
  readonly stops: number
  readonly cuts: number
  readonly seconds: number
  /** From the call of `publish` to the acknowledgement, at the most. */
  readonly longestMs: number
  /** What the reader's endpoint reported, and how often. */
  readonly events: Readonly<Record<string, number>>
  /** What did not hold. Empty: the promise was kept. */
  readonly problems: readonly string[]
}

/** Problems that are told one by one. */
const MAX_PROBLEMS = 20
const LOOK_MS = 20

export class OutageLedger {
  readonly incidents: { stops: number; cuts: number } = { stops: 0, cuts: 0 }
  readonly #patienceMs: number
  readonly #beganMs = performance.now()
  readonly #publishingMs = new Map<string, number>()
  readonly #published = new Map<string, string>()
  readonly #uncertain = new Set<string>()
  readonly #handedOver = new Map<string, string>()
  readonly #acknowledged = new Set<string>()
  readonly #events = new Map<string, number>()
  readonly #problems: string[] = []
  #counts = { handedOver: 0, redelivered: 0, unacknowledged: 0 }
  #longestMs = 0
  #newsMs = performance.now()

  /** @param patienceMs - How long nothing may happen before a wait is given up. */
  constructor(patienceMs: number) {
    this.#patienceMs = patienceMs
  }

  publishing(text: string): void {
    this.#publishingMs.set(text, performance.now())
  }

  published(text: string, receipt: Receipt): void {
    this.#published.set(formatReceipt(receipt), text)
    this.#newsMs = performance.now()
  }

  /** The transport gave it up: whether it went out nobody knows. */
  failed(text: string): void {
    this.#uncertain.add(text)
  }

  handedOver(message: Message): void {
    const [key, text] = [formatReceipt(message.receipt), message.text()]
    this.#newsMs = performance.now()
    this.#counts.handedOver++
    if (message.redelivered) this.#counts.redelivered++
    if (this.#acknowledged.has(key)) this.#problem(`'${text}' came after it was acknowledged`)
    const before = this.#handedOver.get(key)
    if (before !== undefined && before !== text) this.#problem(`'${text}' was '${before}' before`)
    if (!this.#publishingMs.has(text)) this.#problem(`'${text}' was never published`)
    this.#handedOver.set(key, text)
  }

  acknowledged(message: Message): void {
    this.#acknowledged.add(formatReceipt(message.receipt))
    const begun = this.#publishingMs.get(message.text()) ?? performance.now()
    this.#longestMs = Math.max(this.#longestMs, performance.now() - begun)
  }

  unacknowledged(): void {
    this.#counts.unacknowledged++
  }

  event(type: WaxwingEvent['type']): void {
    this.#events.set(type, (this.#events.get(type) ?? 0) + 1)
  }

  /** Resolves when everything that was taken is acknowledged, or when nothing happens any more. */
  async untilAllIsAcknowledged(): Promise<void> {
    this.#newsMs = performance.now()
    while (this.#missing().length > 0 && performance.now() - this.#newsMs < this.#patienceMs) {
      await new Promise((resolve) => {
        setTimeout(resolve, LOOK_MS)
      })
    }
  }

  report(): OutageReport {
    for (const text of this.#missing()) this.#problem(`'${text}' was published and is lost`)
    const texts = [...this.#handedOver.values()]
    if (new Set(texts).size < texts.length) this.#problem('one message has two receipts')
    return {
      published: this.#published.size,
      uncertain: this.#uncertain.size,
      different: this.#handedOver.size,
      ...this.#counts,
      ...this.incidents,
      seconds: (performance.now() - this.#beganMs) / 1000,
      longestMs: this.#longestMs,
      events: Object.fromEntries(this.#events),
      problems: this.#problems,
    }
  }

  /** The texts of what was taken and not yet acknowledged. */
  #missing(): readonly string[] {
    return [...this.#published].flatMap(([key, text]) =>
      this.#acknowledged.has(key) ? [] : [text],
    )
  }

  #problem(line: string): void {
    if (this.#problems.length < MAX_PROBLEMS) this.#problems.push(line)
  }
}

/** A message's unique name. */
function formatReceipt({ generationId, session, counter }: Receipt): string {
  return `${generationId}/${session}/${counter}`
}
