// SPDX-License-Identifier: Apache-2.0
/**
 * The handler that stands before a server's own: it lets in what verified, and lets out what is protected.
 *
 * Invariant: nothing that the handler says leaves unprotected, but for the paths that stay open.
 *
 * @module
 */

import { WaxwingError } from '@waxwing/core'
import {
  code,
  CODE_POST,
  CODE_UNAUTHORIZED,
  type CoapMessage,
  isCombinedRequest,
  isOscoreMessage,
  OPTION,
  optionValue,
  protectResponse,
  refusalFor,
  type ServerExchange,
  splitRequest,
} from '@waxwing/oscore'
import type { Handler, NotificationListener, Request, Response } from '../handler.js'
import { markVerified } from '../messaging/verified.js'
import { optionValues, readText } from '../options.js'
import { asError, type SecurityListener, tell } from './events.js'
import { EDHOC_PATH } from './initiating.js'
import { edhocRefusal, type EdhocResponder } from './responding.js'
import type { ServerContexts, Unprotected } from './server-contexts.js'
import type { ServerEntry } from './server-entry.js'

const EMPTY = new Uint8Array(0)
/** As a proxy may keep errors for a while, each refusal says that it may not (RFC 8613 Section 7.4). */
const MAX_AGE_0 = { number: OPTION.maxAge, value: EMPTY }
const UNAUTHORIZED: CoapMessage = { code: CODE_UNAUTHORIZED, options: [MAX_AGE_0], payload: EMPTY }
const FAILED: CoapMessage = { code: code(5, 0), options: [], payload: EMPTY }

export interface ProtectingOptions {
  /** What is protected. */
  readonly handler: Handler
  /** What answers on the paths that stay open. */
  readonly open: Handler
  readonly contexts: ServerContexts
  readonly responder: EdhocResponder | undefined
  readonly listener: SecurityListener | undefined
  /** Paths that stay open, each a list of segments. */
  readonly unprotected: readonly (readonly string[])[]
}

type Accepted = Extract<Unprotected, { kind: 'accepted' }>

/** Makes the handler. */
export function protecting(options: ProtectingOptions): Handler {
  return (request) =>
    isOscoreMessage(request) || isCombinedRequest(request)
      ? secured(options, request)
      : unsecured(options, request)
}

async function unsecured(
  { responder, open, unprotected }: ProtectingOptions,
  request: Request,
): Promise<Response> {
  if (responder !== undefined && isForEdhoc(request)) return await responder.receive(request)
  return isOpen(request, unprotected) ? await open(request) : UNAUTHORIZED
}

async function secured(options: ProtectingOptions, request: Request): Promise<Response> {
  const { contexts, listener } = options
  try {
    const message = isCombinedRequest(request) ? await uncombined(options, request) : request
    const unprotected = contexts.unprotect(message)
    const received = unprotected instanceof Promise ? await unprotected : unprotected
    if (received.kind === 'challenge') return received.response
    markVerified(request)
    return await answered(options, request, received)
  } catch (error) {
    if (request.signal.aborted) throw error
    tell(listener, { kind: 'refused', peer: request.peer, error: asError(error) })
    if (error instanceof NotCombined) return edhocRefusal(error.cause)
    return refusalFor(error) ?? FAILED
  }
}

/** What is wrong with message_3 or its place. */
class NotCombined extends Error {}

/** The request without message_3, which is processed first (RFC 9668 Section 3.3.1). */
async function uncombined(
  { responder }: ProtectingOptions,
  request: Request,
): Promise<CoapMessage> {
  try {
    const { message3, connectionId, request: rest } = splitRequest(request)
    if (responder === undefined) throw new WaxwingError('ERR_UNSUPPORTED', 'no EDHOC here')
    await responder.complete(connectionId, message3)
    return rest
  } catch (cause) {
    throw new NotCombined(`a combined request was refused: ${asError(cause).message}`, { cause })
  }
}

/** From here on the request is authentic and new, and whatever is answered is protected. */
async function answered(
  { handler, listener }: ProtectingOptions,
  { peer, signal, confirmable = true }: Request,
  { request, exchange, entry }: Accepted,
): Promise<Response> {
  const security = { name: entry.name }
  try {
    const response = await handler({ ...request, peer, signal, confirmable, security })
    const { notifications } = response
    const given = protectedFirst(entry, exchange, response)
    const message = given instanceof Promise ? await given : given
    if (notifications === undefined) return message
    entry.register(exchange, signal)
    return {
      ...message,
      notifications: (listening) =>
        notifications(new ProtectingListener(entry, exchange, listening)),
    }
  } catch (error) {
    if (signal.aborted) throw error
    tell(listener, { kind: 'failed', error: asError(error) })
    await exchange.context.sender.sequence.ready()
    return protectResponse(exchange, FAILED)
  }
}

/**
 * With recorded keys under a number of its own: two processes on one store, which accept the same request,
 * would both have its nonce.
 */
function protectedFirst(
  { isRecorded }: ServerEntry,
  exchange: ServerExchange,
  response: Response,
): CoapMessage | Promise<CoapMessage> {
  if (!isRecorded) return protectResponse(exchange, response)
  const { sequence } = exchange.context.sender
  return sequence.ready().then(() => protectResponse(exchange, response, { ownPartialIv: true }))
}

/** Protects notifications in the order in which they are sent, as long as the client is to be told. */
class ProtectingListener implements NotificationListener {
  readonly #entry: ServerEntry
  readonly #exchange: ServerExchange
  readonly #listener: NotificationListener
  #turn: Promise<unknown> = Promise.resolve()

  constructor(entry: ServerEntry, exchange: ServerExchange, listener: NotificationListener) {
    this.#entry = entry
    this.#exchange = exchange
    this.#listener = listener
  }

  async next(notification: CoapMessage): Promise<void> {
    const turn = this.#turn.then(() => this.#send(notification))
    this.#turn = turn
    const { taken } = await turn
    await taken
  }

  end(error?: Error): void {
    void this.#endAfter(this.#turn, error)
  }

  /** What was given before goes out before. */
  async #endAfter(turn: Promise<unknown>, error: Error | undefined): Promise<void> {
    await turn
    this.#listener.end(error)
  }

  /** Resolves when the notification is under way; `taken`, when it was taken. */
  async #send(notification: CoapMessage): Promise<{ taken: Promise<void> | undefined }> {
    try {
      if (this.#entry.isForgotten) throw new WaxwingError('ERR_CLOSED', 'the client was forgotten')
      await this.#exchange.context.sender.sequence.ready()
      return { taken: this.#listener.next(protectResponse(this.#exchange, notification)) }
    } catch (error) {
      // Without a number, or for nobody, there is no further notification.
      this.#listener.end(asError(error))
      return { taken: undefined }
    }
  }
}

function isForEdhoc(request: Request): boolean {
  return request.code === CODE_POST && hasPath(request, EDHOC_PATH)
}

/** What is meant for a proxy is not for a path of this server. */
function isOpen(request: Request, paths: ProtectingOptions['unprotected']): boolean {
  const isForProxy =
    optionValue(request, OPTION.proxyUri) !== undefined ||
    optionValue(request, OPTION.proxyScheme) !== undefined
  return !isForProxy && paths.some((path) => hasPath(request, path))
}

/** Segment by segment: a slash within one is not one between two. */
function hasPath(request: CoapMessage, path: readonly string[]): boolean {
  const segments = optionValues(request, OPTION.uriPath)
  return (
    segments.length === path.length &&
    segments.every((segment, index) => readText(segment) === path[index])
  )
}
