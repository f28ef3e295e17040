// SPDX-License-Identifier: Apache-2.0
/**
 * What the parts of the suite on history share: how messages become history, and what of them it has.
 *
 * @module
 */

import type { Received, Transport } from '@waxwing/core'

type Span = Parameters<NonNullable<Transport['replay']>>[1]

/** What the transport replays. */
export function replayOf(
  transport: Transport,
  filter: string,
  span: Span = {},
): AsyncIterable<Received> {
  if (transport.replay === undefined) throw new Error('the transport has no replay')
  return transport.replay(filter, span)
}

/** Everything that a replay yields. */
export async function all(messages: AsyncIterable<Received>): Promise<Received[]> {
  return Array.fromAsync(messages)
}

/** Sends so that it becomes history. */
export function keep(transport: Transport, address: string, payload: Uint8Array): Promise<void> {
  return transport.send(address, payload, { retained: isNewest(transport) })
}

/** Whether there is no more than the newest message of each address. */
export function isNewest(transport: Transport): boolean {
  return transport.limits.history === 'newest'
}

/** What of the payloads sent to one address its history has. */
export function kept(transport: Transport, payloads: readonly Uint8Array[]): number[][] {
  return payloads.slice(isNewest(transport) ? -1 : 0).map((payload) => [...payload])
}

/** The payloads as hex. */
export function texts(messages: readonly Pick<Received, 'payload'>[]): string[] {
  return messages.map(({ payload }) => Buffer.from(payload).toString('hex'))
}
