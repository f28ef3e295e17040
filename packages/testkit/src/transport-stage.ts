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
}

export type TransportSetup = () => Promise<TransportFixture>

/** One test's view of the fixture. */
export interface Stage {
  readonly open: (session?: string) => Promise<Transport>
  readonly interrupt: () => Promise<void>
  /** An address below which no other test sends. */
  readonly address: string
  /** A control address that no other test uses. */
  readonly inbox: string
  /** A session name that no other test uses. */
  readonly session: string
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
    address: `suite/${unique}`,
    inbox: inboxAddress(randomBytes(32)),
    session: `session-${unique}`,
  }
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
