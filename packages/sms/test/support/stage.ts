// SPDX-License-Identifier: Apache-2.0
/** A centre and transports for one test; all of it ends with the test. */
import { onTestFinished } from 'vitest'
import type { TransportStatus } from '@waxwing/core'
import { smsTransport, type SmsTransport, type SmsTransportOptions } from '@waxwing/sms'
import { startMessageCentre, type CentreOptions, type MessageCentre } from '@waxwing/testkit'

/** Two numbers. */
export const [NEAR, FAR] = ['4915100000001', '4915100000002'] as const

export async function centreFor(options: CentreOptions = {}): Promise<MessageCentre> {
  const centre = await startMessageCentre(options)
  onTestFinished(() => centre.close())
  return centre
}

/** A transport whose name at the centre is its number. */
export function transportAt(
  centre: Pick<MessageCentre, 'port'>,
  number: string,
  options: Partial<SmsTransportOptions> = {},
): SmsTransport {
  const transport = smsTransport({
    url: `smpp://${number}:secret@127.0.0.1:${centre.port}`,
    source: number,
    reconnectMinMs: 10,
    reconnectMaxMs: 100,
    throttleMinMs: 10,
    throttleMaxMs: 100,
    ...options,
  })
  onTestFinished(() => transport.close())
  return transport
}

/** Everything that a transport reports, as it happens. */
export function errorsOf(transport: SmsTransport): unknown[] {
  const errors: unknown[] = []
  transport.onStatus((status: TransportStatus) => {
    if (status.state === 'error') errors.push(status.error)
  })
  return errors
}

/** Bytes that are data as they are, of this length. */
export function dataOf(length: number, seed = 1): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i === 0 ? 0xd0 : (i * 31 + seed) & 0xff))
}
