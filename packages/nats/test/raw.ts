// SPDX-License-Identifier: Apache-2.0
/** What a client that knows nothing of Waxwing sees and does. */
import { jetstreamManager } from '@nats-io/jetstream'
import { connect, type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node'
import { onTestFinished } from 'vitest'
import type { DeadLetter } from '@waxwing/testkit'

/** A client that is closed when the test ends. */
export async function rawClient(options: NodeConnectionOptions): Promise<NatsConnection> {
  const client = await connect({ ...options, reconnect: false })
  onTestFinished(() => client.close())
  return client
}

/** What stands in the stream of dead letters. */
export async function deadLettersAt(
  options: NodeConnectionOptions,
): Promise<readonly DeadLetter[]> {
  const client = await connect(options)
  try {
    const { streams } = await jetstreamManager(client)
    const info = await streams.info('WAXWING_DEAD').catch(() => undefined)
    const letters: DeadLetter[] = []
    for (let seq = info?.state.first_seq ?? 1; seq <= (info?.state.last_seq ?? 0); seq++) {
      const stored = await streams.getMessage('WAXWING_DEAD', { seq })
      if (stored === null) continue
      const payload = new Uint8Array(stored.data)
      letters.push({ payload, reason: stored.header.get('Waxwing-Reason') })
    }
    return letters
  } finally {
    await client.close()
  }
}
