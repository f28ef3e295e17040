// SPDX-License-Identifier: Apache-2.0
/**
 * What an endpoint is made of, and how the parts are put together. Only here do they all meet.
 *
 * @module
 */

import { systemClock, toBase64Url, toHex, WaxwingError, type Transport } from '@waxwing/core'
import { Dispatcher, type Handlers } from './control/dispatcher.js'
import { Holdings } from './control/holdings.js'
import { Intake } from './control/intake.js'
import { mediumOf, type Medium } from './control/medium.js'
import { Messenger, type Reply } from './control/messenger.js'
import { Outbox } from './control/outbox.js'
import { Packing } from './control/packing.js'
import { loadCrypto } from './crypto-choice.js'
import type { EventListener, WaxwingEvent } from './events.js'
import { GenerationBook } from './generation-book.js'
import { Granter, type GranterInputs } from './granting/granter.js'
import { GrantingAnew } from './granting/granting-anew.js'
import { Revoking } from './granting/revoking.js'
import { SharingOut } from './granting/sharing-out.js'
import { OwnIdentity, type OwnIdentityOptions } from './identity/own-identity.js'
import { TrustBook } from './identity/trust-book.js'
import type { EndpointOptions } from './options.js'
import { ReceivingGrants } from './requesting/receiving-grants.js'
import { Requester } from './requesting/requester.js'
import type { Runtime } from './runtime.js'
import { readConfirmedTime } from './confirmed-time.js'
import { TimeKeeper } from './time-keeper.js'
import { systemTimers } from './timers.js'

export interface Parts {
  readonly runtime: Runtime
  readonly transport: Transport | undefined
  readonly announce: boolean
  readonly passive: boolean
  readonly processHint: string
  readonly identity: OwnIdentity
  readonly trustBook: TrustBook
  readonly book: GenerationBook
  readonly medium: Medium
  readonly holdings: Holdings
  readonly packing: Packing
  readonly messenger: Messenger
  readonly outbox: Outbox
  readonly granter: Granter
  readonly sharing: SharingOut
  readonly grantingAnew: GrantingAnew
  readonly revoking: Revoking
  readonly requester: Requester
  readonly dispatcher: Dispatcher
  readonly intake: Intake
  listen(listener: EventListener<WaxwingEvent>): () => void
  /** What the parts need of the endpoint around them; set once. */
  readonly hooks: Hooks
}

export interface Hooks {
  rotate: (stream: string) => Promise<void>
  behind: () => void
  /** Does what nobody waits for but the end of the endpoint. */
  inBackground: (work: () => Promise<void>) => void
}

/** Puts an endpoint's parts together; nothing is sent or subscribed yet. */
export async function assemble(options: EndpointOptions): Promise<Parts> {
  const listeners = new Set<EventListener<WaxwingEvent>>()
  if (options.onEvent !== undefined) listeners.add(options.onEvent)
  const runtime = await makeRuntime(options, listeners)
  const { transport, decide } = options
  const shared = await sharedParts(runtime, options)
  const outbox = new Outbox(runtime, transport)
  const hooks = idleHooks()
  const send = (replies: readonly Reply[]): Promise<void> => sendAll(replies, transport, outbox)
  const choices = choicesOf(options)
  const granting = grantingParts({ ...shared, ...choices, outbox, hooks, decide, send })
  const { granter, revoking, sharing } = granting
  const sealedOnly = options.sealedRequestsOnly ?? false
  const requester = new Requester({
    ...shared,
    sealedOnly,
    send: transport === undefined ? undefined : send,
  })
  const grants = new ReceivingGrants({ ...shared, requester })
  const dispatcher = new Dispatcher({
    ...shared,
    handlers: handlersOf({ runtime, granter, grants, revoking, sharing, outbox, hooks }),
  })
  const intake = new Intake({ ...shared, dispatcher, send })
  return {
    ...choices,
    ...shared,
    transport,
    outbox,
    ...granting,
    requester,
    dispatcher,
    intake,
    hooks,
    listen: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

type SharedParts = Pick<
  Parts,
  'runtime' | 'identity' | 'trustBook' | 'book' | 'medium' | 'holdings' | 'packing' | 'messenger'
>

/** What nearly all parts need. */
async function sharedParts(runtime: Runtime, options: EndpointOptions): Promise<SharedParts> {
  const trustBook = await TrustBook.open(runtime)
  const identity = await OwnIdentity.open(runtime, identityOptions(options))
  const book = new GenerationBook(runtime, trustBook.trust)
  const medium = mediumOf(options.transport)
  const holdings = await Holdings.open(runtime, identity, medium)
  const packing = new Packing({ runtime, identity, trustBook, holdings, medium })
  const messenger = new Messenger({ runtime, identity, trustBook, holdings, packing })
  return { runtime, identity, trustBook, book, medium, holdings, packing, messenger }
}

/** Before the endpoint around them is there. */
function idleHooks(): Hooks {
  return {
    rotate: () => Promise.resolve(),
    behind: () => undefined,
    inBackground: () => undefined,
  }
}

function grantingParts(
  inputs: GranterInputs & Pick<Parts, 'hooks' | 'passive'>,
): Pick<Parts, 'granter' | 'sharing' | 'grantingAnew' | 'revoking'> {
  const { hooks } = inputs
  const granter = new Granter(inputs)
  const revoking = new Revoking({
    ...inputs,
    granter,
    rotate: (stream) => hooks.rotate(stream),
    inBackground: (work) => hooks.inBackground(work),
  })
  const sharing = new SharingOut({ ...inputs, granter })
  return { granter, sharing, grantingAnew: new GrantingAnew({ ...inputs, granter }), revoking }
}

function choicesOf({
  announce = false,
  passive = false,
  processHint = '',
}: EndpointOptions): Pick<Parts, 'announce' | 'passive' | 'processHint'> {
  return { announce, passive, processHint: `${processId()} ${processHint}` }
}

/** Where the platform has one. */
function processId(): number | string {
  const { process } = globalThis as { readonly process?: { readonly pid?: number } }
  return process?.pid ?? ''
}

/** Who acts on which message. */
function handlersOf(
  parts: Pick<Parts, 'runtime' | 'granter' | 'revoking' | 'sharing' | 'outbox' | 'hooks'> & {
    readonly grants: ReceivingGrants
  },
): Handlers {
  const { runtime, granter, grants, revoking, sharing, outbox, hooks } = parts
  return {
    request: (message) => granter.answer(message),
    refuse: (message, code) => granter.refuse(message, code),
    grant: (message, arrival) => grants.grant(message, arrival),
    denial: (message) => grants.denial(message),
    ack: async ({ author, body: { outcome }, envelope: { inReplyTo } }) => {
      if (inReplyTo === undefined) return []
      const principal = toBase64Url(author)
      // Whoever acknowledged all that it was told may be given what was withheld from it.
      if (
        outcome === 'done' &&
        (await granter.tellings.acknowledged(toHex(inReplyTo), principal))
      ) {
        hooks.inBackground(() => sharing.announceAll())
      }
      const isOurs = await outbox.acknowledged(toHex(inReplyTo), principal, outcome)
      if (isOurs && outcome === 'done') runtime.emit({ type: 'ack', principal })
      return []
    },
    revocation: (statement) => revoking.receive(statement),
    behind: () => hooks.behind(),
  }
}

async function makeRuntime(
  options: EndpointOptions,
  listeners: ReadonlySet<EventListener<WaxwingEvent>>,
): Promise<Runtime> {
  const { store, clock = systemClock, timers = systemTimers } = options
  const crypto = options.crypto ?? (await loadCrypto())
  const confirmedMs = await readConfirmedTime(store)
  const time = new TimeKeeper({ clock, confirmedMs })
  const emit = (event: WaxwingEvent): void => {
    for (const listener of listeners) tell(listener, event)
  }
  const report = (error: unknown): void => {
    const known = error instanceof WaxwingError
    const message = error instanceof Error ? error.message : String(error)
    const wrapped = known ? error : new WaxwingError('ERR_INTERNAL', message, {}, { cause: error })
    emit({ type: 'error', error: wrapped })
  }
  time.onChange((change) => emit({ type: 'clock', change }))
  return { crypto, store, time, timers, emit, report }
}

function identityOptions({ name, cardDays, kems }: EndpointOptions): OwnIdentityOptions {
  return {
    ...(name === undefined ? {} : { name }),
    ...(cardDays === undefined ? {} : { cardDays }),
    ...(kems === undefined ? {} : { kems }),
  }
}

/** What has to get through goes by the outbox; an answer is asked for again if it is lost. */
async function sendAll(
  replies: readonly Reply[],
  transport: Transport | undefined,
  outbox: Outbox,
): Promise<void> {
  if (transport === undefined) {
    await outbox.post(replies)
    return
  }
  const sent = replies.map(({ address, payload, retained }) =>
    transport.send(address, payload, { retained }),
  )
  for (const result of await Promise.allSettled(sent)) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** What a listener throws must not undo what it is told of, and must not get lost either. */
function tell(listener: EventListener<WaxwingEvent>, event: WaxwingEvent): void {
  try {
    listener(event)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}
