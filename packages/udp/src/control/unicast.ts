// SPDX-License-Identifier: Apache-2.0
/**
 * What this endpoint asks single peers (`docs/spec/09-bindings.md` Section 9.11.4): CoAP with
 * retransmission, block-wise where it is large. Who is asked to prove its address does (RFC 9175).
 *
 * @module
 */

import {
  blockwiseClient,
  codeName,
  CONTENT_FORMAT,
  type CoapMessage,
  type Handler,
  METHOD,
  OPTION,
  type Peer,
  RESPONSE,
  type Response,
  uintOption,
  type UdpEndpoint,
} from '@waxwing/coap'
import { malformed, type WaxwingError } from '@waxwing/core'
import { transportError } from '@waxwing/transport-kit'
import { inboxOptions, pathOptions, RESOURCE } from '../addresses.js'
import { decodePage, type Inquiry, inquiryFor, type Page } from '../inquiry.js'
import { pause } from '../pause.js'
import { questionOf } from './questions.js'

/** A page, of items of a datagram each at the most, or of one that is large. */
const MAX_PAGE_BYTES = 2 * 1024 * 1024
/** How often a neighbour that is busy is asked again. */
const MAX_BUSY = 20
const BUSY_MS = 250

export interface UnicastTerms {
  readonly endpoint: UdpEndpoint
  readonly maxMessageBytes: number
  /** The own inboxes, at the time. */
  readonly inboxes: () => Iterable<string>
  /** Aborted when nothing is asked any more. */
  readonly signal: AbortSignal
}

export class Unicast {
  readonly #terms: UnicastTerms
  readonly #network: Handler

  constructor(terms: UnicastTerms) {
    this.#terms = terms
    const { maxMessageBytes } = terms
    this.#network = blockwiseClient({ maxMessageBytes, maxBodyBytes: MAX_PAGE_BYTES })(
      terms.endpoint.network,
    )
  }

  /**
   * Hands a control message to a peer. Resolves when an endpoint there has acknowledged it.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if the peer refuses or is not there; `ERR_TIMEOUT`.
   */
  async deliver(address: string, payload: Uint8Array, peer: Peer): Promise<void> {
    const options = [
      ...pathOptions(address),
      uintOption(OPTION.contentFormat, CONTENT_FORMAT.octetStream),
      ...inboxOptions(this.#terms.inboxes()),
    ]
    const { code } = await this.#ask({ code: METHOD.POST, options, payload }, peer)
    if (code !== RESPONSE.changed) throw refused(code)
  }

  /**
   * Asks a peer whether it takes what is sent to an address: little, for one that may not have asked for more.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT` if it does not, or is not there; `ERR_TIMEOUT`.
   */
  async probe(address: string, peer: Peer): Promise<void> {
    const { code } = await this.#ask(questionOf(RESOURCE.listeners, inquiryFor(address)), peer)
    if (code !== RESPONSE.content) throw refused(code)
  }

  /**
   * Fetches a page. A neighbour that is busy is asked again, for a while.
   *
   * @throws {WaxwingError} `ERR_TRANSPORT`, `ERR_TIMEOUT`, `ERR_MALFORMED`, `ERR_LIMIT`.
   */
  async fetch(resource: string, inquiry: Inquiry, peer: Peer): Promise<Page> {
    const question = questionOf(resource, inquiry)
    for (let attempt = 1; ; attempt++) {
      const response = await this.#ask(question, peer)
      if (response.code === RESPONSE.content) return readPage(response.payload)
      const isBusy = response.code === RESPONSE.serviceUnavailable
      if (!isBusy || attempt === MAX_BUSY) throw refused(response.code)
      await pause(BUSY_MS, this.#terms.signal)
      this.#terms.signal.throwIfAborted()
    }
  }

  #ask(message: CoapMessage, peer: Peer): Promise<Response> {
    return this.#network({ ...message, peer, signal: this.#terms.signal, confirmable: true })
  }
}

function readPage(payload: Uint8Array): Page {
  if (payload.length > MAX_PAGE_BYTES) throw malformed('page', 'length')
  return decodePage(payload)
}

function refused(code: number): WaxwingError {
  return transportError(`the peer answered ${codeName(code)}`)
}
