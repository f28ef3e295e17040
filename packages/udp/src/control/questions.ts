// SPDX-License-Identifier: Apache-2.0
/**
 * Questions to the group (`docs/spec/09-bindings.md` Section 9.11.5): who takes this, who keeps this? An
 * answer says nothing but "I", and is shorter than the question, so that nobody can have others flooded
 * with it. It comes after a random while (RFC 7252 Section 8.2).
 *
 * Whoever hears a question may answer it: an answer is a hint where to ask.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import {
  type CoapMessage,
  codeClass,
  CONTENT_FORMAT,
  type GroupRequest,
  METHOD,
  OPTION,
  type Peer,
  RESPONSE,
  uintOption,
  type UdpEndpoint,
} from '@waxwing/coap'
import { pathOptions } from '../addresses.js'
import { decodeInquiry, encodeInquiry, type Inquiry } from '../inquiry.js'
import type { Lan } from '../lan/lan.js'
import { Pace } from '../lan/pace.js'
import { pause } from '../pause.js'
import { whyRefused } from '../lan/system-errors.js'
import type { ResolvedOptions } from '../options.js'

export interface QuestionsTerms {
  readonly options: ResolvedOptions
  readonly endpoint: UdpEndpoint
  readonly lan: Lan
  readonly report: (error: unknown) => void
}

/** Answers to one question that are looked at. */
const MAX_ANSWERS = 32
/** Answers that wait for their moment. */
const MAX_PENDING = 256
/** The question is asked so often: any datagram may be lost. */
const ROUNDS = 3
const TOKEN_BYTES = 8
const ANSWER_BYTES = 4 + TOKEN_BYTES
const ANSWERS_BYTES_PER_SECOND = 100_000

export class Questions {
  readonly #terms: QuestionsTerms
  readonly #pending = new Set<ReturnType<typeof setTimeout>>()
  readonly #pace = new Pace(ANSWERS_BYTES_PER_SECOND)
  readonly #closing = new AbortController()

  constructor(terms: QuestionsTerms) {
    this.#terms = terms
  }

  /**
   * Asks, and calls `found` once for each peer that answers. Resolves when the time for answers is over,
   * or the signal is aborted.
   */
  async ask(
    resource: string,
    inquiry: Inquiry,
    found: (peer: Peer) => void,
    signal?: AbortSignal,
  ): Promise<void> {
    const { endpoint, lan, options } = this.#terms
    const token = randomBytes(TOKEN_BYTES).toString('latin1')
    const seen = new Set<string>()
    const stop = endpoint.onGroupResponse(token, ({ code }, peer) => {
      const name = `${peer.address} ${peer.port}`
      if (codeClass(code) !== 2 || seen.has(name) || seen.size >= MAX_ANSWERS) return
      if (!lan.isNear(peer)) return
      seen.add(name)
      found(peer)
    })
    const question = questionOf(resource, inquiry)
    const done = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])])
    for (let round = 0; round < ROUNDS && !done.aborted; round++) {
      this.say(question, token)
      await pause(options.discoveryMs / ROUNDS, done)
    }
    stop()
  }

  /**
   * Sends a message to the group, for whoever hears it. It may be lost.
   *
   * @returns `false` if it was not sent, as the interface is away.
   */
  say(message: CoapMessage, token: string = randomBytes(TOKEN_BYTES).toString('latin1')): boolean {
    const { endpoint, lan } = this.#terms
    if (!lan.isUp) return false
    endpoint.announce(message, lan.group, token).catch((error: unknown) => {
      if (whyRefused(error) === 'away') lan.lost(error) // else it is said again
    })
    return true
  }

  /** What a request of the group asks; `undefined` where nobody can tell. Reports nothing of it. */
  read(request: GroupRequest): Inquiry | undefined {
    try {
      return decodeInquiry(request.payload)
    } catch (error) {
      this.#terms.report(error)
      return undefined
    }
  }

  /** Says "I", some time soon. */
  answer({ peer, token, bytes }: GroupRequest): void {
    const { options, endpoint, lan, report } = this.#terms
    const isTooShort = bytes < ANSWER_BYTES || token.length !== TOKEN_BYTES
    if (isTooShort || !lan.isNear(peer) || this.#pending.size >= MAX_PENDING) return
    if (!this.#pace.take(ANSWER_BYTES)) return
    const answer = { code: RESPONSE.content, options: [], payload: new Uint8Array(0) }
    const timer = setTimeout(() => {
      this.#pending.delete(timer)
      endpoint.announce(answer, peer, token).catch(report)
    }, Math.random() * options.leisureMs)
    this.#pending.add(timer)
  }

  /**
   * Calls back after a random while, so that not all of a group do something at once.
   *
   * @returns `false` if it does not, as too much waits.
   */
  atLeisure(call: () => void): boolean {
    if (this.#pending.size >= MAX_PENDING || this.#closing.signal.aborted) return false
    const timer = setTimeout(() => {
      this.#pending.delete(timer)
      call()
    }, Math.random() * this.#terms.options.leisureMs)
    this.#pending.add(timer)
    return true
  }

  close(): void {
    this.#closing.abort()
    for (const timer of this.#pending) clearTimeout(timer)
    this.#pending.clear()
  }
}

/** An inquiry as a request, to the group or to one of it. */
export function questionOf(resource: string, inquiry: Inquiry): CoapMessage {
  return {
    code: METHOD.FETCH,
    options: [...pathOptions(resource), uintOption(OPTION.contentFormat, CONTENT_FORMAT.cbor)],
    payload: encodeInquiry(inquiry),
  }
}
