// SPDX-License-Identifier: Apache-2.0
/**
 * What the parts of the transport suite share: the fixture's type, and one test's transports,
 * statuses and addresses.
 *
 * @module
 */

import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, type TestContext } from 'vitest'
import {
  inboxAddress,
  type MessageHandler,
  type Transport,
  type TransportStatus,
  type WaxwingError,
} from '@waxwing/core'

/** What not every messaging system offers. */
export type TransportFeature =
  /** Each message of an address, and not only the newest where they follow each other fast. */
  | 'every-message'
  /** Messages of no bytes. */
  | 'empty'
  /** Messages of 100 KiB; where they are missing, larger payloads go in pieces. */
  | 'large'
  /** The last message of an address is kept for late subscribers. */
  | 'retained'
  /** `+` and `#` in filters. */
  | 'wildcards'
  /** Properties beside the payload. */
  | 'properties'
  /** Overlapping subscriptions get each message exactly once, and not once per overlap. */
  | 'exact-overlap'
  /** What was not acknowledged comes again to the next endpoint of the same session. */
  | 'sessions'
  /** What comes again says so. */
  | 'redelivered'
  /** The fixture can break connections. */
  | 'interruption'
  /** An acknowledgement belongs to the connection on which its message came. */
  | 'bound-acknowledgement'
  /** The fixture can make an endpoint vanish, as if its process were killed. */
  | 'vanishing'
  /** Two endpoints, neither of a group, both get every message of an address. */
  | 'fan-out'
  /** `$share/<group>/<filter>`: each message goes to one endpoint of the group. */
  | 'groups'
  /** What an endpoint of a group held when it closed or vanished goes to another one. */
  | 'group-handover'
  /** Messages can be rejected, and the fixture shows where they went. */
  | 'rejection'
  /** The fixture tells how many messages are handed over unacknowledged. */
  | 'credit'
  /** There is `replay`. */
  | 'history'
  /** What `replay` yields says when it was stored. */
  | 'stored-at'
  /** The fixture can stop and start the server, which keeps what it had taken. */
  | 'restart'

/** The reason, for each feature that is missing. */
export type TransportFeatures = { readonly [feature in TransportFeature]?: string }

export interface TransportFixture {
  /**
   * Opens an endpoint. With a session name it continues where an earlier endpoint of that name was
   * closed, and messages sent meanwhile wait for it.
   */
  open(session?: string): Transport | Promise<Transport>
  /** Breaks every connection; the transports restore theirs by themselves. */
  interrupt?(): void | Promise<void>
  /** Ends this endpoint as if its process were killed: its connections break, for good and without a word. */
  vanish?(transport: Transport): void | Promise<void>
  /** Stops the server, waits for what is done meanwhile, and starts it again with its state. */
  restart?(meanwhile: () => void | Promise<void>): Promise<void>
  /** What was rejected, as the intermediary keeps it. */
  deadLetters?(): Promise<readonly DeadLetter[]>
  /** The most data messages that one subscription has handed over and not yet acknowledged. */
  readonly maxUnacknowledged?: number
  /**
   * How many messages make a flood: more than are left unacknowledged, of data and of control. Default 150,
   * for transports whose defaults are used, and whose messages cost little time.
   */
  readonly floodCount?: number
}

/** A message that somebody rejected. */
export interface DeadLetter {
  readonly payload: Uint8Array
  readonly reason: string
}

export type TransportSetup = () => Promise<TransportFixture>

/** One test's view of the fixture. */
export interface Stage {
  readonly open: (session?: string) => Promise<Transport>
  readonly interrupt: () => Promise<void>
  readonly vanish: (transport: Transport) => Promise<void>
  readonly restart: (meanwhile: () => void | Promise<void>) => Promise<void>
  readonly deadLetters: () => Promise<readonly DeadLetter[]>
  readonly maxUnacknowledged: number
  /** More messages than are left unacknowledged. */
  readonly flood: readonly Uint8Array[]
  /** An address below which no other test sends. */
  readonly address: string
  /** A control address that no other test uses. */
  readonly inbox: string
  /** A session name that no other test uses. */
  readonly session: string
  /** A filter for this address and a group that no other test uses. */
  readonly shared: (address: string, group?: string) => string
}

/** Sets one test up; everything that it opens is closed when it ends. */
export async function stageTest(setup: TransportSetup): Promise<Stage> {
  const fixture = await setup()
  const unique = randomBytes(6).toString('hex')
  return {
    async open(session) {
      const transport = await fixture.open(session)
      onTestFinished(() => transport.close())
      return transport
    },
    async interrupt() {
      await fixture.interrupt?.()
    },
    vanish: async (transport) => offered('vanish', fixture.vanish?.bind(fixture))(transport),
    restart: async (meanwhile) => offered('restart', fixture.restart?.bind(fixture))(meanwhile),
    deadLetters: async () => offered('deadLetters', fixture.deadLetters?.bind(fixture))(),
    get maxUnacknowledged() {
      return offered('maxUnacknowledged', fixture.maxUnacknowledged)
    },
    flood: manyPayloads(fixture.floodCount ?? 150),
    shared: (address, group = 'group') => `$share/${group}-${unique}/${address}`,
    address: `suite/${unique}`,
    inbox: inboxAddress(randomBytes(32)),
    session: `session-${unique}`,
  }
}

/** A feature that is not missing needs what the suite tries it with. */
function offered<T>(name: keyof TransportFixture, value: T | undefined): T {
  if (value === undefined) throw new Error(`the fixture has no ${name}, and no feature says why`)
  return value
}

/** Ends the test here, with the reason, where the feature is missing. */
export function need(
  context: TestContext,
  features: TransportFeatures,
  feature: TransportFeature,
): void {
  const reason = features[feature]
  if (reason !== undefined) context.skip(reason)
}

/** Resolves with the first failure that the transport reports. */
export function nextError(transport: Transport): Promise<unknown> {
  return new Promise((resolve) => {
    const remove = transport.onStatus((status: TransportStatus) => {
      if (status.state !== 'error') return
      remove()
      resolve(status.error)
    })
  })
}

/** Asserts that a call is refused with this code. */
export async function expectCode(
  call: Promise<unknown>,
  code: WaxwingError['code'],
): Promise<void> {
  await expect(call).rejects.toMatchObject({ name: 'WaxwingError', code })
}

/** A handler that never returns, and the moment of its first call. */
export function hangingHandler(): { handler: MessageHandler; called: Promise<void> } {
  const { promise: called, resolve } = Promise.withResolvers<void>()
  const { promise: never } = Promise.withResolvers<void>()
  const handler: MessageHandler = () => {
    resolve()
    return never
  }
  return { handler, called }
}

/** The bytes by which a test knows its last message. */
export const MARKER: Uint8Array = Uint8Array.of(0xee)

/** `count` different payloads. */
export function manyPayloads(count: number): readonly Uint8Array[] {
  return Array.from({ length: count }, (_, index) => numbered(index))
}

/** Bytes that say which message this is. */
export function numbered(index: number): Uint8Array {
  return Uint8Array.of(0x77, index >> 8, index & 0xff)
}
